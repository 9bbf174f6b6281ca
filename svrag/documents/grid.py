"""Rows and columns from lines that stand in them: the table of a scan, which the layout model takes for a picture.

Knows nothing of rules or shading, only where text is. A chart with its tick labels is no grid: few of its rows have
several cells.
"""

from __future__ import annotations

from collections.abc import Sequence

from svrag.documents.blocks import Line, join_lines

_LEAST_ROWS = 3
_IN_ROWS = 0.8  # share of the lines that have neighbours in their row
_FILLED = 0.7  # share of the cells that are not empty


def grid_rows(lines: Sequence[Line]) -> tuple[tuple[str, ...], ...]:
    """The cells of `lines`, "" where empty, or () where they form no table."""
    rows = _rows(lines)
    several = [row for row in rows if len(row) > 1]
    if len(several) < _LEAST_ROWS or sum(map(len, several)) < _IN_ROWS * len(lines):
        return ()
    columns = _columns(several)
    cells: list[tuple[str, ...]] = []
    for row in rows:
        texts: list[list[str]] = [[] for _ in columns]
        for line in row:
            middle = (line.box.x0 + line.box.x1) / 2
            nearest = min(range(len(columns)), key=lambda i: abs(sum(columns[i]) / 2 - middle))
            texts[nearest].append(line.text)
        cells.append(tuple(join_lines(text) for text in texts))
    filled = sum(bool(text) for row in cells for text in row)
    if len(columns) < 2 or filled < _FILLED * len(columns) * len(cells):
        return ()
    return tuple(cells)


def _rows(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines whose middles are at one height, from top to bottom, each row from left to right."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.box.y0 + line.box.y1):
        middle = (line.box.y0 + line.box.y1) / 2
        if rows and middle < rows[-1][0].box.y1:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.box.x0) for row in rows]


def _columns(rows: Sequence[Sequence[Line]]) -> list[tuple[float, float]]:
    """Left and right edges of what is free of gaps over all rows."""
    spans = sorted((line.box.x0, line.box.x1) for row in rows for line in row)
    columns = [spans[0]]
    for left, right in spans[1:]:
        if left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    return columns
