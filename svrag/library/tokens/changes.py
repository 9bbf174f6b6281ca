"""What has become of an index since a process last looked at it, read from the database: as little as tells it.

Segments only grow, and the place of a vector never has another one. So documents that came since have their vectors
behind the known length of a segment, and only a segment that lost living vectors has documents that went.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from svrag.library.tokens.ranges import COARSE, FINE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Row = tuple[Any, ...]  # the columns' types are the schema's


@dataclass(frozen=True, slots=True)
class Length:
    """A segment: its stage, vectors ever appended, and those of them that are somebody's."""

    stage: int
    vectors: int
    live: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where the vectors of documents begin in one stage.

    Attributes:
        segment: (documents,) int64: its number; -1: not in this stage.
        start: (documents,) int64: the vector in it.
    """

    segment: NDArray[np.int64]
    start: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Added:
    """Documents that came, in the order of their vectors.

    Attributes:
        ids, entries: of the documents, and their numbers in token_documents.
        counts, positions, pages, types: as the columns of token_documents.
        fine, coarse: where their vectors are.
    """

    ids: tuple[str, ...]
    entries: tuple[int, ...]
    counts: tuple[bytes, ...]
    positions: tuple[bytes, ...]
    pages: tuple[bytes, ...]
    types: tuple[bytes, ...]
    fine: Places
    coarse: Places


@dataclass(frozen=True, slots=True)
class Changes:
    """
    Attributes:
        lengths: of all segments that there are now, by number.
        gone: (known documents,) bool; one that was moved is gone, and comes again.
        pooled: (n, 3): entry, segment and start of what came into the coarse stage.
    """

    lengths: dict[int, Length]
    gone: NDArray[np.bool_]
    added: Added
    pooled: NDArray[np.int64]


def since(connection: sqlite3.Connection, index: int, lengths: Mapping[int, Length], fine: Places) -> Changes:
    """What is different from segments of `lengths` with documents at `fine`. Call inside a transaction."""
    now = {
        number: Length(*length)
        for number, *length in connection.execute(
            "SELECT number, stage, vectors, live FROM token_segments WHERE token_index = ? ORDER BY number", (index,)
        )
    }
    gone = ~np.isin(fine.segment, [number for number, length in now.items() if length.stage == FINE])
    rows: list[_Row] = []
    pooled: list[tuple[int, int, int]] = []
    for number, length in now.items():
        before = lengths.get(number, Length(length.stage, 0, 0))
        if length == before:
            continue
        if length.stage == COARSE:
            pooled += connection.execute(
                "SELECT entry, segment, first FROM token_ranges WHERE segment = ? AND first >= ?",
                (number, before.vectors),
            )
            continue
        came = _came(connection, number, before.vectors)
        rows += came
        if length.live < before.live + sum(vectors for *_, vectors in came):
            left = [
                first
                for (first,) in connection.execute(
                    "SELECT first FROM token_ranges WHERE segment = ? AND first < ? AND vectors > 0",
                    (number, before.vectors),
                )
            ]
            gone |= (fine.segment == number) & ~np.isin(fine.start, left)
    return Changes(now, gone, _added(rows), np.array(pooled, dtype=np.int64).reshape(-1, 3))


def _came(connection: sqlite3.Connection, segment: int, first: int) -> list[_Row]:
    """Documents with vectors in `segment` from `first` on; those without any would never be found."""
    return connection.execute(
        "SELECT d.id, e.number, e.counts, e.positions, e.pages, e.types, f.segment, f.first, "
        "coalesce(c.segment, -1), coalesce(c.first, 0), f.vectors FROM token_ranges f "
        "JOIN token_documents e ON e.number = f.entry JOIN documents d ON d.number = e.document "
        "LEFT JOIN token_ranges c ON c.entry = e.number AND c.stage = ? "
        "WHERE f.segment = ? AND f.first >= ? AND f.vectors > 0 ORDER BY f.first",
        (COARSE, segment, first),
    ).fetchall()


def _added(rows: list[_Row]) -> Added:
    ids, entries, counts, positions, pages, types, *places, _ = zip(*rows, strict=True) if rows else [()] * 11
    segment, start, coarse_segment, coarse_start = (np.array(column, dtype=np.int64) for column in places)
    fine, coarse = Places(segment, start), Places(coarse_segment, coarse_start)
    return Added(ids, entries, counts, positions, pages, types, fine, coarse)
