from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.model import Box, Page
from svrag.errors import InputError
from svrag.evaluation import sciegqa
from tests.evaluation.files_made import write_lines

ROW = {
    "query": "Which letter receives two arrows?",
    "answer": "D",
    "doc_name": "2311.07631",
    "evidence_page": [4, 2],
    "bbox": [[[281, 2228, 1890, 2941], [0, 0, 255, 330]], [[255, 330, 510, 660]]],
    "rel_bbox": [[[110, 675, 741, 891], [0, 0, 100, 100]], [[100, 100, 200, 200]]],
    "subimg_type": [["image", "text"], ["text"]],
    "category": "cs",
}


def write(folder: Path, *rows: object) -> Path:
    write_lines(folder / "SciEGQA-Bench.jsonl", rows or [ROW])
    return folder


def paper(folder: Path) -> None:
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    (folder / "documents" / "2311.07631.pdf").touch()


def test_boxes_on_the_pages_of_a_paper(tmp_path: Path) -> None:
    paper(tmp_path)
    loaded = sciegqa.load(write(tmp_path))
    (question,) = loaded.questions
    assert question.document == "2311.07631.pdf"
    assert question.evidence_pages == (2, 4)  # counted from 1 already
    assert [box.page for box in question.gold_boxes] == [4, 4, 2]
    assert question.gold_boxes[2].on(Page(2, 600, 800)).box == pytest.approx(Box(60, 80, 120, 160))
    assert question.slices == (
        ("doc_type", "cs"),
        ("evidence_sources", "image"),
        ("evidence_sources", "text"),
        ("gold_boxes", "several boxes"),
        ("evidence_pages", "several pages"),
    )
    assert loaded.composed == {}


@given(st.tuples(*[st.floats(0, 1000)] * 4), st.floats(100, 2000), st.floats(100, 2000))
def test_a_box_is_in_thousandths_of_any_page(box: tuple[float, ...], width: float, height: float) -> None:
    question = sciegqa._question("1", ROW | {"evidence_page": [1], "rel_bbox": [[list(box)]]}, "p", None)
    x0, y0, x1, y1 = box
    expected = (x0 * width / 1000, y0 * height / 1000, x1 * width / 1000, y1 * height / 1000)
    assert tuple(question.gold_boxes[0].on(Page(1, width, height)).box) == pytest.approx(expected)


@pytest.mark.parametrize("place", ["cs/2311.07631", "Images/cs/2311.07631"])
def test_pages_may_be_pictures_some_of_which_are_not_there(tmp_path: Path, place: str) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True)
    for number in (2, 10, 4):
        (folder / f"2311.07631_{number}.png").touch()
    loaded = sciegqa.load(write(tmp_path))
    assert [path.name for path in loaded.composed["2311.07631"]] == [f"2311.07631_{n}.png" for n in (2, 4, 10)]
    (question,) = loaded.questions
    assert question.document == "2311.07631"
    assert question.evidence_pages == (1, 2)  # the pictures called 2 and 4
    assert [box.page for box in question.gold_boxes] == [2, 2, 1]


def test_a_single_box_may_stand_without_a_list_around_it(tmp_path: Path) -> None:
    paper(tmp_path)
    row = ROW | {"evidence_page": [4], "rel_bbox": [[1, 2, 3, 4]], "subimg_type": ["image"]}
    (question,) = sciegqa.load(write(tmp_path, row)).questions
    assert [box.box for box in question.gold_boxes] == [Box(1, 2, 3, 4)]
    assert ("gold_boxes", "one box") in question.slices
    assert ("evidence_sources", "image") in question.slices


@pytest.mark.parametrize(
    "change",
    [
        {"evidence_page": [4]},
        {"evidence_page": [4, 0]},
        {"rel_bbox": [[[1, 2, 3]], [[1, 2, 3, 4]]]},
        {"rel_bbox": None},
        {"subimg_type": None},
    ],
)
def test_another_layout(tmp_path: Path, change: dict[str, object]) -> None:
    paper(tmp_path)
    with pytest.raises(InputError, match="line 2 is not in SciEGQA's layout"):
        sciegqa.load(write(tmp_path, ROW, ROW | change))


def test_evidence_on_a_picture_that_is_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "cs" / "2311.07631"
    folder.mkdir(parents=True)
    (folder / "2311.07631_4.png").touch()
    with pytest.raises(InputError, match="line 1 is not in SciEGQA's layout"):
        sciegqa.load(write(tmp_path))


def test_what_is_missing_and_where_it_goes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--data DIR.*Yuwh07/SciEGQA-Bench"):
        sciegqa.load(None)
    with pytest.raises(InputError, match=r"SciEGQA-Bench\.jsonl.*Yuwh07/SciEGQA-Bench"):
        sciegqa.load(tmp_path)
    with pytest.raises(InputError, match=r"2311\.07631.*Yuwh07/SciEGQA-Bench.*documents") as raised:
        sciegqa.load(write(tmp_path))
    assert "\n" not in str(raised.value)
    (tmp_path / "SciEGQA-Bench.jsonl").write_text("\n")
    with pytest.raises(InputError, match="no questions"):
        sciegqa.load(tmp_path)
