"""Ranks elements and pages for a question by their words and by what the question names: evidence, weighed and summed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from svrag.library.store import Library, StoredDocument
from svrag.search.evidence import Gathered, Place, gather
from svrag.search.ranker import Weights, learnt_weights


@dataclass(frozen=True, slots=True)
class Ranked:
    """An element's id or a page with its score and the reasons for it, the strongest first."""

    score: float
    reasons: tuple[str, ...]


def rank(
    library: Library, question: str, documents: Sequence[StoredDocument], *, whole_library: bool
) -> tuple[dict[str, Ranked], dict[Place, Ranked]]:
    """Scores of the elements (by id) and pages (by document id and number) that bear on `question`.

    Args:
        documents: where to look.
        whole_library: these are all there are; then candidates come by the database's own ranking, else all that match.
    """
    return weigh(gather(library, question, documents, whole_library=whole_library), learnt_weights())


def weigh(gathered: Gathered, weights: Weights) -> tuple[dict[str, Ranked], dict[Place, Ranked]]:
    """The scores of what was gathered: pages first, then elements, of which the page's score is part."""
    pages = {place: weights.page_score(evidence) for place, evidence in gathered.pages.items()}
    elements = gathered.element_evidence(pages)
    return (
        {
            id: Ranked(weights.element_score(evidence), tuple(gathered.elements[id].reasons))
            for id, evidence in elements.items()
        },
        {place: Ranked(score, ()) for place, score in pages.items()},
    )
