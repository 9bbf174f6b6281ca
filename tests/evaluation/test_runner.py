from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pymupdf
import pytest

from svrag.errors import InputError
from svrag.evaluation.runner import run
from svrag.generation.answer import NOT_FOUND, Answer
from svrag.search.result import Hit

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
    written = result.to_json()
    kiln, glaze, both, beyond = result.row.records
    assert kiln.ranking.pages[0] == 2
    assert glaze.ranking.pages[0] == 1
    assert set(both.ranking.pages) == {1, 2}
    assert beyond.metrics == {}
    assert kiln.metrics["element_recall@1"] == 1
    assert glaze.metrics["element_recall@10"] == 0
    assert both.metrics["cross_page_hit"] == 1
    assert written["questions"] == 4
    metrics, counts = written["metrics"], written["counts"]
    assert (metrics["page_hit@1"], counts["page_hit@1"]) == (1, 3)  # type: ignore[index]
    assert (metrics["page_recall@1"], metrics["element_recall@5"]) == (pytest.approx(0.8333, abs=1e-4), 0.5)  # type: ignore[index]
    assert written["by"]["page_text"]["text layer"]["questions"] == 3  # type: ignore[index]
    assert [row.retriever for row in result.baselines] == ["page-bm25", "page-bm25 (text layer)"]
    assert result.baselines[0].means()["page_hit@1"] == 1
    assert written["settings"]["documents"] | {"count": 1, "pages": 2} == written["settings"]["documents"]  # type: ignore[index,operator]
    assert ("documents", 1, 1) in stages
    assert stages[-1] == ("questions", 4, 4)

    again = run("mmlongbench", data, library_folder=library, limit=2).to_json()
    assert again["questions"] == 2
    assert [q["pages"] for q in again["per_question"]] == [q["pages"] for q in written["per_question"][:2]]  # type: ignore[attr-defined,index]
    assert again["settings"]["documents"] == written["settings"]["documents"]  # type: ignore[index]

    answered = run("mmlongbench", data, library_folder=library, generator=Parrot(), k=1)
    assert answered.generator == "parrot"
    assert len(answered.row.records) == 5
    assert answered.row.means()["answer_exact_match"] == 0.75
    assert answered.row.means()["unanswerable_accuracy"] == 1
    assert answered.to_json()["per_question"][4]["predicted_answerable"] is False  # type: ignore[index]


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
    with pytest.raises(InputError, match=r"unknown benchmark 'squad'; known are mmlongbench, demo"):
        run("squad", data)
    with pytest.raises(InputError, match="at least 1"):
        run("mmlongbench", data, limit=0)
    with pytest.raises(InputError, match=r"no questions\.json"):
        run("mmlongbench", tmp_path)
    with pytest.raises(InputError, match="unknown retriever"):
        run("mmlongbench", data, library_folder=tmp_path / "library", retriever="magic", limit=1)
