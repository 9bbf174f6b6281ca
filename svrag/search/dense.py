"""Ranks elements and pages by how close they come to a question in meaning: exact search over all their vectors.

Of an element or page in several passages the closest one counts. Vectors are read and compared document by document, so
that memory stays bounded whatever the library holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from svrag.library.store import Library, StoredDocument
from svrag.retrievers.dense.passages import fingerprint
from svrag.retrievers.dense.single import SingleVectorEncoder
from svrag.search.lexical import Ranked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from svrag.library.vectors import Vectors

_CANDIDATES = 1000  # elements, and pages, that come back of a whole library
_BLOCK = 16384  # vectors that are widened to float32 at once


def rank(
    library: Library,
    question: str,
    documents: Sequence[StoredDocument],
    *,
    whole_library: bool,
    encoder: SingleVectorEncoder,
) -> tuple[dict[str, Ranked], dict[tuple[str, int], Ranked]]:
    """Scores of the elements (by id) and pages (by document id and number) with `question`.

    Scores are products of vectors: cosines where those of the encoder have length 1. Documents without vectors of
    `encoder` are passed over: `library.encoding.encode_missing` makes them.

    Args:
        documents: where to look.
        whole_library: these are all there are; then the closest thousand come back, else all.
    """
    import numpy as np

    query = encoder.questions([question])[0]
    key = fingerprint(encoder)
    scores: list[NDArray[np.float32]] = []
    positions: list[NDArray[np.int32]] = []
    owners: list[NDArray[np.int32]] = []
    for number, document in enumerate(documents):
        made = library.vectors_of(key, document.id)
        if made is None or not len(made.positions):
            continue
        place, cosine = closest(made, query)
        pages = place >= document.elements
        for some in (np.flatnonzero(~pages), np.flatnonzero(pages)):
            kept = _best(cosine[some], _CANDIDATES) if whole_library else slice(None)
            scores.append(cosine[some][kept])
            positions.append(place[some][kept])
            owners.append(np.full(len(scores[-1]), number, dtype=np.int32))
    if not scores:
        return {}, {}
    limit = _CANDIDATES if whole_library else None
    return _named(library, documents, np.concatenate(scores), np.concatenate(positions), np.concatenate(owners), limit)


def closest(made: Vectors, query: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For each position that has vectors, ascending, the greatest product of one of them with `query` (dimension,)."""
    import numpy as np

    products = np.concatenate(
        [
            made.vectors[start : start + _BLOCK].astype(np.float32) @ query
            for start in range(0, len(made.vectors), _BLOCK)
        ]
    )
    first = np.flatnonzero(np.diff(made.positions, prepend=-1))
    return made.positions[first], np.maximum.reduceat(products, first)


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Where the `count` greatest are, in no order."""
    import numpy as np

    return np.argpartition(-scores, count)[:count] if len(scores) > count else np.arange(len(scores))


def _named(
    library: Library,
    documents: Sequence[StoredDocument],
    scores: NDArray[np.float32],
    positions: NDArray[np.int32],
    owners: NDArray[np.int32],
    limit: int | None,
) -> tuple[dict[str, Ranked], dict[tuple[str, int], Ranked]]:
    """Positions as ids of elements and numbers of pages; only the `limit` closest of each."""
    import numpy as np

    first_page = np.array([document.elements for document in documents], dtype=np.int32)[owners]
    pages: dict[tuple[str, int], Ranked] = {}
    of_pages = np.flatnonzero(positions >= first_page)
    for i in of_pages[_best(scores[of_pages], limit)] if limit else of_pages:
        document = documents[owners[i]]
        pages[document.id, int(positions[i]) - document.elements + 1] = _ranked(scores[i])
    elements: dict[str, Ranked] = {}
    of_elements = np.flatnonzero(positions < first_page)
    chosen = of_elements[_best(scores[of_elements], limit)] if limit else of_elements
    for owner in np.unique(owners[chosen]):
        own = chosen[owners[chosen] == owner]
        ids = library.ids_at(documents[owner].id, positions[own].tolist())
        for i in own:
            elements[ids[int(positions[i])]] = _ranked(scores[i])
    return elements, pages


def _ranked(cosine: np.float32) -> Ranked:
    return Ranked(float(cosine), (f"close in meaning ({cosine:.2f})",))
