"""Segment files in memory. A file that has grown is mapped further, not anew: what was mapped stays as it is.

So a search after a change reads again what the change added, not the index. Each piece of a file is longer than all
that follow it together, since smaller ones are mapped as one with what comes: there are few, however often it grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from svrag.library.tokens import segments
from svrag.library.tokens.ranges import IndexRow

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The vectors of a segment from number `start` to before `end`.

    Attributes:
        rows: kind of file -> uint8 of (end - start, bytes of a vector), mapped.
        files: path and number of each file, and the bytes it must have; no other file gets the number while it is mapped.
    """

    segment: int
    start: int
    end: int
    rows: dict[str, NDArray[np.uint8]]
    files: tuple[tuple[Path, int, int], ...]

    def still_there(self) -> bool:
        """Whether the files are those that were mapped: they may have been removed and made anew with the library."""
        try:
            found = [path.stat() for path, _, _ in self.files]
        except FileNotFoundError:
            return False
        return all(
            status.st_ino == number and status.st_size >= size
            for status, (_, number, size) in zip(found, self.files, strict=True)
        )


def mapped(
    library: Path, index: IndexRow, stage: int, lengths: Iterable[tuple[int, int]], known: Sequence[Piece]
) -> list[Piece]:
    """Pieces of the segments `lengths` (number, vectors), in this order, made of those that are `known` already.

    Raises:
        LibraryError: a file is missing or too short.
    """
    made = []
    for number, vectors in lengths:
        own = [piece for piece in known if piece.segment == number]
        start = own[-1].end if own else 0
        if start < vectors:
            while own and own[-1].end - own[-1].start <= vectors - start:
                start = own.pop().start
            own.append(_map(library, index, stage, number, start, vectors))
        made += own
    return made


def _map(library: Path, index: IndexRow, stage: int, segment: int, start: int, end: int) -> Piece:
    rows, files = {}, []
    for kind, width in index.widths(stage).items():
        path = segments.file_of(library, index.number, segment, kind)
        data = segments.map_rows(path, end * width, start=start * width)
        rows[kind] = np.frombuffer(data, dtype=np.uint8).reshape(-1, width)
        files.append((path, path.stat().st_ino, end * width))
    return Piece(segment, start, end, rows, tuple(files))
