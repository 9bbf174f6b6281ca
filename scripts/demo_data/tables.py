"""Tables on a sheet: columns of given shares, rules or shading, cells that may break into lines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from demo_data.sheet import BLACK, Align, Area, Color, Sheet, Style, break_lines


@dataclass(frozen=True, slots=True)
class Grid:
    """How a table looks.

    Attributes:
        shares: width of each column in parts of the whole.
        aligns: of each column.
        pad: above and below the text of a row.
        rule: colour and weight of the lines above and below the table; the one below the header is thinner.
        head_fill: behind the header; `stripe` behind every other row.
        totals: numbers of rows (from 0, without the header) that are bold, with a line above.
    """

    shares: tuple[float, ...]
    aligns: tuple[Align, ...]
    body: Style
    head: Style
    pad: float = 2.2
    rule: tuple[Color, float] = (BLACK, 0.9)
    head_fill: Color | None = None
    stripe: Color | None = None
    totals: Collection[int] = ()
    gap: float = 4.0


def _edges(grid: Grid, x: float, width: float) -> list[tuple[float, float]]:
    total = sum(grid.shares)
    edges = []
    for share in grid.shares:
        edges.append((x, x + width * share / total))
        x += width * share / total
    return edges


def _row(
    sheet: Sheet | None, row: Sequence[str], y: float, edges: Sequence[tuple[float, float]], style: Style, grid: Grid
) -> float:
    """Draws a row (or only measures it, without a sheet); its lower edge."""
    bottom = y
    for i, (cell, (left, right)) in enumerate(zip(row, edges, strict=True)):
        inner = (left + grid.gap, right - grid.gap)
        if grid.head_fill is None and grid.stripe is None:  # ruled tables start at the margin
            inner = (left if i == 0 else left + grid.gap, right if i == len(row) - 1 else right - grid.gap)
        lines = break_lines(cell, inner[1] - inner[0], style, even=False)
        if sheet is not None and lines:
            sheet.lines(lines, inner[0], y + grid.pad, inner[1] - inner[0], style, grid.aligns[i])
        bottom = max(bottom, y + 2 * grid.pad + style.size + (max(1, len(lines)) - 1) * style.leading)
    return bottom


def table_height(rows: Sequence[Sequence[str]], width: float, grid: Grid) -> float:
    edges = _edges(grid, 0, width)
    return sum(_row(None, row, 0, edges, grid.body if i else grid.head, grid) for i, row in enumerate(rows))


def draw_table(sheet: Sheet, x: float, y: float, width: float, rows: Sequence[Sequence[str]], grid: Grid) -> Area:
    """`rows`, the first of them the header, from the top left corner (x, y); where the table is."""
    edges = _edges(grid, x, width)
    top = y
    color, weight = grid.rule
    if grid.head_fill is None:
        sheet.line((x, y), (x + width, y), color, weight)
    for n, row in enumerate(rows):
        bold = n - 1 in grid.totals
        style = grid.head if n == 0 else grid.body.but(bold=True) if bold else grid.body
        bottom = _row(None, row, y, edges, style, grid)
        fill = grid.head_fill if n == 0 else grid.stripe if n % 2 == 0 else None
        if fill is not None:
            sheet.rect((x, y, x + width, bottom), fill)
        if n > 0 and n - 1 in grid.totals:
            sheet.line((x, y), (x + width, y), color, weight * 0.55)
        _row(sheet, row, y, edges, style, grid)
        y = bottom
        if n == 0 and grid.head_fill is None:
            sheet.line((x, y), (x + width, y), color, weight * 0.6)
    sheet.line((x, y), (x + width, y), color, weight)
    return Area(x, top, x + width, y)
