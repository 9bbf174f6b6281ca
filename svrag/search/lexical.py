"""Ranks elements and pages for a question by their words and by what the question names: evidence, weighed and summed."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from svrag.library.store import Library, StoredDocument
from svrag.search.evidence import Gathered, Place, gather
from svrag.search.ranker import Weights, learnt_weights

_EXPLAINED = 100


@dataclass(frozen=True, slots=True)
class Ranked:
    """An element's id or a page with its score and the reasons for it, the strongest first."""

    score: float
    reasons: tuple[str, ...]


def rank(
    library: Library, question: str, documents: Sequence[StoredDocument], *, whole_library: bool, k: int = 10
) -> tuple[dict[str, Ranked], dict[Place, Ranked]]:
    """Scores of the elements (by id) and pages (by document id and number) that bear on `question`.

    Args:
        documents: where to look.
        whole_library: these are all there are; then candidates come by the database's own ranking, else all that match.
        k: how many elements and pages are wanted.
    """
    return weigh(gather(library, question, documents, whole_library=whole_library, k=k), learnt_weights())


def weigh(gathered: Gathered, weights: Weights) -> tuple[dict[str, Ranked], dict[Place, Ranked]]:
    """The scores of what was gathered: pages first, then elements, of which the page's score is part.

    Reasons are given for the best `_EXPLAINED` elements.
    """
    pages = {place: weights.page_score(evidence) for place, evidence in gathered.pages.items()}
    evidence = gathered.element_evidence(pages)
    elements = {id: weights.element_score(one) for id, one in evidence.items()}
    best = heapq.nlargest(_EXPLAINED, elements, key=elements.__getitem__)
    reasons = {id: gathered.elements[id].reasons() for id in best}
    return (
        {id: Ranked(score, reasons.get(id, ())) for id, score in elements.items()},
        {place: Ranked(score, ()) for place, score in pages.items()},
    )
