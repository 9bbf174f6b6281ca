"""The cells of a table: each word of its lines in one cell, whole.

The layout model says where it saw pieces of text and in which row and column each of them belongs. Its pieces are not
words: it cuts some words in two ("(8,021" and ")", "199" and "6"), and draws others so tightly around their ink that
their middle lies outside (a dash). So a word goes where most of it stands, and what a cut word holds together stays
together. Knows nothing of pages; lines that form a table without the model's help are grid.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from svrag.documents.blocks import Line, Word, join_lines
from svrag.documents.model import Box

_WORD_GAP = 0.6  # of the type size: words further apart may stand in two columns
_TOUCH = 0.5  # points of a piece's width that a word must cover to be cut by its edge


class Piece(NamedTuple):
    """A piece of text and the cell that it belongs to; one that spans several belongs to the first."""

    row: int
    column: int
    box: Box


def cell_rows(pieces: Sequence[Piece], lines: Sequence[Line]) -> tuple[tuple[str, ...], ...]:
    """The words of `lines` as a full grid, "" where a cell is empty; rows and columns without words are left out."""
    if not pieces:
        return ()
    held: list[list[Word]] = [[] for _ in pieces]
    for line in lines:
        for words in _runs(line):
            homes = [_home(word.box, pieces) for word in words]
            if any(_is_cut(word, pieces) for word in words):
                homes = [_home(Box.around(word.box for word in words), pieces)] * len(words)
            for word, home in zip(words, homes, strict=True):
                held[home].append(word)
    texts: dict[tuple[int, int], list[str]] = {}
    for piece, words in zip(pieces, held, strict=True):
        if words:
            text = " ".join(word.text for word in sorted(words, key=lambda word: word.box.x0))
            texts.setdefault((piece.row, piece.column), []).append(text)
    rows = sorted({row for row, _ in texts})
    columns = sorted({column for _, column in texts})
    return tuple(tuple(join_lines(texts.get((row, column), [])) for column in columns) for row in rows)


def _runs(line: Line) -> Iterator[list[Word]]:
    """The line's words, parted where a gap is wider than between words."""
    run: list[Word] = []
    for word in line.words:
        if run and word.box.x0 - run[-1].box.x1 > _WORD_GAP * line.size:
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _home(box: Box, pieces: Sequence[Piece]) -> int:
    """The piece that most of `box` stands in; the nearest where it stands in none."""
    return max(range(len(pieces)), key=lambda i: (box.intersection(pieces[i].box), -box.distance(pieces[i].box)))


def _is_cut(word: Word, pieces: Sequence[Piece]) -> bool:
    """Whether `word` stands in pieces of several cells: then no column ends there, unless it leads there with dots."""
    box = word.box
    cells = {
        (piece.row, piece.column)
        for piece in pieces
        if box.y0 <= (piece.box.y0 + piece.box.y1) / 2 <= box.y1
        and min(box.x1, piece.box.x1) - max(box.x0, piece.box.x0) > _TOUCH
    }
    return len(cells) > 1 and "..." not in word.text
