"""An index of token vectors: documents go in, the best pages and elements for a question's vectors come out.

Scores are MaxSim: for each of the question's vectors the greatest product with one of the unit's, summed. They are
computed from the short codes; with precision "float16" the best are scored again from float16.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from svrag.errors import LibraryError
from svrag.library.tokens import coarse, compaction, manifest, ranges, scanning, storing
from svrag.library.tokens.identity import IndexIdentity, Precision, Unit
from svrag.library.tokens.manifest import Manifest
from svrag.library.tokens.ranges import COARSE, FINE, IndexRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from svrag.library.store import Library

# Scored again with the question as it is, not rounded to int8: enough for recall@10 of 1 with float16, and for half of
# what int8 loses, in what was measured (LOG.md).
_RERANKED: dict[Precision, int] = {"float16": 100, "int8": 50}


@dataclass(frozen=True, slots=True)
class Found:
    """Units, best first; equal scores by document and position.

    Attributes:
        documents: id of each one's document.
        positions: (n,) int32, of each in its document, as in `Unit`.
        scores: (n,) float32, sums over the question's vectors.
    """

    documents: tuple[str, ...]
    positions: NDArray[np.int32]
    scores: NDArray[np.float32]


class TokenIndex:
    """Open with `TokenIndex.open`. As a library, not to be shared between threads: open one in each."""

    def __init__(self, library: Library, identity: IndexIdentity) -> None:
        self.identity = identity
        self._library = library
        self._swept = False

    @classmethod
    def open(cls, library: Library, identity: IndexIdentity, *, create: bool) -> TokenIndex:
        """The index of the model `identity` names, made when it is not there and `create` says so.

        Raises:
            LibraryError: none there; or it was made with other weights or settings.
        """
        index = cls(library, identity)
        with library.explained():
            found = ranges.rows(library.connection, identity.name)
        if found:
            _check(found[0].identity, identity)
        elif create:
            with library.transaction() as connection:
                connection.execute(
                    "INSERT INTO token_indexes (name, revision, fingerprint, dimension, settings, generation) "
                    "VALUES (?, ?, ?, ?, ?, random()) ON CONFLICT (name) DO NOTHING",
                    (
                        identity.name, identity.revision, identity.fingerprint, identity.dimension,
                        identity.settings.to_json(),
                    ),
                )  # fmt: skip
            with library.explained():
                _check(_row(library, identity).identity, identity)  # another process may have been faster
        else:
            raise _missing(identity)
        return index

    def documents(self) -> set[str]:
        """Ids of the documents in the index."""
        with self._library.explained():
            rows = self._library.connection.execute(
                "SELECT d.id FROM token_documents e JOIN documents d ON d.number = e.document "
                "JOIN token_indexes i ON i.number = e.token_index WHERE i.name = ?",
                (self.identity.name,),
            ).fetchall()
        return {id for (id,) in rows}

    def add(self, document_id: str, units: Iterable[Unit]) -> None:
        """Store `units` in place of what the index has of the document; ignored when that is gone by now.

        What has been added is there after a crash, and what has not is absent as a whole. The time taken does not
        depend on what else is in the library.

        Args:
            units: read one after another before anything is written; other processes may write meanwhile.

        Raises:
            LibraryError: no space, no permission, the index is gone. The library is as it was before.
        """
        made = storing.written(units, self.identity)
        if not self._swept:
            compaction.sweep(self._library)
            self._swept = True
        with self._library.transaction() as connection:
            index = _row(self._library, self.identity)
            document = connection.execute("SELECT number FROM documents WHERE id = ?", (document_id,)).fetchone()
            if document is None:
                return
            connection.execute(
                "DELETE FROM token_documents WHERE token_index = ? AND document = ?", (index.number, document[0])
            )
            segment, first, count = ranges.append(connection, self._library.folder, index, FINE, made.data)
            entry = connection.execute(
                "INSERT INTO token_documents (token_index, document, units, counts, positions, pages, types) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (index.number, document[0], made.units, made.counts, made.positions, made.pages, made.types),
            ).lastrowid
            connection.execute("INSERT INTO token_ranges VALUES (?, ?, ?, ?, ?)", (entry, FINE, segment, first, count))
        with contextlib.suppress(LibraryError):  # the document is stored; without the coarse stage search is slower
            coarse.catch_up(self._library, self.identity.name, count)
        compaction.tidy(self._library)

    def search(
        self,
        query: NDArray[np.float32],
        *,
        k: int,
        documents: Collection[str] | None = None,
        types: Collection[str] | None = None,
        pages: Collection[tuple[str, int]] | None = None,
    ) -> Found:
        """The `k` best units for `query` (tokens, dimension), among those that all restrictions let through.

        Args:
            documents: ids to look in.
            types: of elements, "page" among them.
            pages: (document id, page) on which to look.

        Raises:
            LibraryError: a file of the index is missing or too short, or the index is gone.
        """
        with self._library.explained():
            known = manifest.current(self._library.connection, self._library.folder, self.identity.name)
        if known is None:
            raise _missing(self.identity)
        _check(known.row.identity, self.identity)
        query = np.ascontiguousarray(query, dtype=np.float32)
        units = scanning.chosen(known, documents, types, pages)
        units = coarse.narrowed(known, units, query, k)
        precision = self.identity.settings.precision
        scores = scanning.scores(known.fine, units, query, precision)
        if precision in _RERANKED and len(units):
            scores = _reranked(known, units, scores, query, precision)
        return _best(known, units, scores, k)

    def compact(self) -> None:
        """Give back the room of removed documents. Happens by itself when they are more than half.

        Raises:
            LibraryError: no space, no permission, a file is missing or too short.
        """
        for stage in (FINE, COARSE):
            compaction.compact(self._library, self.identity.name, stage)


def indexes(library: Library) -> list[IndexIdentity]:
    """The indexes of the library, by name."""
    with library.explained():
        return [row.identity for row in ranges.rows(library.connection)]


def drop(library: Library, name: str) -> None:
    """Remove the index of this name with all that is in it; unknown names are ignored.

    Raises:
        LibraryError: no permission.
    """
    with library.transaction() as connection:
        connection.execute("DELETE FROM token_indexes WHERE name = ?", (name,))
    compaction.sweep(library)


def _row(library: Library, identity: IndexIdentity) -> IndexRow:
    found = ranges.rows(library.connection, identity.name)
    if not found:
        raise _missing(identity)
    _check(found[0].identity, identity)
    return found[0]


def _missing(identity: IndexIdentity) -> LibraryError:
    return LibraryError(f"no index of {identity.name} here: make it with `svrag add PATH --retriever {identity.name}`")


def _check(stored: IndexIdentity, wanted: IndexIdentity) -> None:
    if (stored.fingerprint, stored.dimension) != (wanted.fingerprint, wanted.dimension):
        what = "another version or other prompts of the model"
    elif stored.settings != wanted.settings:
        what = f"other settings ({stored.settings.to_json()})"
    else:
        return
    raise LibraryError(
        f"the index of {wanted.name} was made with {what}: make it again with "
        f"`svrag add PATH --retriever {wanted.name} --reindex`"
    )


def _reranked(
    known: Manifest,
    units: NDArray[np.int64],
    scores: NDArray[np.float32],
    query: NDArray[np.float32],
    precision: Precision,
) -> NDArray[np.float32]:
    """`scores` with those of the best as exact as the vectors tell; none of the others is above them."""
    count = min(_RERANKED[precision], len(units))
    best = np.argpartition(-scores, count - 1)[:count]
    made = scores.copy()
    made[best] = scanning.exact_scores(known.fine, units[best], query, precision)
    others = np.ones(len(units), dtype=bool)
    others[best] = False
    made[others] = np.minimum(made[others], made[best].min())
    return made


def _best(known: Manifest, units: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Found:
    if k < len(scores):
        kept = np.flatnonzero(scores >= -np.partition(-scores, k - 1)[k - 1])  # with all that equal the last
        units, scores = units[kept], scores[kept]
    names = np.array([known.documents[i] for i in known.document[units].tolist()], dtype=np.str_)
    order = np.lexsort((known.position[units], names, -scores))[:k]
    return Found(tuple(names[order].tolist()), known.position[units[order]], scores[order])
