"""The demo documents: what is committed is what the script makes, the gold is right, and questions find it."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pymupdf
import pytest
from PIL import Image, ImageChops

import make_demo_data
from demo_data import deck, paper, questions, report
from demo_data.made import Made
from svrag.documents.model import Box
from svrag.evaluation import demo
from svrag.evaluation.runner import run

FOLDER = Path(__file__).parents[1] / "demo_data"
# Questions whose answers are read off a chart, counted or computed, and so stand nowhere as such.
NOT_VERBATIM = {
    "R35",
    "5",
    "South-west",
    "3.4",
    "14.3",
    "Equation (5)",
    "It cuts the tape",
    "Close it in winter",
    "2020",
}


@pytest.fixture(scope="module")
def made() -> list[Made]:
    return [paper.make(), report.make(), deck.make()]


def test_what_is_committed_is_what_the_script_makes(made: list[Made], tmp_path: Path) -> None:
    make_demo_data.write(tmp_path, made)
    for name in ("questions.json", "annotations.jsonl", "decks.json", "pairs.jsonl"):
        assert (tmp_path / name).read_text(encoding="utf-8") == (FOLDER / name).read_text(encoding="utf-8")
    drawn, kept = ({path.relative_to(at): path for path in at.glob("decks/*/*.png")} for at in (tmp_path, FOLDER))
    assert drawn.keys() == kept.keys()
    for name, path in drawn.items():
        with Image.open(path) as fresh, Image.open(kept[name]) as committed:
            assert ImageChops.difference(fresh.convert("L"), committed.convert("L")).getextrema()[1] < 32, name
    for document in made:
        with (
            pymupdf.open(tmp_path / "documents" / document.name) as fresh,
            pymupdf.open(FOLDER / "documents" / document.name) as committed,
        ):
            assert [page.get_text() for page in fresh] == [page.get_text() for page in committed]
            assert fresh.metadata == committed.metadata
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 5_000_000


def test_the_slides_have_no_text_layer(made: list[Made]) -> None:
    with pymupdf.open(FOLDER / "documents" / questions.SLIDES) as slides:
        assert not "".join(page.get_text() for page in slides).strip()


def test_answers_stand_where_the_gold_says(made: list[Made]) -> None:
    with_text = {document.name: document for document in made if document.text_layer}
    checked = 0
    for asked in questions.QUESTIONS:
        document = with_text.get(asked.document)
        if document is None or not asked.answerable or asked.answer in NOT_VERBATIM:
            continue
        boxes = [place for name in asked.places for place in document.places[name]]
        clips = [(place.page, pymupdf.Rect(Box(*place.area).padded(3))) for place in boxes]
        words = "".join(document.pdf[page - 1].get_text(clip=clip) for page, clip in clips)
        said = "".join(words.split())
        assert all("".join(part.split()) in said for part in asked.answer.split(", ")), asked
        checked += 1
    assert checked >= 15


def test_boxes_are_on_their_pages() -> None:
    sizes = {}
    for path in (FOLDER / "documents").iterdir():
        with pymupdf.open(path) as document:
            sizes[path.name] = [(page.rect.width, page.rect.height) for page in document]
    rows = [json.loads(line) for line in (FOLDER / "annotations.jsonl").read_text(encoding="utf-8").splitlines()]
    samples = {(row["doc_id"], row["question"]): row for row in json.loads((FOLDER / "questions.json").read_bytes())}
    for row in rows:
        for question in row["questions"]:
            pages = ast.literal_eval(samples[row["doc_name"], question["Q"]]["evidence_pages"])
            assert [page + 1 for page in question["page_id"]] == pages
            for place in question["layout_mapping"]:
                assert tuple(place["page_size"]) == pytest.approx(sizes[row["doc_name"]][place["page"]])
                x0, y0, x1, y1 = place["bbox"]
                assert 0 <= x0 < x1 <= place["page_size"][0]
                assert 0 <= y0 < y1 <= place["page_size"][1]


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_questions_find_their_evidence(tmp_path: Path) -> None:
    loaded = demo.load(None)
    assert 30 <= len(loaded.questions) <= 50
    assert sum(not question.answerable for question in loaded.questions) >= 4
    result = run("demo", library_folder=tmp_path / "library")
    means = result.row.means()
    assert means["page_hit@5"] >= 0.9
    assert means["element_recall@5"] >= 0.7
