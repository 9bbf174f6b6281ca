from __future__ import annotations

from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.evaluation import slidevqa
from tests.evaluation.files_made import write_json, write_lines

URLS = [f"https://image.slidesharecdn.com/deck/95/pots-{n}-1024.jpg?cb=1414903375" for n in (1, 2, 3)]
DEMO = {
    "pots_95": {
        "image_urls": URLS,
        "question": ["How hot?", "Which clay?"],
        "answer": ["1240", "stoneware"],
        "index_list": [[0], [2, 1, 2]],
    }
}
OFFICIAL = {
    "deck_name": "pots_95",
    "deck_url": "https://www.slideshare.net/pots",
    "image_urls": URLS,
    "qa_id": 7,
    "question": "Which clay?",
    "answer": "stoneware",
    "arithmetic_expression": "None",
    "evidence_pages": [3, 2],
    "reasoning_type": "Multi-Hop",
    "answer_type": "Single-Span",
}


def pictures(folder: Path) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / f"pots-{n}-1024.jpg" for n in (1, 2, 3))
    for path in paths:
        path.touch()
    return paths


@pytest.mark.parametrize("place", ["images/pots_95", "images/dev/pots_95", "images/test/pots_95"])
def test_the_demo_layout_counts_slides_from_zero(tmp_path: Path, place: str) -> None:
    write_json(tmp_path / "slidevqa_dev.json", DEMO)
    paths = pictures(tmp_path / place)
    loaded = slidevqa.load(tmp_path)
    assert loaded.composed == {"pots_95": paths}
    assert loaded.notes == ()
    first, second = loaded.questions
    assert (first.id, first.document, first.answer, first.evidence_pages) == ("pots_95#1", "pots_95", "1240", (1,))
    assert (second.id, second.answer, second.evidence_pages) == ("pots_95#2", "stoneware", (2, 3))
    assert second.slices == (("evidence_pages", "several pages"),)


def test_the_official_layout_counts_them_from_one(tmp_path: Path) -> None:
    write_lines(tmp_path / "annotations" / "qa" / "test.jsonl", [OFFICIAL])
    paths = pictures(tmp_path / "images" / "test" / "pots_95")
    loaded = slidevqa.load(tmp_path)
    (question,) = loaded.questions
    assert (question.id, question.evidence_pages) == ("7", (2, 3))
    assert dict(question.slices) == {
        "reasoning_type": "Multi-Hop",
        "answer_type": "Single-Span",
        "evidence_pages": "several pages",
    }
    assert loaded.composed == {"pots_95": paths}


def test_pictures_may_be_named_by_path(tmp_path: Path) -> None:
    paths = pictures(tmp_path / "anywhere")
    urls = [str(paths[0]), "anywhere/pots-2-1024.jpg", "anywhere/pots-3-1024.jpg"]
    write_json(tmp_path / "slidevqa_dev.json", {"pots_95": DEMO["pots_95"] | {"image_urls": urls}})
    assert slidevqa.load(tmp_path).composed == {"pots_95": paths}


def test_a_deck_that_lacks_a_picture_is_left_out_and_it_says_which(tmp_path: Path) -> None:
    write_json(tmp_path / "slidevqa_dev.json", {**DEMO, "other_95": DEMO["pots_95"]})
    pictures(tmp_path / "images" / "pots_95")
    gone = pictures(tmp_path / "images" / "other_95")[1]
    gone.unlink()
    loaded = slidevqa.load(tmp_path)
    assert {question.document for question in loaded.questions} == set(loaded.composed) == {"pots_95"}
    (note,) = loaded.notes
    assert note.startswith("1 of 2 decks lack pictures")
    assert f"{URLS[1]} goes to {gone}" in note


def test_no_deck_with_its_pictures(tmp_path: Path) -> None:
    write_json(tmp_path / "slidevqa_dev.json", DEMO)
    with pytest.raises(InputError, match=r"1 of 1 decks lack pictures.*NTT-hil-insight/SlideVQA") as raised:
        slidevqa.load(tmp_path)
    assert f"{URLS[0]} goes to {tmp_path / 'images' / 'pots_95' / 'pots-1-1024.jpg'}" in str(raised.value)
    assert "\n" not in str(raised.value)
    write_json(
        tmp_path / "slidevqa_dev.json", {"pots_95": DEMO["pots_95"] | {"image_urls": [], "index_list": [[], []]}}
    )
    with pytest.raises(InputError, match="pots_95 names no pictures"):
        slidevqa.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"index_list": [[0]]}, {"index_list": [[0], [3]]}, {"index_list": [[0], [-1]]}, {"image_urls": None}],
)
def test_another_demo_layout(tmp_path: Path, change: dict[str, object]) -> None:
    write_json(tmp_path / "slidevqa_dev.json", {"pots_95": DEMO["pots_95"] | change})
    with pytest.raises(InputError, match="deck pots_95 is not in"):
        slidevqa.load(tmp_path)


def test_another_official_layout(tmp_path: Path) -> None:
    write_lines(tmp_path / "annotations" / "qa" / "dev.jsonl", [OFFICIAL, OFFICIAL | {"evidence_pages": [0]}])
    with pytest.raises(InputError, match=r"dev\.jsonl: line 2 is not in SlideVQA's layout"):
        slidevqa.load(tmp_path)
    write_json(tmp_path / "slidevqa_dev.json", [])
    with pytest.raises(InputError, match="not an object of decks"):
        slidevqa.load(tmp_path)


def test_what_is_missing_and_where_it_goes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--data DIR.*SV-RAG"):
        slidevqa.load(None)
    with pytest.raises(InputError, match=r"slidevqa_dev\.json or annotations/qa/dev\.jsonl.*SV-RAG") as raised:
        slidevqa.load(tmp_path)
    assert "\n" not in str(raised.value)
