"""Text and tables that are safe to print, whatever they hold."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from svrag.text import shortened, without_control

_WIDE, _LEAST_TEXT = 500, 20  # characters


def out() -> Console:
    """stdout as it is now: a terminal, a file or a pipe."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def plain(text: str, width: int | None = None) -> Text:
    """`text` on one line, safe to print, cut to `width` characters."""
    line = " ".join(without_control(text).split())
    return Text(line if width is None else shortened(line, width))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Rows below their header; columns in `right` end flush. In a terminal the last column is cut where the line ends.

    In a file or a pipe nothing is cut: a figure or an id cut off is worse than a long line.
    """
    terminal = out()
    cells = [[plain(cell) for cell in row] for row in rows]
    if terminal.is_terminal:
        widths = [max(cell.cell_len for cell in column) for column in zip(*cells, map(Text, header), strict=True)]
        room = max(_LEAST_TEXT, terminal.width - sum(widths[:-1]) - 2 * (len(header) - 1))
        for row in cells:
            row[-1].truncate(room, overflow="ellipsis")
    grid = Table(box=None, pad_edge=False)
    for i, name in enumerate(header):
        grid.add_column(name, justify="right" if i in right else "left", no_wrap=True)
    for row in cells:
        grid.add_row(*row)
    Console(file=sys.stdout, highlight=False, width=max(_WIDE, terminal.width)).print(grid)
