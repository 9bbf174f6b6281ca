"""Two rankings into one: the cosine of a model is added to the lexical score, with a weight.

Both scores mean the same for every question - a share of the best possible match of words, and a cosine - so that one
weight fits all, and a page that the question names stays first. Reciprocal-rank fusion (Cormack, Clarke, Büttcher,
SIGIR 2009) throws that away; benchmarks/fusion.py compares them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from svrag.search.lexical import Ranked

WEIGHT = 0.9
"""Of the cosine. Chosen on MMLongBench-Doc and OHR-Bench with all-MiniLM-L6-v2: from 0.8 to 1.2 little changes."""

Key = TypeVar("Key", bound=Hashable)
Rankings = tuple[dict[str, Ranked], dict[tuple[str, int], Ranked]]
"""Elements by id, and pages by document id and number."""


def fused(first: Rankings, model: Rankings) -> Rankings:
    """The elements and pages that either retriever found.

    A model that ranks pages alone says of an element what it says of its page.
    """
    elements, pages = model
    if not elements:
        elements = {id: pages[place] for id in first[0] if (place := _page_of(id)) in pages}
    return added(first[0], elements, WEIGHT), added(first[1], pages, WEIGHT)


def scaled(found: Rankings) -> Rankings:
    """Scores of no fixed size (dot products) from 0, of the last that was found, to 1, of the best.

    Elements and pages on one scale. Scaling by the extremes before adding: Bruch, Gai, Ingber, "An Analysis of Fusion
    Functions for Hybrid Retrieval", TOIS 2023.
    """
    elements, pages = found
    scores = [one.score for one in (*elements.values(), *pages.values())]
    least = min(scores, default=0.0)
    span = max(scores, default=0.0) - least or 1.0

    def between(one: Ranked) -> Ranked:
        return Ranked((one.score - least) / span, one.reasons)

    return {id: between(one) for id, one in elements.items()}, {place: between(one) for place, one in pages.items()}


def added(first: Mapping[Key, Ranked], model: Mapping[Key, Ranked], weight: float) -> dict[Key, Ranked]:
    """First score + `weight` * cosine of each candidate, with the reasons of both.

    What only one retriever found has no words in common with the question (0), or is no closer to it than the last of
    the model's ranking.
    """
    least = min((found.score for found in model.values()), default=0.0)
    nothing = Ranked(0.0, ())
    return {
        key: Ranked(
            first.get(key, nothing).score + weight * model.get(key, Ranked(least, ())).score,
            (*first.get(key, nothing).reasons, *model.get(key, nothing).reasons),
        )
        for key in dict.fromkeys([*first, *model])
    }


def _page_of(element_id: str) -> tuple[str, int]:
    document, page, _ = element_id.rsplit(".", 2)
    return document, int(page)
