"""Lines in rows and columns are a table; the labels of a chart and running text are not."""

from __future__ import annotations

import random

from svrag.documents.blocks import Line
from svrag.documents.grid import grid_rows
from svrag.documents.model import Box

COLUMNS = (50.0, 240.0, 400.0)


def line(text: str, x: float, y: float) -> Line:
    return Line(text, Box(x, y, x + 7.0 * len(text), y + 12), 11.0)


def table(rows: list[tuple[str, ...]]) -> list[Line]:
    return [
        line(text, x, 100 + 20 * i) for i, row in enumerate(rows) for x, text in zip(COLUMNS, row, strict=True) if text
    ]


ROWS = [("Item", "Planned", "Spent"), ("Tyres", "9,600", "10,240"), ("Staff", "31,000", ""), ("Total", "40,600", "42")]


def test_cells_stand_in_their_columns_whatever_the_order_of_the_lines() -> None:
    lines = table(ROWS)
    random.Random(3).shuffle(lines)
    assert grid_rows(lines) == tuple(ROWS)


def test_a_row_with_one_cell_stays_a_row() -> None:
    rows = [*ROWS[:3], ("Income", "", ""), *ROWS[3:]]
    assert grid_rows(table(rows)) == tuple(rows)


def test_what_is_no_table() -> None:
    ticks = [line(str(100 * i), 40, 300 - 30 * i) for i in range(8)]
    months = [line(name, 80 + 40 * i, 320) for i, name in enumerate(("Jan", "Feb", "Mar", "Apr"))]
    assert grid_rows([*ticks, *months]) == ()
    assert (
        grid_rows([line("A sentence runs over the whole width of its column", 50, 100 + 14 * i) for i in range(9)])
        == ()
    )
    assert grid_rows(table(ROWS[:2])) == ()
    assert grid_rows([]) == ()
