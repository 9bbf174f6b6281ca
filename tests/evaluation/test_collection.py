from __future__ import annotations

import shutil
from pathlib import Path

import pymupdf
import pytest

from svrag.documents.rendering import crop
from svrag.evaluation import beir, slidevqa, spiqa
from svrag.evaluation.collection import collect
from svrag.evaluation.question import EvalSet
from svrag.library.store import Library
from svrag.search.engine import search
from tests.evaluation.files_made import write_json, write_lines, write_picture

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")


class Progress:
    """What was told of the way."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.told.append((stage, done, total))


def names_of(loaded: EvalSet) -> list[str]:
    return list(dict.fromkeys(question.document for question in loaded.questions))


def test_a_corpus_of_texts_is_ranked_by_the_search_of_users(tmp_path: Path) -> None:
    data = tmp_path / "pots"
    texts = {"k9": ("Kilns", "A kiln fires clay."), "g3": ("Glazes", "Cobalt makes a glaze blue."), "w1": ("", "")}
    write_lines(data / "corpus.jsonl", [{"_id": i, "title": t, "text": x} for i, (t, x) in texts.items()])
    write_lines(data / "queries.jsonl", [{"_id": "1", "text": "What colour does cobalt give?"}])
    (data / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\tg3\t1\n")
    loaded = beir.load(data)
    (question,) = loaded.questions
    with Library.open(tmp_path / "library") as library:
        told = Progress()
        documents, notes, seconds = collect(library, loaded, names_of(loaded), told)
        assert told.told == [("documents", 1, 1)]
        assert notes == []
        assert seconds > 0
        collected = documents["pots"]
        assert [page.label for page in collected.pages] == ["k9", "g3", "w1"]
        result = search(library, question.question, documents=[collected.stored.id])
        assert result.pages[0].page == question.evidence_pages[0] == 2
        assert result.hits[0].element.text == "Cobalt makes a glaze blue."
        assert "Cobalt" in collected.stored.source.read_text()
        edges = library.graph(collected.stored.id).edges
        assert {edge.type for edge in edges} == {
            "contains"
        }  # a title and its text; one text does not lead to the next
        collect(library, loaded, names_of(loaded), told)
        assert len(library.documents()) == 1


def test_a_changed_corpus_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    data = tmp_path / "pots"
    write_lines(data / "queries.jsonl", [{"_id": "1", "text": "cobalt"}])
    (data / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\tg3\t1\n")
    with Library.open(tmp_path / "library") as library:
        for text in ("Cobalt is blue.", "Cobalt is a metal."):
            write_lines(data / "corpus.jsonl", [{"_id": "g3", "text": text}])
            collect(library, beir.load(data), ["pots"], Progress())
        assert [element.text for element in library.elements_of(library.documents()[0].id, ["text"])] == [text]
        assert len(library.documents()) == 1


def test_figures_of_a_paper_are_ranked_and_can_be_drawn(tmp_path: Path) -> None:
    figures = {
        "p-Figure1-1.png": {
            "caption": "Figure 1: The kiln in winter.",
            "content_type": "figure",
            "figure_type": "photo",
        },
        "p-Table2-1.png": {"caption": "Table 2: Heat of glazes.", "content_type": "table", "figure_type": "table"},
    }
    asked = {"question": "How hot do glazes get?", "answer": "1240", "explanation": "", "reference": "p-Table2-1.png"}
    write_json(tmp_path / "SPIQA_testA.json", {"p": {"paper_id": "p", "all_figures": figures, "qa": [asked]}})
    for n, name in enumerate(figures):
        write_picture(tmp_path / "SPIQA_testA_Images" / "p" / name, name, (300, 200 + 100 * n))
    loaded = spiqa.load(tmp_path)
    (question,) = loaded.questions
    with Library.open(tmp_path / "library") as library:
        documents, _, _ = collect(library, loaded, names_of(loaded), Progress())
        paper = documents["p"]
        first = search(library, question.question, documents=[paper.stored.id]).hits[0].element
        assert (first.type, first.page, first.label) == ("table", 2, "Table 2")
        (gold,) = question.gold_boxes
        assert first.box.iou(gold.on(paper.pages[1]).box) == 1
        with pymupdf.open(paper.stored.source) as kept:
            assert [tuple(page.rect)[2:] for page in kept] == [
                pytest.approx((page.width, page.height)) for page in paper.pages
            ]
        assert crop(paper.stored.source, first.page, first.box).startswith(b"\x89PNG")


@needs_tesseract
def test_a_deck_of_pictures_is_read_as_a_scan(tmp_path: Path) -> None:
    deck = {
        "image_urls": ["https://pots.example/deck/slide-1.png", "https://pots.example/deck/slide-2.png?cb=1"],
        "question": ["What makes the glaze blue?"],
        "answer": ["cobalt"],
        "index_list": [[1]],
    }
    write_json(tmp_path / "slidevqa_dev.json", {"deck": deck})
    write_picture(tmp_path / "images" / "deck" / "slide-1.png", "The kiln burns wood\nfor three days")
    write_picture(tmp_path / "images" / "deck" / "slide-2.png", "Cobalt makes\nthe glaze blue")
    loaded = slidevqa.load(tmp_path)
    (question,) = loaded.questions
    with Library.open(tmp_path / "library") as library:
        told = Progress()
        documents, notes, _ = collect(library, loaded, names_of(loaded), told)
        assert notes == []
        assert told.told[-1] == ("documents", 1, 1)
        stored = documents["deck"].stored
        assert stored.name == "deck.pdf"
        assert [page.ocr for page in documents["deck"].pages] == [True, True]
        assert (
            search(library, question.question, documents=[stored.id]).pages[0].page == question.evidence_pages[0] == 2
        )
        again, _, _ = collect(library, loaded, names_of(loaded), told)
        assert again["deck"].stored == stored
        assert len(library.documents()) == 1


def test_what_cannot_be_read_is_left_out_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "broken.pdf").write_bytes(b"no PDF")
    with pymupdf.open() as pdf:
        pdf.new_page().insert_text((72, 72), "Cobalt makes the glaze blue.")
        pdf.save(tmp_path / "whole.pdf")
    loaded = EvalSet("set", (), tmp_path, (), composed={"deck": (tmp_path / "broken.png",)})
    told = Progress()
    with Library.open(tmp_path / "library") as library:
        documents, notes, _ = collect(library, loaded, ["deck", "broken.pdf", "whole.pdf"], told)
    assert list(documents) == ["whole.pdf"]
    assert len(notes) == 2
    assert "deck was not read" in notes[0]
    assert "broken.pdf was not read" in notes[1]
    assert [done for _, done, _ in told.told] == [1, 2, 3]
