"""Sparse vectors of documents as an inverted index in the database: for each term the passages that have it.

SQLite's tables are the index: a question reads the rows of its own terms and nothing else, a document's postings go
with it in one transaction, and a killed process leaves all of them or none. A matrix of scipy would be quicker over
terms that most passages have, but is one file for the whole library, written anew with every change. Nothing here
computes or compares weights.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SparseVectors:
    """What one encoder made of a document.

    Attributes:
        document_id: whose they are.
        positions: (passages,) int32, ascending: which element each passage is of, as in `Vectors`.
        passages: (n,) int32: the passage that a weight is of, counted from 0.
        terms: (n,) int32: its term.
        weights: (n,) float16.
    """

    document_id: str
    positions: NDArray[np.int32]
    passages: NDArray[np.int32]
    terms: NDArray[np.int32]
    weights: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Entry:
    """A document that an encoder has made vectors of.

    Attributes:
        number: what postings call it.
        document_id, positions: as of `SparseVectors`.
    """

    number: int
    document_id: str
    positions: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Postings:
    """All passages with one term.

    Attributes:
        entries: (documents,) int64: numbers of entries.
        counts: (documents,) int64: how many passages of each have the term.
        passages: (sum of counts,) int32, entry after entry.
        weights: (sum of counts,) float32.
    """

    entries: NDArray[np.int64]
    counts: NDArray[np.int64]
    passages: NDArray[np.int32]
    weights: NDArray[np.float32]


def put(connection: sqlite3.Connection, encoder: str, made: SparseVectors) -> None:
    """Store `made` in place of what `encoder` made before; a document that is gone by now is ignored.

    Call inside a write transaction.
    """
    import numpy as np

    connection.execute("INSERT OR IGNORE INTO sparse_encoders (fingerprint) VALUES (?)", (encoder,))
    (number,) = connection.execute("SELECT number FROM sparse_encoders WHERE fingerprint = ?", (encoder,)).fetchone()
    connection.execute(
        "DELETE FROM sparse_documents WHERE encoder = ? AND document = (SELECT number FROM documents WHERE id = ?)",
        (number, made.document_id),
    )
    entry = connection.execute(
        "INSERT INTO sparse_documents (document, encoder, positions) SELECT number, ?, ? FROM documents WHERE id = ? "
        "RETURNING number",
        (number, made.positions.astype("<i4").tobytes(), made.document_id),
    ).fetchone()
    if entry is None:
        return
    order = np.lexsort((made.passages, made.terms))
    terms, first = np.unique(made.terms[order], return_index=True)
    passages = np.split(made.passages[order].astype("<i4"), first[1:])
    weights = np.split(made.weights[order].astype("<f2"), first[1:])
    connection.executemany(
        "INSERT INTO sparse_postings (encoder, term, entry, passages, weights) VALUES (?, ?, ?, ?, ?)",
        (
            (number, term, entry[0], those.tobytes(), theirs.tobytes())
            for term, those, theirs in zip(terms.tolist(), passages, weights, strict=False)
        ),
    )


def encoded(connection: sqlite3.Connection, encoder: str) -> set[str]:
    """The documents that `encoder` has made vectors of."""
    return {entry.document_id for entry in entries(connection, encoder)}


def entries(connection: sqlite3.Connection, encoder: str) -> list[Entry]:
    """All documents that `encoder` has made vectors of, by number."""
    import numpy as np

    rows = connection.execute(
        "SELECT s.number, d.id, s.positions FROM sparse_documents s JOIN documents d ON d.number = s.document "
        "JOIN sparse_encoders e ON e.number = s.encoder WHERE e.fingerprint = ? ORDER BY s.number",
        (encoder,),
    )
    return [Entry(number, document, np.frombuffer(positions, dtype="<i4")) for number, document, positions in rows]


def postings(connection: sqlite3.Connection, encoder: str, term: int) -> Postings:
    """The passages of all documents that `encoder` gave `term` a weight for."""
    import numpy as np

    rows: Sequence[tuple[int, bytes, bytes]] = connection.execute(
        "SELECT p.entry, p.passages, p.weights FROM sparse_postings p JOIN sparse_encoders e ON e.number = p.encoder "
        "WHERE e.fingerprint = ? AND p.term = ? ORDER BY p.entry",
        (encoder, term),
    ).fetchall()
    return Postings(
        np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows)),
        np.fromiter((len(row[1]) // 4 for row in rows), dtype=np.int64, count=len(rows)),
        np.frombuffer(b"".join(row[1] for row in rows), dtype="<i4"),
        np.frombuffer(b"".join(row[2] for row in rows), dtype="<f2").astype(np.float32),
    )
