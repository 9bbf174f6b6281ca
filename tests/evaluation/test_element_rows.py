"""Rows over elements, with an encoder of words and with a tiny checkpoint, on files in the benchmarks' layouts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from svrag.cli import main
from svrag.cli.evaluating import WITH_ROWS
from svrag.documents.model import Element, Region
from svrag.errors import InputError
from svrag.evaluation import element_pool, element_rows
from svrag.evaluation.element_pool import VARIANTS, Pool, best_first, read_pool, variants
from svrag.evaluation.element_rows import MEASURED, model_of, run_rows
from svrag.evaluation.metrics import Gold, RankedElement, pool_metrics
from svrag.evaluation.result_json import from_json, to_json
from svrag.graph.build import build_graph
from svrag.graph.places import places_of
from svrag.graph.propagation import Transition, diffusion
from svrag.library.store import Library
from svrag.retrievers.elements.rows import ROWS
from tests.evaluation import test_sciegqa, test_spiqa
from tests.library.made import add, document
from tests.retrievers.multivector.tiny import write_colpali
from tests.retrievers.multivector.words import WordEncoder

SENTENCES = ("The north kiln was fired for two days.", "As Table 1 shows it was hot.", "Bowls were glazed in blue.")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def pool_of(library: Library, folder: Path, encoder: WordEncoder) -> tuple[Pool, dict[str, Element]]:
    add(library, folder, document("kilns.pdf", *SENTENCES))
    (stored,) = library.documents()
    return read_pool(library, stored, encoder), {e.id: e for e in library.elements_of(stored.id)}


def test_every_element_but_headings_is_scored_by_itself(library: Library, tmp_path: Path) -> None:
    encoder = WordEncoder()
    pool, elements = pool_of(library, tmp_path, encoder)
    assert {e.id for e in pool.elements} == {
        id for id, e in elements.items() if e.type not in ("page", "section_header")
    }
    assert {e.type for e in pool.elements} == {"text", "caption", "table"}
    assert "Kiln Heat\nNorth 1240" in encoder.seen, "a table without its caption, which is an element of its own"
    graph = build_graph(document("kilns.pdf", *SENTENCES))
    assert encoder.placed == [places_of(graph)[e.id] for e in pool.elements]
    query = encoder.questions(["north kiln glaze"])[0].vectors
    for element, score in zip(pool.elements, pool.scores(query), strict=True):
        own = encoder.passages([element.text])[0].vectors
        assert score == pytest.approx(sum(max(float(q @ v) for v in own) for q in query), abs=1e-5)


def test_elements_without_words_score_nothing_until_something_moves() -> None:
    elements = tuple(e for e in document("kilns.pdf", *SENTENCES).elements if e.type != "section_header")
    graph = build_graph(document("kilns.pdf", *SENTENCES))
    one = np.eye(4, dtype=np.float32)
    caption = next(n for n, e in enumerate(elements) if e.type == "caption")
    pool = Pool(elements, graph, one[:1], np.array([0]), np.array([caption]))
    scores = pool.scores(one[:2])
    assert np.flatnonzero(scores).tolist() == [caption]
    table = next(n for n, e in enumerate(elements) if e.id == elements[caption].target_id)
    assert variants(pool)["diffusion, full"](scores)[table] > 0
    nothing = Pool(elements, graph, one[:0], np.array([0]), np.array([], dtype=np.int64))
    assert not nothing.scores(one).any()


def test_variants_by_name(library: Library, tmp_path: Path) -> None:
    pool, _ = pool_of(library, tmp_path, WordEncoder())
    ways = variants(pool)
    assert tuple(ways) == VARIANTS
    scores = np.linspace(3, 1, len(pool.elements))
    assert ways[""](scores) is scores
    assert len({tuple(best_first(move(scores))) for move in ways.values()}) > 1


def test_the_published_cut_moves_scores_among_the_best_alone(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(element_pool, "_PUBLISHED_CUT", 4)
    pool, _ = pool_of(library, tmp_path, WordEncoder())
    scores = np.random.default_rng(1).normal(size=len(pool.elements)) * 5
    order = best_first(scores)
    best, rest = order[:4], order[4:]
    inner = Transition(pool.graph, [pool.elements[n].id for n in best], keep=False)
    moved = diffusion(inner, scores[best])
    (cut,) = [way for name, way in variants(pool).items() if "best" in name]
    assert best_first(cut(scores)) == [best[n] for n in best_first(moved)] + rest


def test_pool_metrics_by_hand() -> None:
    made = document("kilns.pdf", *SENTENCES)
    tables = [e for e in made.elements if e.type == "table"]
    ranked = [RankedElement(e.id, e.type, e.page, e.box) for e in (made.elements[1], tables[1], tables[0])]
    gold = Gold(frozenset(), (Region(tables[0].page, tables[0].box),))
    measured = pool_metrics(ranked, gold)
    assert measured == {
        "element_hit@1": 0.0,
        "element_hit@3": 1.0,
        "element_hit@5": 1.0,
        "element_hit@10": 1.0,
        "element_mrr": 1 / 3,
    }
    assert pool_metrics(ranked[:2], gold)["element_mrr"] == 0
    assert pool_metrics(ranked, Gold(frozenset(), (), elements=frozenset({ranked[2].id}))) == measured
    assert pool_metrics(ranked, Gold(frozenset({1}), ())) == {}


@pytest.fixture(scope="module")
def colpali(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_colpali(tmp_path_factory.mktemp("tiny") / "colpali"))


def test_rows_of_a_checkpoint(tmp_path: Path, colpali: str, capsys: pytest.CaptureFixture[str]) -> None:
    test_spiqa.write(tmp_path)
    arguments = ["eval", "spiqa", "--data", str(tmp_path), "--row", colpali, "--library", str(tmp_path / "library")]
    arguments += ["--json", str(tmp_path / "out.json"), "--resume", str(tmp_path / "run.jsonl")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "diffusion, base+role" in printed
    told = json.loads((tmp_path / "out.json").read_text())
    result = from_json(told)
    assert [row.retriever for row in result.rows] == [f"{colpali} + {v}" if v else colpali for v in VARIANTS]
    assert {row.against for row in result.rows[1:]} == {colpali}
    assert to_json(result)["rows"] == told["rows"]
    for row in result.rows:
        (record,) = row.records
        assert record.ranking.elements is not None
        assert sorted(e.page for e in record.ranking.elements) == [1, 2], "both pictures are candidates"
        assert record.metrics["element_recall@10"] == record.metrics["element_hit@10"] == 1
        assert record.metrics["element_mrr"] in (0.5, 1)
    assert {"element_recall@1", "element_mrr"} <= set(told["rows"][1]["compared"])
    assert main(arguments) == 0  # all from the journal
    assert len((tmp_path / "run.jsonl").read_text().splitlines()) == 1 + len(VARIANTS)


def test_several_rows_are_compared_with_their_own_plain_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test_spiqa.write(tmp_path)
    encoders = {name: WordEncoder(name, fingerprint=name) for name in ("made/one", "made/two")}
    monkeypatch.setattr(element_rows, "load_multivector", encoders.__getitem__)
    result = run_rows("spiqa", tmp_path, rows=list(encoders))
    assert len(result.rows) == 2 * len(VARIANTS)
    for row in result.rows:
        assert result.base_of(row).retriever == (row.retriever.partition(" + ")[0] if row.against else "made/one")
    (record,) = result.row.records
    assert record.ranking.elements is not None
    captions = [element for element in encoders["made/one"].seen if "Table 1" in str(element)]
    assert captions, "without elements of their own, captions are read with their figures"


def test_a_document_that_cannot_be_read_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test_sciegqa.paper(tmp_path)
    monkeypatch.setattr(element_rows, "load_multivector", lambda name: WordEncoder(name))
    result = run_rows("sciegqa", test_sciegqa.write(tmp_path), rows=["made/words"])
    assert result.notes[0].startswith("2311.07631.pdf was not read")
    for row in result.rows:
        assert row.means()["element_hit@10"] == row.means()["cross_page_hit"] == 0


def test_names_of_rows() -> None:
    assert WITH_ROWS == MEASURED
    assert model_of("h_best_combo") == "element-graph#h_best_combo"
    assert model_of("some/folder#h_best_combo") == "some/folder#h_best_combo"
    assert len(ROWS) == 42


def test_what_rows_cannot_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(element_rows, "load_multivector", lambda name: WordEncoder(name))
    with pytest.raises(InputError, match="spiqa, sciegqa, mmdocir have boxes, not beir"):
        run_rows("beir", tmp_path, rows=["made/words"])
    with pytest.raises(InputError, match="named twice"):
        run_rows("spiqa", tmp_path, rows=["made/words", "made/words"])
    with pytest.raises(InputError, match="at least 1 question"):
        run_rows("spiqa", tmp_path, rows=["made/words"], limit=0)
    assert main(["eval", "spiqa", "--row", "made/words", "--baselines"]) == 1
    assert "leave out --retriever" in capsys.readouterr().err
