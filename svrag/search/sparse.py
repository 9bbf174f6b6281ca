"""Ranks elements and pages by the learnt terms that they share with a question: a sum over the inverted index.

Of an element or page in several passages the best one counts. What shares no term is not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from svrag.library import sparse
from svrag.library.store import Library, StoredDocument
from svrag.retrievers.dense.passages import fingerprint
from svrag.retrievers.sparse.encoder import SparseEncoder
from svrag.search.fusion import Rankings
from svrag.search.places import best_per_position, ranked_places

if TYPE_CHECKING:
    from svrag.search.places import Scored

_CANDIDATES = 1000  # elements, and pages, that come back of a whole library


def rank(
    library: Library,
    question: str,
    documents: Sequence[StoredDocument],
    *,
    whole_library: bool,
    encoder: SparseEncoder,
) -> Rankings:
    """Products of the weights of the elements (by id) and pages (by document id and number) with those of `question`.

    Documents without vectors of `encoder` are passed over: `library.encoding.encode_missing_sparse` makes them.

    Args:
        documents: where to look.
        whole_library: these are all there are; then the best thousand come back, else all.
    """
    (asked,) = encoder.questions([question])
    weights = list(zip(asked.ids.tolist(), asked.weights.tolist(), strict=True))
    scored = _scored(library, fingerprint(encoder), weights, documents)
    limit = _CANDIDATES if whole_library else None
    return ranked_places(library, documents, scored, limit=limit, said="shares learnt terms")


def _scored(
    library: Library, encoder: str, asked: Sequence[tuple[int, float]], documents: Sequence[StoredDocument]
) -> Scored:
    """The scores of all positions of `documents` that share a term with the question."""
    import numpy as np

    numbers = {document.id: number for number, document in enumerate(documents)}
    found = [entry for entry in sparse.entries(library.connection, encoder) if entry.document_id in numbers]
    if not found:
        return
    known = np.array([entry.number for entry in found])
    ends = np.cumsum([len(entry.positions) for entry in found])
    starts = ends - [len(entry.positions) for entry in found]
    scores = np.zeros(ends[-1], dtype=np.float32)
    for term, weight in asked:
        postings = sparse.postings(library.connection, encoder, term)
        place = np.minimum(np.searchsorted(known, postings.entries), len(known) - 1)
        asked_for = np.repeat(known[place] == postings.entries, postings.counts)
        where = np.repeat(starts[place], postings.counts) + postings.passages
        scores[where[asked_for]] += np.float32(weight) * postings.weights[asked_for]
    for entry, start, end in zip(found, starts, ends, strict=True):
        shared = np.flatnonzero(scores[start:end])
        if len(shared):
            yield numbers[entry.document_id], *best_per_position(entry.positions[shared], scores[start:end][shared])
