from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.model import Box, Table

coordinates = st.floats(0, 1000, allow_nan=False)
boxes = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
    lambda c: Box(min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)


@given(boxes, boxes)
def test_iou_is_symmetric_and_a_share(a: Box, b: Box) -> None:
    assert a.iou(b) == b.iou(a)
    assert 0.0 <= a.iou(b) <= 1.0 + 1e-9
    if a.area > 1e-6:
        assert abs(a.iou(a) - 1.0) < 1e-9


@given(boxes, boxes)
def test_the_box_around_holds_both(a: Box, b: Box) -> None:
    around = Box.around([a, b])
    for box in (a, b):
        assert around.x0 <= box.x0 <= box.x1 <= around.x1
        assert around.y0 <= box.y0 <= box.y1 <= around.y1


@given(boxes)
def test_clipped_boxes_are_on_the_page(box: Box) -> None:
    clipped = box.padded(50).clipped(500, 700)
    assert 0 <= clipped.x0 <= clipped.x1 <= 500
    assert 0 <= clipped.y0 <= clipped.y1 <= 700


def test_a_row_is_a_sentence_with_its_column_names() -> None:
    table = Table((("Kiln", "Heat", "Hours"), ("North", "1240", "9"), ("South", "", "7")))
    assert table.row_texts() == ["North | Heat: 1240 | Hours: 9", "South | Hours: 7"]


def test_two_header_rows_are_joined() -> None:
    table = Table((("", "2023", "2024"), ("", "total", "total"), ("Sales", "4", "5")), header_rows=2)
    assert table.row_texts() == ["Sales | 2023 total: 4 | 2024 total: 5"]


def test_what_stands_over_all_columns_is_said_once_a_row() -> None:
    rows = (
        ("", "", "Year ended December 31,", ""),
        ("", "2015", "2014", "2013"),
        ("", "", "(in thousands)", ""),
        ("Sold:", "", "", ""),
        ("Bowls", "42", "40", "38"),
    )
    table = Table(rows, header_rows=3)
    assert table.header() == ("", "2015", "2014", "2013")
    assert table.over() == "Year ended December 31, (in thousands)"
    assert table.row_texts() == [
        "Sold:",
        "Bowls, Year ended December 31, (in thousands) | 2015: 42 | 2014: 40 | 2013: 38",
    ]
    assert table.markdown().splitlines()[0] == "| Year ended December 31, (in thousands) | 2015 | 2014 | 2013 |"


def test_markdown_escapes_what_would_break_a_row() -> None:
    table = Table((("a|b", "c"), ("line\nend", "d")))
    assert table.markdown().splitlines() == ["| a\\|b | c |", "| --- | --- |", "| line end | d |"]


@given(boxes, boxes)
def test_the_distance_is_what_padding_closes(a: Box, b: Box) -> None:
    distance = a.distance(b)
    assert distance == b.distance(a) >= 0.0
    grown = a.padded(distance + 1e-6)
    assert min(grown.x1, b.x1) >= max(grown.x0, b.x0)
    assert min(grown.y1, b.y1) >= max(grown.y0, b.y0)
