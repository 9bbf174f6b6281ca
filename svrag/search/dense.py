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
from svrag.search.fusion import Rankings
from svrag.search.places import best_per_position, ranked_places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from svrag.library.vectors import Vectors
    from svrag.search.places import Scored

_CANDIDATES = 1000  # elements, and pages, that come back of a whole library
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
    query = encoder.questions([question])[0]
    scored = _scored(library, fingerprint(encoder), query, documents)
    limit = _CANDIDATES if whole_library else None
    return ranked_places(library, documents, scored, limit=limit, said="close in meaning")


def _scored(library: Library, encoder: str, query: NDArray[np.float32], documents: Sequence[StoredDocument]) -> Scored:
    for number, document in enumerate(documents):
        made = library.vectors_of(encoder, document.id)
        if made is not None and len(made.positions):
            yield number, *closest(made, query)


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
