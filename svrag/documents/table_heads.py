"""The rows with which a table begins that name its columns, told from the cells alone.

Words centred over several columns stand in one cell in the middle ("Year ended December 31,"), and so do remarks on all
of them ("(in thousands)"): they are said of the whole table, not of the column they happen to stand in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Row = Sequence[str]

_MOST = 4
_YEAR = re.compile(r"(19|20)\d\d")


def header_rows(rows: Sequence[Row]) -> int:
    """How many: the first, and those below it that go on with names, years or a remark before the first figures."""
    header = 1
    for row in rows[1 : min(_MOST, len(rows) - 1)]:
        above = rows[header - 1]
        goes_on = not (row[0] or above[0]) or is_over_columns(above, rows[header : header + 1])
        names = _are_years(row) or not any(map(_is_figure, row[1:]))
        if not is_remark(row) and not (goes_on and names and any(row)):
            break
        header += 1
    return header


def is_over_columns(row: Row, others: Sequence[Row]) -> bool:
    """Whether the only cell of a header row belongs to all columns that `others`, the other header rows, name."""
    filled = [i for i, cell in enumerate(row) if cell]
    if len(filled) != 1 or filled[0] == 0:
        return False
    named = [other for other in others if sum(map(bool, other[1:])) > 1]
    columns = len(row) - 1
    if columns == 2:  # the middle of two is either
        return any(map(_are_years, named))
    return columns > 2 and bool(named) and abs(filled[0] - (columns + 1) / 2) <= 0.5


def is_remark(row: Row) -> bool:
    """One remark in parentheses, perhaps cut in two by a column's edge: "(in thousands, except per share", "data)"."""
    said = " ".join(filter(None, row))
    return not row[0] and said.startswith("(") and said.endswith(")") and said.count(")") == 1


def _are_years(row: Row) -> bool:
    filled = [cell for cell in row[1:] if cell]
    return len(filled) > 1 and all(_YEAR.fullmatch(cell.strip()) for cell in filled)


def _is_figure(cell: str) -> bool:
    return sum(character.isdigit() for character in cell) > 0.4 * len(cell.replace(" ", ""))
