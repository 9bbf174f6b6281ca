"""Ranks elements and pages by how close they come to a question in meaning: exact search over all their vectors.

Of an element or page in several passages the closest one counts. Vectors are read and compared document by document; of
a large library, searched as a whole, they are compared by an index that is read once (svrag/library/nearest.py). Both
give the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from svrag.library.nearest import nearest
from svrag.library.store import Library, StoredDocument
from svrag.library.vectors import entries
from svrag.retrievers.dense.passages import fingerprint
from svrag.retrievers.dense.single import SingleVectorEncoder
from svrag.search.fusion import Rankings
from svrag.search.places import best_per_position, ranked_places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from svrag.library.vectors import Vectors
    from svrag.search.places import Scored

_CANDIDATES = 1000  # elements, and pages, that come back of a whole library
_WORTH_AN_INDEX = 50_000  # vectors; fewer are compared as quickly as they are read
_BLOCK = 16384  # vectors that are widened to float32 at once


def rank(
    library: Library,
    question: str,
    documents: Sequence[StoredDocument],
    *,
    whole_library: bool,
    encoder: SingleVectorEncoder,
) -> Rankings:
    """Scores of the elements (by id) and pages (by document id and number) with `question`.

    Scores are products of vectors: cosines where those of the encoder have length 1. Documents without vectors of
    `encoder` are passed over: `library.encoding.encode_missing` makes them.

    Args:
        documents: where to look.
        whole_library: these are all there are; then the closest thousand come back, else all.
    """
    query, key = encoder.questions([question])[0], fingerprint(encoder)
    scored = _indexed(library, key, query, documents) if whole_library else None
    if scored is None:
        scored = _scored(library, key, query, enumerate(documents))
    limit = _CANDIDATES if whole_library else None
    return ranked_places(library, documents, scored, limit=limit, said="close in meaning")


def _scored(
    library: Library, encoder: str, query: NDArray[np.float32], documents: Iterable[tuple[int, StoredDocument]]
) -> Scored:
    """Of each document, with its number, the scores of all positions."""
    for number, document in documents:
        made = library.vectors_of(encoder, document.id)
        if made is not None and len(made.positions):
            yield number, *closest(made, query)


def _indexed(
    library: Library, encoder: str, query: NDArray[np.float32], documents: Sequence[StoredDocument]
) -> Scored | None:
    """The same of the closest thousand elements and pages at least, by an index; None where there is none.

    What the index has and the library no longer is passed over; what it lacks is compared here.
    """
    import numpy as np

    live = entries(library.connection, encoder)
    if sum(entry.count for entry in live) < _WORTH_AN_INDEX:
        return None
    index = nearest(library, encoder, live)
    if index is None:
        return None
    numbers = {document.id: number for number, document in enumerate(documents)}
    owners = {entry.number: numbers[entry.document_id] for entry in live if entry.document_id in numbers}
    known = np.array(sorted(owners.keys() & index.entries), dtype=np.int64)
    first_page = [document.elements for document in documents]
    enough = min(_CANDIDATES, sum(document.pages for document in documents)), min(_CANDIDATES, sum(first_page))
    found: list[tuple[int, NDArray[np.int32], NDArray[np.float32]]] = []
    wanted = 4 * _CANDIDATES
    while len(known):
        of, positions, scores = index.search(query, wanted)
        there = np.isin(of, known)
        of, positions, scores = of[there], positions[there], scores[there]
        order = np.lexsort((positions, of))
        of, positions, scores = of[order], positions[order], scores[order]
        each, starts = np.unique(of, return_index=True)
        found = [
            (owners[int(entry)], *best_per_position(positions[start:end], scores[start:end]))
            for entry, start, end in zip(each, starts, [*starts[1:], len(of)], strict=True)
        ]
        pages = sum(int((place >= first_page[owner]).sum()) for owner, place, _ in found)
        elements = sum(len(place) for _, place, _ in found) - pages
        if wanted >= index.total or (pages >= enough[0] and elements >= enough[1]):
            break
        wanted *= 4
    lacking = [(owners[number], documents[owners[number]]) for number in sorted(owners.keys() - index.entries)]
    return itertools.chain(found, _scored(library, encoder, query, lacking))


def closest(made: Vectors, query: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For each position that has vectors, ascending, the greatest product of one of them with `query` (dimension,)."""
    import numpy as np

    products = np.concatenate(
        [
            made.vectors[start : start + _BLOCK].astype(np.float32) @ query
            for start in range(0, len(made.vectors), _BLOCK)
        ]
    )
    return best_per_position(made.positions, products)
