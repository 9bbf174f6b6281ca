"""The coarse stage: every unit once more in an eighth of its vectors, by which candidates are chosen for the full scan.

It pays only in large indexes. The full scan of 50,000 elements of 64 tokens takes some 50 ms; the coarse one an eighth
of that, and its candidates must then be few beside the rest. Below, and for units of so few tokens that an eighth of
them says little, it is off, and takes no room. It is built as documents are added once the index is large: each add
pools what it adds and a little of what is older, so that no single one waits for the rest. Then it is tried: parts of
stored units are searched for with and without it, and it is used only with the least number of candidates that loses
next to nothing of the ten best; with none that does so it stays off until the index has doubled.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import numpy as np

from svrag.library.tokens import codes, manifest, ranges, scanning, segments
from svrag.library.tokens.manifest import Manifest
from svrag.library.tokens.ranges import COARSE, FINE, IndexRow
from svrag.retrievers.maxsim.pooling import COARSE_FACTOR, pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from svrag.library.store import Library

MANY_UNITS = 50_000
"""From so many units on there is a coarse stage, and it is used when so many are searched."""

FEW_TOKENS = 32
"""With fewer tokens per unit on average there is none. In elements of 16 to 64 tokens of real text (all-MiniLM's) 4 % of
candidates held .98 of the ten best, in elements as they come, with 73 on average, over .99."""

SHARES = (0.01, 0.02, 0.04)
"""Of all units, that the coarse stage leaves as candidates: what is tried, the least first."""

_RECALL = 0.99  # of the ten best, on the questions it is tried with
_TRIED, _QUERY_TOKENS = 24, 32
_CAUGHT_UP = 2048  # older vectors that even the smallest document pools when it is added


def catch_up(library: Library, name: str, added: int) -> None:
    """Pool documents that are not in the coarse stage yet: about thrice as many vectors as were just added.

    Raises:
        LibraryError: no space, no permission, a file is missing or too short.
    """
    with library.explained():
        if not any(_large(library.connection, index) for index in ranges.rows(library.connection, name)):
            return
    with library.transaction() as connection:
        for index in ranges.rows(connection, name):
            left = 2 * added + _CAUGHT_UP
            for entry in connection.execute(
                "SELECT number FROM token_documents WHERE token_index = ? AND coarse = 0 ORDER BY number DESC LIMIT 100",
                (index.number,),
            ).fetchall():
                left -= _pool_one(connection, library, index, entry[0])
                if left <= 0:
                    break
            ranges.mark_changed(connection, index.number)
    with library.explained():
        due = library.connection.execute(
            "SELECT 1 FROM token_indexes i WHERE name = ? AND units >= 2 * checked "
            "AND NOT EXISTS (SELECT 1 FROM token_documents WHERE token_index = i.number AND coarse = 0)",
            (name,),
        ).fetchone()
        known = manifest.current(library.connection, library.folder, name) if due else None
    if known is None or np.any(known.coarse.piece < 0):
        return
    candidates = candidates_of(known)
    with library.transaction() as connection:
        connection.execute(
            "UPDATE token_indexes SET checked = units, candidates = ?, generation = random() WHERE number = ?",
            (candidates, known.row.number),
        )


def narrowed(known: Manifest, units: NDArray[np.int64], query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Those of `units` that are worth a full scan; all of them where that is better. In the same order."""
    wanted = max(known.row.candidates, 4 * k)
    if not known.row.candidates or len(units) < MANY_UNITS or 4 * wanted > len(units):
        return units
    pooled = known.coarse.piece[units] >= 0  # documents added a moment ago are not
    return _candidates(known, units[pooled], query, wanted, units[~pooled])


def candidates_of(known: Manifest) -> int:
    """The least number of candidates with which next to nothing is lost; 0 when all that are tried lose more.

    The questions are tokens of stored units, drawn the same way every time; the unit itself does not count as found.
    """
    draw = np.random.default_rng(0)
    units = np.arange(len(known.document))
    precision = known.row.identity.settings.precision
    tried = [max(1, round(share * len(units))) for share in SHARES]
    kept = np.zeros(len(tried))
    questions = draw.choice(units, size=min(_TRIED, len(units)), replace=False).tolist()
    for own in questions:
        first = known.fine.first[own]
        rows = known.fine.pieces[known.fine.piece[own]].rows[codes.CODES][first : first + known.fine.counts[own]]
        vectors = codes.decode(rows.tobytes(), precision, known.row.identity.dimension)
        query = vectors[np.linspace(0, len(vectors) - 1, min(_QUERY_TOKENS, len(vectors))).astype(np.int64)]
        others = np.delete(units, own)
        best = np.argsort(-scanning.scores(known.fine, others, query, precision), kind="stable")[:10]
        order = np.argsort(-scanning.scores(known.coarse, others, query, precision), kind="stable")
        kept += [np.isin(best, order[:count]).sum() for count in tried]
    return next((count for count, n in zip(tried, kept, strict=True) if n >= _RECALL * 10 * len(questions)), 0)


def _large(connection: sqlite3.Connection, index: IndexRow) -> bool:
    if index.units < MANY_UNITS:
        return False
    (live,) = connection.execute(
        "SELECT coalesce(sum(live), 0) FROM token_segments WHERE token_index = ? AND stage = ?", (index.number, FINE)
    ).fetchone()
    return bool(live >= FEW_TOKENS * index.units)


def _candidates(
    known: Manifest, units: NDArray[np.int64], query: NDArray[np.float32], wanted: int, others: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The `wanted` best of `units` by the coarse scan, and `others`, sorted."""
    scores = scanning.scores(known.coarse, units, query, known.row.identity.settings.precision)
    best = np.argpartition(-scores, wanted - 1)[:wanted] if wanted < len(units) else np.arange(len(units))
    return np.sort(np.concatenate([units[best], others]))


def _pool_one(connection: sqlite3.Connection, library: Library, index: IndexRow, entry: int) -> int:
    """Add a document to the coarse stage; how many vectors it has in full."""
    counts_blob, segment, first, count = connection.execute(
        "SELECT e.counts, r.segment, r.first, r.vectors FROM token_documents e "
        "JOIN token_ranges r ON r.entry = e.number AND r.stage = ? WHERE e.number = ?",
        (FINE, entry),
    ).fetchone()
    width = index.widths(FINE)[codes.CODES]
    path = segments.file_of(library.folder, index.number, segment, codes.CODES)
    rows = segments.map_rows(path, (first + count) * width, start=first * width)
    precision, dimension = index.identity.settings.precision, index.identity.dimension
    vectors = codes.decode(rows, precision, dimension)
    ends = np.cumsum(np.frombuffer(counts_blob, dtype="<u4").astype(np.int64))
    pooled = [pool(unit, COARSE_FACTOR, "rough") for unit in np.split(vectors, ends[:-1])]
    data = codes.encode(np.concatenate([np.empty((0, dimension), np.float32), *pooled]), precision, COARSE)
    place = ranges.append(connection, library.folder, index, COARSE, data)
    connection.execute("INSERT INTO token_ranges VALUES (?, ?, ?, ?, ?)", (entry, COARSE, *place))
    connection.execute("UPDATE token_documents SET coarse = 1 WHERE number = ?", (entry,))
    return int(count)
