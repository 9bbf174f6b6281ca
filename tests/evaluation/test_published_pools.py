"""Rows over the element-graph project's own files: its data set's folders, made small."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from svrag.cli import main
from svrag.errors import InputError
from svrag.evaluation import element_rows
from svrag.evaluation.element_pool import VARIANTS
from svrag.evaluation.element_rows import run_rows
from svrag.evaluation.published_pools import load_pools, published_folder
from svrag.evaluation.result_json import from_json, to_json
from svrag.graph.places import places_of
from tests.evaluation.files_made import write_json, write_lines, write_picture
from tests.retrievers.elements.tiny import write_siglip2
from tests.retrievers.multivector.words import WordEncoder
from tests.training.data.test_graphs import edge, node

FIGURE, CAPTION = "1611.04684v1-Figure1-1.png", "1611.04684v1-Figure1-1.png__caption"
PAPER = "1611.04684v1"


def spiqa(folder: Path, *, pictures: bool = True) -> Path:
    """As the data set has SPIQA: pages and boxes are not told, figures have no words, captions are elements."""
    at = folder / "spiqa-v2.1" / "test-A"
    nodes = [
        node(FIGURE, "figure", label="figure 1"),
        node(CAPTION, "caption", label="figure 1"),
        node(f"{PAPER}__sec00", "section_header", "method", "Kilns"),
        node(f"{PAPER}__p000", "text", "method"),
        node(f"{PAPER}__p001", "text", "method"),
    ]
    edges = [
        edge(CAPTION, FIGURE, "caption_of"),
        edge(f"{PAPER}__p000", FIGURE, "refer_to"),
        edge(f"{PAPER}__sec00", f"{PAPER}__p000", "contains"),
    ]
    graph = {"doc_id": PAPER, "schema_version": "v2.1", "nodes": nodes, "edges": edges}
    write_json(at / "element_graph.json", {PAPER: graph})
    texts = {
        FIGURE: None,
        CAPTION: "Figure 1: The kiln.",
        f"{PAPER}__sec00": "Kilns",
        f"{PAPER}__p000": "Figure 1 shows heat of bowls.",
        f"{PAPER}__p001": "Glaze is blue.",
    }
    types = {one["id"]: one["type"] for one in nodes}
    write_lines(
        at / "elements.jsonl",
        [{"id": id, "doc_id": PAPER, "type": types[id], "text": text} for id, text in texts.items()],
    )
    qa = [
        {"question": "How much heat of bowls is shown?", "answer": "1240 degrees", "reference": FIGURE},
        {"question": "?", "answer": "", "reference": None},
    ]
    write_json(at / "qa.json", {PAPER: {"qa": qa}, "without-a-graph": {"qa": [qa[0]]}})
    if pictures:
        write_picture(folder / "SPIQA_testA_Images" / PAPER / FIGURE, size=(60, 60))
    return folder


def sciegqa(folder: Path, queries: list[dict[str, Any]] | None = None) -> Path:
    """As the data set has SciEGQA and MMDocIR: pages, boxes, several gold elements."""
    at = folder / "sciegqa-v2.1"
    names = {
        "a__p001__e0000": "text",
        "a__p002__e0001": "text",
        "a__p003__e0002": "table",
        "a__sec000": "section_header",
    }
    graph = {
        "doc_id": "a",
        "schema_version": "v2.1",
        "nodes": [
            {**node(id, type, "method"), "page": int(id[4:7]) if "__p" in id else None} for id, type in names.items()
        ],
        "edges": [edge("a__sec000", id, "contains") for id in list(names)[:3]],
    }
    write_json(at / "element_graph.json", {"a": graph})
    told: list[dict[str, Any]] = [
        {"id": id, "doc_id": "a", "type": type, "text": text, "page": 1 + n, "bbox_pdf": [10.0, 20.0, 30.0, 40.5]}
        for n, (id, type, text) in enumerate(
            zip(names, names.values(), ["Kilns are hot.", "Bowls are blue.", "Heat 1240", "Method"], strict=True)
        )
    ]
    write_lines(at / "elements.jsonl", told)
    gold = {"qid": "sciegqa_00000", "doc_id": "a", "query": "blue bowls heat?", "answer": "1240", "category": "cs"}
    asked = [
        {**gold, "gt_element_ids": ["a__p002__e0001", "a__p003__e0002"], "evidence_pages": [2, 3]},
        {**gold, "qid": "sciegqa_00001", "gt_element_ids": [], "evidence_pages": [1]},
    ]
    write_lines(at / "queries.jsonl", queries if queries is not None else asked)
    return folder


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> WordEncoder:
    encoder = WordEncoder("made/words")
    monkeypatch.setattr(element_rows, "load_multivector", lambda name: encoder)
    return encoder


def test_the_pool_is_the_graph_without_headings_and_gold_are_the_elements_named(
    tmp_path: Path, words: WordEncoder
) -> None:
    result = run_rows("sciegqa", sciegqa(tmp_path), rows=["made/words"])
    assert [row.retriever for row in result.rows[:2]] == ["made/words", f"made/words + {VARIANTS[1]}"]
    (record,) = result.row.records
    ranked = record.ranking.elements
    assert ranked is not None
    assert [e.id for e in ranked] == ["a__p002__e0001", "a__p003__e0002", "a__p001__e0000"]
    assert record.gold.elements == {"a__p002__e0001", "a__p003__e0002"}
    assert record.metrics["element_recall@1"] == record.metrics["coverage@1"] == 0.5
    assert record.metrics["element_recall@3"] == record.metrics["perfect@3"] == record.metrics["element_mrr"] == 1
    assert (record.metrics["perfect@1"], record.metrics["cross_page_hit"]) == (0, 1)
    assert dict(record.slices) == {
        "document": "a",
        "gold_type": "table",
        "category": "cs",
        "evidence_pages": "several pages",
    }
    assert "1 questions were left out: their gold elements are not told" in result.notes
    (without,) = [note for note in result.notes if "no picture here" in note]
    assert without.startswith("1 of 1 figures")
    assert from_json(json.loads(json.dumps(to_json(result)))).rows[0].records[0].gold == record.gold


def test_elements_know_their_places_in_the_published_graph(tmp_path: Path, words: WordEncoder) -> None:
    run_rows("spiqa", spiqa(tmp_path, pictures=False), rows=["made/words"])
    (document,) = load_pools(tmp_path / "spiqa-v2.1" / "test-A").documents.values()
    places = places_of(document.graph)
    assert words.placed == [places[id] for id in (CAPTION, f"{PAPER}__p000", f"{PAPER}__p001")]
    assert places[f"{PAPER}__p000"].role == "method"


def test_a_figure_without_words_or_picture_is_found_through_the_graph_alone(
    tmp_path: Path, words: WordEncoder
) -> None:
    result = run_rows("spiqa", spiqa(tmp_path, pictures=False), rows=["made/words"])
    plain = result.row.records[0]
    (moved,) = next(row.records for row in result.rows if row.retriever.endswith("PageRank 0.15"))
    assert plain.metrics["element_mrr"] < moved.metrics["element_mrr"]
    assert "mrr" not in plain.metrics, "pages are not told"
    assert plain.question.answer == "1240 degrees"
    assert plain.ranking.pages == ()


@pytest.mark.parametrize("inside", [".", "spiqa-v2.1", "spiqa-v2.1/test-A"])
def test_pictures_are_found_beside_the_files_from_any_of_their_folders(tmp_path: Path, inside: str) -> None:
    folder = published_folder("spiqa", spiqa(tmp_path) / inside)
    assert folder is not None
    pools = load_pools(folder)
    assert pools.pictures[PAPER][FIGURE].open().size == (60, 60)
    assert pools.notes == ("1 questions were left out: their documents have no graph",)


def test_a_picture_in_the_line_of_an_element(tmp_path: Path) -> None:
    at = sciegqa(tmp_path) / "sciegqa-v2.1"
    lines = [json.loads(line) for line in (at / "elements.jsonl").read_text().splitlines()]
    lines[2]["image_b64"] = base64.b64encode(write_picture(tmp_path / "x.png", size=(50, 40)).read_bytes()).decode()
    write_lines(at / "elements.jsonl", lines)
    assert load_pools(at).pictures["a"]["a__p003__e0002"].open().size == (50, 40)


def test_an_encoder_with_towers_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = element_graph_row(tmp_path)
    out = tmp_path / "out.json"
    arguments = ["eval", "spiqa", "--data", str(spiqa(tmp_path)), "--row", row, "--json", str(out)]
    assert main([*arguments, "--resume", str(tmp_path / "run.jsonl"), "--report", str(tmp_path / "report")]) == 0
    told = json.loads(out.read_text())
    assert told["per_question"][0]["gold_elements"] == [FIGURE]
    assert told["settings"]["documents"] == {"count": 1, "pictures": 1}
    assert told["metrics"]["element_recall@5"] == 1, "four candidates"
    assert "element_recall@5" in capsys.readouterr().out
    assert (tmp_path / "report" / "report.html").is_file()


def element_graph_row(folder: Path) -> str:
    """A tiny encoder saved as `svrag train` saves it."""
    from svrag.retrievers.elements.config import ElementConfig
    from svrag.retrievers.elements.model import new_model
    from svrag.retrievers.elements.saved import save

    model, _ = new_model(ElementConfig(vision=str(write_siglip2(folder / "siglip")), dimension=16))
    save(model, folder / "row")
    return str(folder / "row")


def spoil(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("element_graph.json", "{", r"element_graph\.json: the graph file is not JSON"),
        ("element_graph.json", '{"a": {"schema_version": "v1"}}', "schema 'v1', not 'v2.1'"),
        ("elements.jsonl", '{"id": 1}\n', r"elements\.jsonl: line 1: an element lacks 'doc_id'"),
        ("queries.jsonl", '{"query": "?"}\n', r"queries\.jsonl holds no questions in a layout known here"),
        ("queries.jsonl", "", r"queries\.jsonl has no question with a gold element"),
        ("elements.jsonl", None, r"has element_graph\.json but no elements\.jsonl: download"),
        ("queries.jsonl", None, r"but no queries\.jsonl or qa\.json: download"),
    ],
)
def test_files_that_are_not_in_the_layout(
    tmp_path: Path, words: WordEncoder, file: str, text: str | None, said: str
) -> None:
    path = sciegqa(tmp_path) / "sciegqa-v2.1" / file
    if text is None:
        path.unlink()
    else:
        spoil(path, text)
    with pytest.raises(InputError, match=said) as caught:
        run_rows("sciegqa", tmp_path, rows=["made/words"])
    assert "\n" not in str(caught.value)


def test_gold_that_no_element_has_cannot_be_found_and_counts(tmp_path: Path, words: WordEncoder) -> None:
    asked = {"qid": "1", "doc_id": "a", "query": "blue", "gt_element_ids": ["a__p002__e0001", "a__p009__e0009"]}
    (record,) = run_rows("sciegqa", sciegqa(tmp_path, [asked]), rows=["made/words"]).row.records
    assert (record.metrics["element_recall@10"], record.metrics["perfect@10"]) == (0.5, 0)
