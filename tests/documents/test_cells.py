"""Every word of a table stands in one cell, whole, wherever the layout model cut its pieces."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svrag.documents.blocks import Line, Word
from svrag.documents.cells import Piece, cell_rows
from svrag.documents.model import Box
from svrag.documents.page_reader import read_page

LETTER = 6.0
PITCH = 20.0


def line(x: float, row: int, *words: str, gap: float = LETTER / 2) -> Line:
    """Words beside each other as type is set: their boxes higher than their ink."""
    placed = []
    for word in words:
        placed.append(Word(word, Box(x, row * PITCH, x + LETTER * len(word), row * PITCH + 14)))
        x = placed[-1].box.x1 + gap
    return Line(" ".join(words), Box.around(word.box for word in placed), 12.0, words=tuple(placed))


def piece(row: int, column: int, x0: float, x1: float) -> Piece:
    return Piece(row, column, Box(x0, row * PITCH + 3, x1, row * PITCH + 11))


def letters(texts: Iterable[str]) -> Counter[str]:
    return Counter(letter for text in texts for letter in text if not letter.isspace())


def test_a_word_that_the_model_cut_is_whole_again() -> None:
    lines = [line(0, 0, "Loss"), line(100, 0, "(8,021)"), line(200, 0, "$1,333")]
    pieces = [
        piece(0, 0, 0, 24),
        piece(0, 1, 100, 135),
        piece(0, 1, 137, 142),
        piece(0, 2, 200, 205),
        piece(0, 2, 207, 236),
    ]
    assert cell_rows(pieces, lines) == (("Loss", "(8,021)", "$1,333"),)


def test_a_remark_cut_through_a_word_stands_in_one_cell() -> None:
    remark = line(40, 0, "(in", "thousands,", "except", "ratios)")
    figures = [line(x, 1, "15") for x in (50, 120, 190)]
    pieces = [piece(0, 0, 40, 80), piece(0, 1, 80, 150), piece(0, 2, 150, 200)]
    pieces += [piece(1, i, x, x + 12) for i, x in enumerate((50, 120, 190))]
    assert cell_rows(pieces, [remark, *figures]) == (("", "(in thousands, except ratios)", ""), ("15", "15", "15"))


def test_columns_a_space_apart_stay_two() -> None:
    assert cell_rows([piece(0, 0, 0, 18), piece(0, 1, 21, 40)], [line(0, 0, "Nil", "nil")]) == (("Nil", "nil"),)


def test_dots_that_lead_to_a_number_join_nothing() -> None:
    contents = line(0, 0, "Hours", "..........", "9")
    assert cell_rows([piece(0, 0, 0, 80), piece(0, 1, 82, 105)], [contents]) == (("Hours ..........", "9"),)


def test_a_dash_whose_ink_is_thin_is_read() -> None:
    thin = Piece(0, 1, Box(100, 9.0, 106, 9.5))
    assert cell_rows([piece(0, 0, 0, 24), thin], [line(0, 0, "Loss"), line(100, 0, "—")]) == (("Loss", "—"),)


def test_a_word_that_the_model_did_not_see_goes_to_the_nearest_cell() -> None:
    assert cell_rows(
        [piece(0, 0, 0, 24), piece(1, 0, 0, 24)], [line(0, 0, "Loss"), line(0, 1, "Gain"), line(30, 1, "*")]
    ) == (
        ("Loss",),
        ("Gain *",),
    )


def test_without_pieces_there_is_no_grid() -> None:
    assert cell_rows([], [line(0, 0, "Loss")]) == ()


@settings(deadline=None)
@given(st.data())
def test_each_letter_is_in_the_cells_once(data: st.DataObject) -> None:
    """Whatever words a table has and wherever its pieces are cut."""
    words = st.lists(st.text("ab1(,)%—$.", min_size=1, max_size=8), min_size=1, max_size=4)
    columns = data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.lists(words, min_size=columns, max_size=columns), min_size=1, max_size=4))
    lines = [line(200.0 * j, i, *said) for i, row in enumerate(rows) for j, said in enumerate(row)]
    pieces = []
    for i, row in enumerate(rows):
        for j, _ in enumerate(row):
            cuts = sorted(data.draw(st.lists(st.floats(200.0 * j, 200.0 * j + 190), min_size=2, max_size=4)))
            pieces += [
                piece(i, min(columns - 1, j + n % 2), a, b) for n, (a, b) in enumerate(itertools.pairwise(cuts))
            ]
    cells = cell_rows(pieces, lines)
    assert letters(cell for row in cells for cell in row) == letters(one.text for one in lines)
    assert len({len(row) for row in cells}) == 1
    assert all(any(word in cell for row in cells for cell in row) for one in rows for said in one for word in said)


@pytest.mark.parametrize(("name", "number"), [("NETFLIX_2015_10K.pdf", 19), ("NETFLIX_2015_10K.pdf", 44)])
def test_a_statement_holds_each_letter_once(shared_data: Path, name: str, number: int) -> None:
    """Tables of which the model cut many words and remarks in two."""
    path = shared_data / "mmlongbench" / "documents" / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    with pymupdf.open(path) as document:
        tables = [block for block in read_page(document, number).blocks if block.kind == "table"]
    assert tables
    for table in tables:
        cells = [cell for row in table.rows for cell in row]
        assert letters(cells) == letters(each.text for each in table.lines)
        assert not any(cell.endswith((") )", "% %", ")% )%")) or cell.startswith("$ $") for cell in cells)
