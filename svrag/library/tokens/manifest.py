"""What a process knows of an index: where the vectors of every unit are, as arrays, and the files mapped.

Read whole from the database at the first search, one row per document. When the index's generation is another one, a
new one is made of the old and of what has changed since. Shared by all threads of the process; never changed once made.
"""

from __future__ import annotations

import itertools
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from svrag.documents.model import ElementType
from svrag.errors import LibraryError
from svrag.library.tokens import changes, mapping, ranges
from svrag.library.tokens.changes import Changes, Length, Places
from svrag.library.tokens.mapping import Piece
from svrag.library.tokens.ranges import COARSE, FINE, IndexRow
from svrag.retrievers.maxsim.pooling import COARSE_FACTOR, pooled_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES: tuple[str, ...] = get_args(ElementType)
"""As they are numbered in the database: new ones go last."""

_KEPT = 8  # indexes of which a process remembers the manifest


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the vectors of the units are in one of the stages.

    Attributes:
        places: of the documents.
        pieces: of the files, mapped.
        piece: (units,) int32: which of `pieces` holds a unit; -1: it is not in this stage.
        first: (units,) int64: row of its first vector there.
        counts: (units,) int64: how many it has.
    """

    places: Places
    pieces: list[Piece]
    piece: NDArray[np.int32]
    first: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Manifest:
    """All units of an index in the order in which their vectors lie on disk.

    Attributes:
        lengths: of the segments, by number.
        documents: ids; document i has the units from firsts[i] to firsts[i + 1]. Those without vectors are left out.
        number: of each document in `documents`.
        entries: (documents,) int64: their numbers in the database.
        document, position, page, type: (units,) of each unit; `type` counts in TYPES.
    """

    row: IndexRow
    lengths: dict[int, Length]
    documents: tuple[str, ...]
    number: dict[str, int]
    entries: NDArray[np.int64]
    firsts: NDArray[np.int64]
    document: NDArray[np.int64]
    position: NDArray[np.int32]
    page: NDArray[np.int32]
    type: NDArray[np.uint8]
    fine: Stage
    coarse: Stage


_cache: dict[tuple[Path, int], Manifest] = {}
_lock = threading.Lock()


def current(connection: sqlite3.Connection, library: Path, name: str) -> Manifest | None:
    """The manifest of the index of this name as of the last commit; None when there is no such index any more.

    Raises:
        LibraryError: a file is missing or too short.
    """
    while True:
        found = ranges.rows(connection, name)
        if not found:
            return None
        key = (library.resolve(), found[0].number)
        with _lock:
            known = _cache.get(key)
        if known is not None and known.row.generation == found[0].generation:
            return known
        try:
            made = _read(connection, library, name, known)
        except LibraryError:
            # Compaction in another process may have removed a file between our reading its name and opening it.
            again = ranges.rows(connection, name)
            if again and again[0].generation == found[0].generation:
                raise
            continue
        if made is not None:
            with _lock:
                _cache.pop(key, None)
                _cache[key] = made
                while len(_cache) > _KEPT:
                    del _cache[next(iter(_cache))]
        return made


def _read(connection: sqlite3.Connection, library: Path, name: str, known: Manifest | None) -> Manifest | None:
    connection.execute("BEGIN")  # one snapshot for all that is read
    try:
        found = ranges.rows(connection, name)
        if not found:
            return None
        before = known if known is not None and known.row.number == found[0].number else _nothing(found[0])
        different = changes.since(connection, found[0].number, before.lengths, before.fine.places)
        if not _continues(before, different):
            before = _nothing(found[0])
            different = changes.since(connection, found[0].number, before.lengths, before.fine.places)
    finally:
        connection.execute("COMMIT")
    return _changed(library, found[0], before, different)


def _nothing(row: IndexRow) -> Manifest:
    """Of an index without documents."""
    numbers, small, empty = np.empty(0, np.int64), np.empty(0, np.int32), Places(*np.empty((2, 0), np.int64))
    stage = Stage(empty, [], small, numbers, numbers)
    return Manifest(
        row, {}, (), {}, numbers, np.zeros(1, np.int64), numbers, small, small, np.empty(0, np.uint8), stage, stage
    )


def _continues(known: Manifest, different: Changes) -> bool:
    """Whether this is the library that it was: in its folder another one may have been made, or put back."""
    return all(
        length.vectors >= known.lengths[number].vectors
        for number, length in different.lengths.items()
        if number in known.lengths
    ) and all(
        piece.still_there()
        for piece in (*known.fine.pieces, *known.coarse.pieces)
        if piece.segment in different.lengths
    )


def _changed(library: Path, row: IndexRow, known: Manifest, different: Changes) -> Manifest:
    added, kept = different.added, ~different.gone
    kept_units = kept[known.document]
    documents = known.documents
    if different.gone.any():
        documents = tuple(itertools.compress(documents, kept.tolist()))
    documents += added.ids
    added_counts = _joined(added.counts, "<u4").astype(np.int64)
    added_units = np.fromiter(map(len, added.types), dtype=np.int64, count=len(added.types))
    units = np.concatenate([np.diff(known.firsts)[kept], added_units])
    firsts = np.concatenate([np.zeros(1, np.int64), np.cumsum(units)])
    entries = np.concatenate([known.entries[kept], np.array(added.entries, dtype=np.int64)])
    counts = np.concatenate([known.fine.counts[kept_units], added_counts])
    fine = _joined_places(known.fine.places, kept, added.fine)
    coarse = _moved(_joined_places(known.coarse.places, kept, added.coarse), entries, different.pooled)

    def stage(of: int, places: Places, counts: NDArray[np.int64], pieces: list[Piece]) -> Stage:
        lengths = [(number, length.vectors) for number, length in different.lengths.items() if length.stage == of]
        return _stage(places, mapping.mapped(library, row, of, lengths, pieces), counts, firsts)

    return Manifest(
        row,
        different.lengths,
        documents,
        dict(zip(documents, range(len(documents)), strict=True)),
        entries,
        firsts,
        np.repeat(np.arange(len(documents)), units),
        np.concatenate([known.position[kept_units], _joined(added.positions, "<u4").astype(np.int32)]),
        np.concatenate([known.page[kept_units], _joined(added.pages, "<u4").astype(np.int32)]),
        np.concatenate([known.type[kept_units], _joined(added.types, "u1").astype(np.uint8)]),
        stage(FINE, fine, counts, known.fine.pieces),
        stage(COARSE, coarse, pooled_counts(counts, COARSE_FACTOR), known.coarse.pieces),
    )


def _joined_places(known: Places, kept: NDArray[np.bool_], added: Places) -> Places:
    return Places(
        np.concatenate([known.segment[kept], added.segment]), np.concatenate([known.start[kept], added.start])
    )


def _moved(places: Places, entries: NDArray[np.int64], moved: NDArray[np.int64]) -> Places:
    """`places` of `entries`, with what `moved` (entry, segment, start) says of them."""
    order = np.argsort(entries)
    found = np.searchsorted(entries, moved[:, 0], sorter=order)
    known = found < len(entries)
    documents, moved = order[found[known]], moved[known]
    same = entries[documents] == moved[:, 0]
    places.segment[documents[same]] = moved[same, 1]
    places.start[documents[same]] = moved[same, 2]
    return places


def _stage(places: Places, pieces: list[Piece], counts: NDArray[np.int64], firsts: NDArray[np.int64]) -> Stage:
    """One of the stages.

    Args:
        counts: of each unit.
        firsts: first unit of each document.
    """
    begins = np.array([(piece.segment, piece.start) for piece in pieces], dtype=np.int64).reshape(-1, 2)
    # The last piece that begins at or before the document; pieces are sorted, and a document is in one.
    of_document = (
        np.searchsorted(_key(begins[:, 0], begins[:, 1]), _key(places.segment, places.start), side="right") - 1
    )
    there = places.segment >= 0
    of_document[~there] = -1
    start = places.start.copy()
    start[there] -= begins[of_document[there], 1]
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    units = np.diff(firsts)
    within = ends[:-1] - np.repeat(ends[firsts[:-1]], units)
    return Stage(
        places, pieces, np.repeat(of_document.astype(np.int32), units), np.repeat(start, units) + within, counts
    )


def _key(segment: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
    return (segment << 40) + start  # of bytes, let alone vectors, a segment has fewer


def _joined(blobs: tuple[bytes, ...], kind: str) -> NDArray[np.generic]:
    return np.frombuffer(b"".join(blobs), dtype=kind)
