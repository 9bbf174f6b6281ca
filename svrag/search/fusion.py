"""Two rankings into one: the cosine of the dense retriever is added to the lexical score, with a weight.

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


def fused(lexical: Rankings, dense: Rankings) -> Rankings:
    """The elements and pages that either retriever found."""
    return added(lexical[0], dense[0], WEIGHT), added(lexical[1], dense[1], WEIGHT)


def added(lexical: Mapping[Key, Ranked], dense: Mapping[Key, Ranked], weight: float) -> dict[Key, Ranked]:
    """Lexical score + `weight` * cosine of each candidate, with the reasons of both.

    What only one retriever found has no words in common with the question (0), or is no closer to it than the last of
    the dense ranking.
    """
    least = min((found.score for found in dense.values()), default=0.0)
    nothing = Ranked(0.0, ())
    return {
        key: Ranked(
            lexical.get(key, nothing).score + weight * dense.get(key, Ranked(least, ())).score,
            (*lexical.get(key, nothing).reasons, *dense.get(key, nothing).reasons),
        )
        for key in dict.fromkeys([*lexical, *dense])
    }
