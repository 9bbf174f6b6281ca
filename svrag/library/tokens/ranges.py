"""Which rows of which segment a document's vectors are: the order of writes that makes adding safe.

First the bytes, on disk behind everything that is anybody's; then, in the transaction that has been open since before,
the row that names them. Whatever is killed in between leaves bytes that nobody names.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from svrag.library.tokens import codes, segments
from svrag.library.tokens.identity import IndexIdentity, IndexSettings

FINE, COARSE = 0, 1
"""Stages: all vectors, and pooled ones to choose candidates by."""


@dataclass(frozen=True, slots=True)
class IndexRow:
    """An index as the database knows it.

    Attributes:
        number: names its folder.
        units: how many are in it.
        checked, candidates: of the coarse stage (coarse.py).
        generation: another one whenever a range is another one.
    """

    number: int
    identity: IndexIdentity
    units: int
    checked: int
    candidates: int
    generation: int

    def widths(self, stage: int) -> dict[str, int]:
        """Bytes of a vector in each kind of file."""
        return codes.widths(self.identity.settings.precision, self.identity.dimension, stage)


def rows(connection: sqlite3.Connection, name: str | None = None) -> list[IndexRow]:
    """All indexes by name, or the one of that name."""
    found = connection.execute(
        "SELECT number, name, revision, fingerprint, dimension, settings, units, checked, candidates, generation "
        "FROM token_indexes WHERE name = coalesce(?, name) ORDER BY name",
        (name,),
    )
    return [
        IndexRow(
            number, IndexIdentity(own, revision, fingerprint, dimension, IndexSettings.from_json(settings)), *rest
        )
        for number, own, revision, fingerprint, dimension, settings, *rest in found
    ]


def append(
    connection: sqlite3.Connection,
    library: Path,
    index: IndexRow,
    stage: int,
    data: Mapping[str, bytes],
    *,
    past: int = 0,
) -> tuple[int, int, int]:
    """Write vectors into the last segment, or into a new one when it is full; (segment, first, count) of them.

    Call inside a write transaction, begun before.

    Args:
        data: rows of bytes for each kind of file.
        past: only segments of greater numbers are written to.

    Raises:
        OSError: no space, no permission.
        LibraryError: a file is missing or shorter than it was.
    """
    widths = index.widths(stage)
    count = len(data[codes.CODES]) // widths[codes.CODES]
    row = connection.execute(
        "SELECT number, vectors FROM token_segments WHERE token_index = ? AND stage = ? AND number > ? "
        "ORDER BY number DESC LIMIT 1",
        (index.number, stage, past),
    ).fetchone()
    if row is None or (row[1] and (row[1] + count) * sum(widths.values()) > segments.SEGMENT_BYTES):
        number = connection.execute(
            "INSERT INTO token_segments (token_index, stage, vectors, live) VALUES (?, ?, 0, 0)", (index.number, stage)
        ).lastrowid
        assert number is not None
        segment, first = number, 0
    else:
        segment, first = row
    segments.append(library, index.number, segment, first, widths, data)
    connection.execute("UPDATE token_segments SET vectors = ? WHERE number = ?", (first + count, segment))
    return segment, first, count


def mark_changed(connection: sqlite3.Connection, index: int) -> None:
    """Tell readers that the ranges of the index are others."""
    connection.execute("UPDATE token_indexes SET generation = random() WHERE number = ?", (index,))
