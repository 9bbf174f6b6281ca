from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from svrag.errors import InputError
from svrag.evaluation.metrics import question_metrics
from svrag.evaluation.result_json import from_json, to_json, written
from svrag.evaluation.runner import run
from svrag.generation.answer import NOT_FOUND, Answer
from svrag.library.store import Library, StoredDocument
from svrag.search.engine import search
from svrag.search.result import Hit, SearchResult
from tests.retrievers.multivector.words import WordEncoder

GLAZE = "The blue glaze was mixed from cobalt oxide and wood ash by the apprentice."
KILN = "The kiln was fired for nine hours at 1240 degrees before it cooled down."
BOXES = {1: (72, 100, 500, 130), 2: (72, 100, 500, 130)}


class Parrot:
    """Answers every question with 42."""

    name = "parrot"

    def answer(
        self,
        question: str,
        hits: Sequence[Hit],
        *,
        sources: Mapping[str, Path],
        background: object = None,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Answer:
        assert len(hits) <= 1
        assert all(sources[hit.element.document_id].is_file() for hit in hits)
        return Answer(question, "42" if "many" in question else NOT_FOUND, "many" in question, (), self.name)


def question(words: str, pages: list[int], **more: object) -> dict[str, object]:
    return {
        "doc_id": "pots.pdf",
        "doc_type": "Guidebook",
        "question": words,
        "answer": "42",
        "evidence_pages": str(pages),
        "evidence_sources": ["Pure-text (Plain-text)"],
        "answer_format": "Int",
        **more,
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pages, one paragraph each; three questions with evidence, one with a label beyond the end, one without."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "documents").mkdir()
    with pymupdf.open() as document:
        for text in (GLAZE, KILN):
            document.new_page(width=595, height=842).insert_textbox((72, 100, 500, 160), text, fontsize=11)
        document.save(folder / "documents" / "pots.pdf")
        boxes = [pymupdf.Rect(page.get_text("blocks")[0][:4]) for page in document]
    rows = [
        question("How many hours was the kiln fired?", [2]),
        question("What was the glaze mixed from?", [1]),
        question("How many hours was the kiln fired, and who mixed the glaze?", [1, 2]),
        question("How many degrees?", [1418]),
        question("Where is the zebra?", [], answer="Not answerable", answer_format="None"),
    ]
    (folder / "questions.json").write_text(json.dumps(rows))
    # Drawn at twice the size of the page: the loader knows the size, the runner the page.
    annotated = [
        {
            "Q": rows[0]["question"],
            "A": "42",
            "type": "['Text']",
            "page_id": [1],
            "layout_mapping": [{"page": 1, "page_size": [1190, 1684], "bbox": [2 * value for value in boxes[1]]}],
        },
        {
            "Q": rows[1]["question"],
            "A": "42",
            "type": "['Text']",
            "page_id": [0],
            "layout_mapping": [{"page": 0, "page_size": [595, 842], "bbox": [0, 700, 100, 842]}],  # an empty corner
        },
    ]
    line = {"doc_name": "pots.pdf", "domain": "Guidebook", "questions": annotated}
    (folder / "mmdocir_annotations.jsonl").write_text(json.dumps(line))
    return folder


def test_from_a_pdf_to_figures(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("bm25s")
    stages: list[tuple[str, int, int]] = []

    def progress(stage: str, done: int, total: int) -> None:
        stages.append((stage, done, total))

    library = tmp_path / "library"
    result = run("mmlongbench", data, library_folder=library, baselines=True, on_progress=progress)
    told = to_json(result)
    kiln, glaze, both, beyond = result.row.records
    assert kiln.ranking.pages[0] == 2
    assert glaze.ranking.pages[0] == 1
    assert set(both.ranking.pages) == {1, 2}
    assert beyond.metrics == {}
    assert kiln.metrics["element_recall@1"] == 1
    assert glaze.metrics["element_recall@10"] == 0
    assert both.metrics["cross_page_hit"] == 1
    assert told["questions"] == 4
    metrics, counts = told["metrics"], told["counts"]
    assert (metrics["page_hit@1"], counts["page_hit@1"]) == (1, 3)
    assert (metrics["page_recall@1"], metrics["element_recall@5"]) == (pytest.approx(0.8333, abs=1e-4), 0.5)
    assert told["by"]["page_text"]["text layer"]["questions"] == 3
    assert [row.retriever for row in result.rows] == ["lexical", "page-bm25", "page-bm25 (text layer)"]
    assert result.rows[1].means()["page_hit@1"] == 1
    assert told["settings"]["documents"] | {"count": 1, "pages": 2} == told["settings"]["documents"]
    assert ("documents", 1, 1) in stages
    assert ("lexical", 4, 4) in stages
    assert stages[-1] == ("page-bm25 (text layer)", 4, 4)

    again = to_json(run("mmlongbench", data, library_folder=library, limit=2))
    assert again["questions"] == 2
    assert [q["pages"] for q in again["per_question"]] == [q["pages"] for q in told["per_question"][:2]]
    assert again["settings"]["documents"] == told["settings"]["documents"]

    answered = run("mmlongbench", data, library_folder=library, generator=Parrot(), k=1)
    assert answered.generator == "parrot"
    assert len(answered.row.records) == 5
    assert answered.row.means()["answer_em"] == 0.75
    assert answered.row.means()["mmlongbench_f1"] == pytest.approx(6 / 7)  # 3 right, 4 have an answer, 3 got one
    assert answered.row.means()["unanswerable_accuracy"] == 1
    # One of two refusals is right, none is missing.
    assert answered.row.means()["abstention_f1"] == pytest.approx(2 / 3)
    assert to_json(answered)["per_question"][4]["predicted_answerable"] is False


def test_a_document_that_cannot_be_read_counts_as_nothing_found(data: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / "documents").mkdir(parents=True)
    (broken / "documents" / "pots.pdf").write_bytes(b"<html>not a PDF</html>")
    for name in ("questions.json", "mmdocir_annotations.jsonl"):
        (broken / name).write_bytes((data / name).read_bytes())
    result = run("mmlongbench", broken)
    assert result.row.means()["page_hit@10"] == 0
    assert result.row.means()["element_recall@10"] == 0
    assert any("pots.pdf was not read" in note for note in result.notes)


def test_wrong_use_is_one_line(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown benchmark 'squad'; known are mmlongbench, .*demo"):
        run("squad", data)
    with pytest.raises(InputError, match="at least 1"):
        run("mmlongbench", data, limit=0)
    with pytest.raises(InputError, match=r"no questions\.json"):
        run("mmlongbench", tmp_path)
    with pytest.raises(InputError, match="unknown retriever"):
        run("mmlongbench", data, library_folder=tmp_path / "library", retrievers=["magic"], limit=1)
    with pytest.raises(InputError, match="'lexical' is named twice"):
        run("mmlongbench", data, retrievers=["lexical", "lexical"])


def test_the_file_holds_all_that_its_metrics_were_computed_from(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("bm25s")
    read = from_json(json.loads(written(to_json(run("mmlongbench", data, baselines=True)))))
    for row in read.rows:
        for record in row.records:
            again = question_metrics(record.ranking, record.gold)
            assert record.metrics == {name: round(value, 6) for name, value in again.items()}


class Killed(Exception):
    """Stands for whatever stops a run."""


def test_a_run_that_was_killed_goes_on_and_gives_the_same_file(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("bm25s")
    library, journal = tmp_path / "library", tmp_path / "run.jsonl"

    def measure(stop_after: int | None, resume: Path | None) -> tuple[str, int]:
        asked = 0

        class Counting(Parrot):
            def answer(self, question, hits, *, sources, background=None, on_token=None, should_stop=None) -> Answer:  # type: ignore[no-untyped-def]
                nonlocal asked
                if asked == stop_after:
                    raise Killed
                asked += 1
                return super().answer(question, hits, sources=sources)

        result = run(
            "mmlongbench", data, library_folder=library, generator=Counting(), k=1, baselines=True, resume=resume
        )
        return written(_without_seconds(to_json(result))), asked

    with pytest.raises(Killed):
        measure(3, journal)
    with journal.open("ab") as file:  # a kill in the middle of a line
        file.write(b'{"retriever": "lexical", "id": "pots.pd')
    resumed, asked = measure(None, journal)
    assert asked == 2
    assert resumed == measure(None, None)[0]
    assert measure(None, journal) == (resumed, 0)
    with pytest.raises(InputError, match=r"of another run \(k was 1, now 2\)"):
        run("mmlongbench", data, library_folder=library, generator=Parrot(), k=2, baselines=True, resume=journal)


def _without_seconds(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_seconds(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_seconds(each) for name, each in value.items() if "seconds" not in name}
    return value


class Encoder:
    """Stands for a model: the runner only asks for its fingerprint and hands it on."""

    fingerprint = "c0ffee"


def test_further_retrievers_are_rows_over_the_same_questions(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")
    # Lexical's ranking turned round stands for that of a model.
    encoded: list[str] = []

    def searched(library: Library, question: str, *, encoder: str, retriever: str, **more: Any) -> SearchResult:
        assert encoder == "some/model"
        assert retriever == "lexical" or encoded == ["pots.pdf"]
        found = search(library, question, **more)
        return found if retriever == "lexical" else replace(found, pages=found.pages[::-1])

    def encode(library: Library, documents: Sequence[StoredDocument], models: Sequence[str], *, encoder: str) -> None:
        assert (models, encoder) == (["dense"], "some/model")
        encoded.extend(document.name for document in documents)

    monkeypatch.setattr("svrag.evaluation.runner.search", searched)
    monkeypatch.setattr("svrag.evaluation.runner.load_encoder", lambda name: Encoder())
    monkeypatch.setattr("svrag.search.encoding.load_encoder", lambda name: Encoder())
    monkeypatch.setattr("svrag.evaluation.runner.encode", encode)
    result = run("mmlongbench", data, retrievers=["lexical", "dense,lexical"], encoder="some/model")
    assert [row.retriever for row in result.rows] == ["lexical", "lexical,dense"]
    for ours, theirs in zip(*(row.records for row in result.rows), strict=True):
        assert (ours.question, ours.gold, ours.slices) == (theirs.question, theirs.gold, theirs.slices)
        assert ours.ranking.pages == theirs.ranking.pages[::-1]
    compared = to_json(result)["rows"][1]["compared"]["page_hit@1"]
    assert compared["difference"] == pytest.approx(
        result.rows[0].means()["page_hit@1"] - result.rows[1].means()["page_hit@1"], abs=1e-4
    )
    assert {"torch", "transformers", "sentence-transformers"} <= result.settings.keys()
    assert result.settings["encoder"] == "some/model"
    assert str(result.settings["encoder_fingerprint"]).startswith("c0ffee")


def test_a_model_of_token_vectors_is_noted_with_its_index(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")
    model = WordEncoder()
    for place in ("search.engine", "search.encoding", "evaluation.runner"):
        monkeypatch.setattr(f"svrag.{place}.load_multivector", lambda name: model)
    result = run("mmlongbench", data, retrievers=[f"lexical,{model.name}", model.name])
    assert [row.retriever for row in result.rows] == [f"lexical,{model.name}", model.name]
    assert all(record.ranking.pages for record in result.rows[1].records)
    (index,) = from_json(json.loads(written(to_json(result)))).settings["indexes"]  # type: ignore[misc]
    assert (index["name"], index["revision"], index["settings"]["units"]) == (model.name, "r1", "cascade")
    assert index["fingerprint"].startswith("f0")


def test_texts_that_are_given_need_one_baseline_and_are_ranked_a_hundred_deep(tmp_path: Path) -> None:
    pytest.importorskip("bm25s")
    texts = {"p1": GLAZE, "p2": KILN, "p3": "Bowls were weighed twice."}
    corpus = [{"_id": id, "title": "Pottery", "text": text} for id, text in texts.items()]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    queries = [{"_id": "q1", "text": "firing of the kiln"}, {"_id": "q2", "text": "glaze"}]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tp2\t2\nq1\tp3\t1\nq2\tp1\t1\n")
    result = run("beir", tmp_path, baselines=True)
    assert [row.retriever for row in result.rows] == ["lexical", "page-bm25"]
    kiln, _ = result.row.records
    assert kiln.gold.gains == {2: 2, 3: 1}
    assert kiln.ranking.pages[0] == 2
    assert {"page_recall@100", "page_hit@100"} <= result.row.means().keys()
    assert from_json(json.loads(written(to_json(result)))).row.records[0].gold == kiln.gold
