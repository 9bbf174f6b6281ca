"""Gives back the room of removed vectors: what is still named is copied behind the rest, then the old file goes.

One segment at a time, each in a transaction of its own, so memory and the time that other writers wait are bounded.
Whoever reads meanwhile goes on with the old file, which the system keeps as long as it is mapped.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

from svrag.errors import LibraryError
from svrag.library.tokens import ranges, segments
from svrag.library.tokens.ranges import IndexRow

if TYPE_CHECKING:
    from svrag.library.store import Library

_COPIED_BYTES = 16 << 20  # at once


def tidy(library: Library) -> None:
    """Compact what more than half is dead, if that can be done. Takes no time when nothing is.

    Raises:
        LibraryError: the library cannot be read.
    """
    with library.explained():
        dead = library.connection.execute(
            "SELECT i.name, s.stage FROM token_segments s JOIN token_indexes i ON i.number = s.token_index "
            "GROUP BY i.name, s.stage HAVING 2 * sum(s.live) < sum(s.vectors)"
        ).fetchall()
    for name, stage in dead:
        # What this comes after is done. On a full disk it would tell nothing new, and a broken file whoever searches.
        with contextlib.suppress(LibraryError):
            compact(library, name, stage)


def compact(library: Library, name: str, stage: int) -> None:
    """Leave only live vectors in the files of one stage of an index.

    Raises:
        LibraryError: no space, no permission, a file is missing or too short.
    """
    with library.explained():
        dirty = library.connection.execute(
            "SELECT s.number FROM token_segments s JOIN token_indexes i ON i.number = s.token_index "
            "WHERE i.name = ? AND s.stage = ? AND s.live < s.vectors ORDER BY s.number",
            (name, stage),
        ).fetchall()
    for (segment,) in dirty:
        with library.transaction() as connection:
            for index in ranges.rows(connection, name):
                _move(connection, library, index, stage, segment, past=dirty[-1][0])
        sweep(library)


def sweep(library: Library) -> None:
    """Remove files that nothing names: those of removed indexes and segments, and what a killed process began."""
    with library.transaction() as connection:
        needed: dict[int, set[int]] = {index.number: set() for index in ranges.rows(connection)}
        for index, segment in connection.execute("SELECT token_index, number FROM token_segments"):
            needed[index].add(segment)
        segments.drop_folders_but(library.folder, needed)
        for number, own in needed.items():
            segments.drop_all_but(library.folder, number, own)


def _move(
    connection: sqlite3.Connection, library: Library, index: IndexRow, stage: int, segment: int, past: int
) -> None:
    """Copy what is live in `segment` to segments of numbers greater than `past`, and forget `segment`."""
    row = connection.execute("SELECT vectors FROM token_segments WHERE number = ?", (segment,)).fetchone()
    if row is None:  # another process was faster
        return
    widths = index.widths(stage)
    files = {
        kind: segments.map_rows(segments.file_of(library.folder, index.number, segment, kind), row[0] * width)
        for kind, width in widths.items()
    }
    live = connection.execute(
        "SELECT entry, first, vectors FROM token_ranges WHERE segment = ? ORDER BY first", (segment,)
    ).fetchall()
    for some in _batches(live, _COPIED_BYTES // sum(widths.values())):
        data = {
            kind: b"".join(files[kind][first * width : (first + count) * width] for _, first, count in some)
            for kind, width in widths.items()
        }
        target, first, _ = ranges.append(connection, library.folder, index, stage, data, past=past)
        for entry, _, count in some:
            connection.execute(
                "UPDATE token_ranges SET segment = ?, first = ? WHERE entry = ? AND stage = ?",
                (target, first, entry, stage),
            )
            first += count
    connection.execute("DELETE FROM token_segments WHERE number = ?", (segment,))
    ranges.mark_changed(connection, index.number)


def _batches(live: list[tuple[int, int, int]], vectors: int) -> Iterator[list[tuple[int, int, int]]]:
    """`live` in its order, in lists of about so many vectors."""
    batch: list[tuple[int, int, int]] = []
    size = 0
    for entry in live:
        batch.append(entry)
        size += entry[2]
        if size >= vectors:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
