"""Vectors of documents in the database: one blob per document and encoder, raw numbers and nothing to execute.

Several encoders live side by side. A document's vectors go with it. Nothing here computes or compares them.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Vectors:
    """What one encoder made of a document.

    Attributes:
        document_id: whose they are.
        positions: (n,) int32, ascending: which element each vector is of, counted from 0 in the order of
            `Library.elements_of`, pages last; a long element has several.
        vectors: (n, dimension) float16.
    """

    document_id: str
    positions: NDArray[np.int32]
    vectors: NDArray[np.float16]


def put(connection: sqlite3.Connection, encoder: str, made: Vectors) -> None:
    """Store `made` in place of what `encoder` made before; a document that is gone by now is ignored.

    Call inside a write transaction.
    """
    connection.execute(
        "INSERT OR REPLACE INTO vectors (document, encoder, dimension, positions, vectors) "
        "SELECT number, ?, ?, ?, ? FROM documents WHERE id = ?",
        (
            encoder,
            made.vectors.shape[1],
            made.positions.astype("<i4").tobytes(),
            made.vectors.astype("<f2").tobytes(),
            made.document_id,
        ),
    )


def get(connection: sqlite3.Connection, encoder: str, document_id: str) -> Vectors | None:
    """What `encoder` made of the document; None when it has not yet."""
    import numpy as np

    row = connection.execute(
        "SELECT v.dimension, v.positions, v.vectors FROM vectors v JOIN documents d ON d.number = v.document "
        "WHERE d.id = ? AND v.encoder = ?",
        (document_id, encoder),
    ).fetchone()
    if row is None:
        return None
    dimension, positions, vectors = row
    return Vectors(
        document_id,
        np.frombuffer(positions, dtype="<i4"),
        np.frombuffer(vectors, dtype="<f2").reshape(-1, dimension),
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A document that an encoder has made vectors of.

    Attributes:
        number: of the entry, which no other ever had or will have.
        document_id: whose the vectors are.
        count: how many.
    """

    number: int
    document_id: str
    count: int


def entries(connection: sqlite3.Connection, encoder: str) -> list[Entry]:
    """All that `encoder` has made, by number."""
    rows = connection.execute(
        "SELECT v.number, d.id, length(v.positions) / 4 FROM vectors v JOIN documents d ON d.number = v.document "
        "WHERE v.encoder = ? ORDER BY v.number",
        (encoder,),
    )
    return [Entry(*row) for row in rows]


def encoded(connection: sqlite3.Connection, encoder: str) -> set[str]:
    """The documents that `encoder` has made vectors of."""
    rows = connection.execute(
        "SELECT d.id FROM vectors v JOIN documents d ON d.number = v.document WHERE v.encoder = ?", (encoder,)
    )
    return {row[0] for row in rows}
