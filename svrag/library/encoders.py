"""Which encoders, dense or sparse, have made vectors in a library: listed, and taken out by name.

Vectors are kept by the fingerprint of what made them; the name that it went by is noted beside them, so that they can be
taken out when the model itself is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

from svrag.library import nearest
from svrag.library.store import Library

_NOTED = "encoder "
"""How the keys of settings begin under which names are noted; the fingerprint follows."""


@dataclass(frozen=True, slots=True)
class MadeVectors:
    """What one encoder has made.

    Attributes:
        name: that it went by last; its fingerprint where none was noted (by an older svrag).
        documents: how many it has encoded.
    """

    name: str
    fingerprint: str
    sparse: bool
    documents: int


def note(library: Library, fingerprint: str, name: str) -> None:
    """Note what the encoder with this fingerprint is called.

    Raises:
        LibraryError: the library cannot be written to.
    """
    if library.setting(_NOTED + fingerprint) != name:
        library.set_setting(_NOTED + fingerprint, name)


def vectors_in(library: Library) -> list[MadeVectors]:
    """All that there are, by name."""
    with library.explained():
        rows = library.connection.execute(
            "SELECT encoder, 0, count(*) FROM vectors GROUP BY encoder UNION ALL "
            "SELECT e.fingerprint, 1, count(*) FROM sparse_documents s JOIN sparse_encoders e ON e.number = s.encoder "
            "GROUP BY e.number"
        ).fetchall()
    made = [
        MadeVectors(library.setting(_NOTED + encoder) or encoder, encoder, bool(sparse), count)
        for encoder, sparse, count in rows
    ]
    return sorted(made, key=lambda one: (one.name, one.fingerprint))


def drop(library: Library, made: MadeVectors) -> None:
    """Remove what the encoder has made, and the name.

    Raises:
        LibraryError: the library cannot be written to.
    """
    with library.transaction() as connection:
        connection.execute("DELETE FROM vectors WHERE encoder = ?", (made.fingerprint,))
        number = "(SELECT number FROM sparse_encoders WHERE fingerprint = ?)"
        connection.execute(f"DELETE FROM sparse_documents WHERE encoder = {number}", (made.fingerprint,))
        connection.execute("DELETE FROM sparse_encoders WHERE fingerprint = ?", (made.fingerprint,))
        connection.execute("DELETE FROM settings WHERE key = ?", (_NOTED + made.fingerprint,))
        nearest.forget(library, made.fingerprint)
