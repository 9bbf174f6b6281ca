"""What a process knows of an index: where the vectors of every unit are, as arrays, and the files mapped.

Read whole from the database at the first search, one row per document, and again only when the index's generation is
another one. Shared by all threads of the process; never changed once made.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from svrag.documents.model import ElementType
from svrag.errors import LibraryError
from svrag.library.tokens import ranges, segments
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
        segment: (units,) int32: which of `files` holds a unit; -1: it is not in this stage.
        first: (units,) int64: row of its first vector there.
        counts: (units,) int64: how many it has.
        files: kind of file -> rows of each segment, mapped: uint8 of (vectors, bytes of a vector).
    """

    segment: NDArray[np.int32]
    first: NDArray[np.int64]
    counts: NDArray[np.int64]
    files: dict[str, list[NDArray[np.uint8]]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """All units of an index in the order in which their vectors lie on disk.

    Attributes:
        documents: ids; document i has the units from firsts[i] to firsts[i + 1].
        number: of each document in `documents`.
        document, position, page, type: (units,) of each unit; `type` counts in TYPES.
    """

    row: IndexRow
    documents: tuple[str, ...]
    number: dict[str, int]
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
            made = _read(connection, library, name)
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


def _read(connection: sqlite3.Connection, library: Path, name: str) -> Manifest | None:
    connection.execute("BEGIN")  # one snapshot for all that is read
    try:
        found = ranges.rows(connection, name)
        if not found:
            return None
        row = found[0]
        rows = connection.execute(
            "SELECT d.id, e.counts, e.positions, e.pages, e.types, f.segment, f.first, c.segment, c.first "
            "FROM token_documents e JOIN documents d ON d.number = e.document "
            "JOIN token_ranges f ON f.entry = e.number AND f.stage = ? "
            "LEFT JOIN token_ranges c ON c.entry = e.number AND c.stage = ? "
            "WHERE e.token_index = ? ORDER BY f.segment, f.first",
            (FINE, COARSE, row.number),
        ).fetchall()
        lengths = connection.execute(
            "SELECT stage, number, vectors FROM token_segments WHERE token_index = ? ORDER BY number", (row.number,)
        ).fetchall()
    finally:
        connection.execute("COMMIT")
    columns = list(zip(*rows, strict=True)) if rows else [()] * 9
    ids, count_blobs, position_blobs, page_blobs, type_blobs, *places = columns
    counts = _joined(count_blobs, "<u4").astype(np.int64)
    units = np.fromiter((len(blob) for blob in type_blobs), dtype=np.int64, count=len(ids))
    firsts = np.concatenate([np.zeros(1, np.int64), np.cumsum(units)])
    stages = []
    for stage, segment, first in ((FINE, places[0], places[1]), (COARSE, places[2], places[3])):
        own = [(number, vectors) for of, number, vectors in lengths if of == stage]
        in_stage = counts if stage == FINE else pooled_counts(counts, COARSE_FACTOR)
        stages.append(_stage(library, row, stage, own, segment, first, in_stage, firsts))
    return Manifest(
        row,
        tuple(ids),
        {id: number for number, id in enumerate(ids)},
        firsts,
        np.repeat(np.arange(len(ids)), units),
        _joined(position_blobs, "<u4").astype(np.int32),
        _joined(page_blobs, "<u4").astype(np.int32),
        _joined(type_blobs, "u1").astype(np.uint8),
        *stages,
    )


def _stage(
    library: Path,
    row: IndexRow,
    stage: int,
    own: list[tuple[int, int]],
    segment: tuple[int | None, ...],
    first: tuple[int | None, ...],
    counts: NDArray[np.int64],
    firsts: NDArray[np.int64],
) -> Stage:
    """One of the stages.

    Args:
        own: segments of the stage, with the vectors in each.
        segment, first: of each document; None: it is not in this stage.
        counts: of each unit.
        firsts: first unit of each document.
    """
    order = {number: i for i, (number, _) in enumerate(own)}
    documents = len(segment)
    of_document = np.fromiter((-1 if n is None else order[n] for n in segment), dtype=np.int32, count=documents)
    start = np.fromiter((n or 0 for n in first), dtype=np.int64, count=documents)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    units = np.diff(firsts)
    within = ends[:-1] - np.repeat(ends[firsts[:-1]], units)
    files = {
        kind: [
            np.frombuffer(
                segments.map_rows(segments.file_of(library, row.number, number, kind), vectors * width), dtype=np.uint8
            ).reshape(-1, width)
            for number, vectors in own
        ]
        for kind, width in row.widths(stage).items()
    }
    return Stage(np.repeat(of_document, units), np.repeat(start, units) + within, counts, files)


def _joined(blobs: tuple[bytes, ...], kind: str) -> NDArray[np.generic]:
    return np.frombuffer(b"".join(blobs), dtype=kind)
