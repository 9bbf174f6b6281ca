"""Scores of elements moved along the edges of their document's graph.

P is the row-normalised transition over the elements: P[i, j] is the weight of the step from i to j as a share of all
steps from i. Both ways of moving scores keep their sum, since what leads nowhere keeps what it has.

    diffusion            s <- (1 - a) s + a P^T s, T times
    personalised PageRank    s <- a q + (1 - a) P^T s, until it changes by less than 1e-4 or 30 times (q: the scores given)

The public element-graph project moves scores among the best 50 only, and there what leads nowhere loses what it would
move: `Transition(..., keep=False)` over those is that. Measured there and here (LOG.md), moving scores helps weak
retrievers and hurts strong ones.

Facts of the method: Element Graph for Academic Multimodal Retrieval, schema v2.1 (github.com/monkcat/dl_project).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from svrag.graph.model import ElementGraph
from svrag.graph.weights import Weighting, ways

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARE, STEPS = 0.3, 2
"""a and T of the published diffusion."""

_TOLERANCE, _MOST_STEPS = 1e-4, 30


class Transition:
    """P over the elements `ids`; edges that leave them are not there."""

    def __init__(
        self, graph: ElementGraph, ids: Sequence[str], weighting: Weighting = "full", *, keep: bool = True
    ) -> None:
        """`keep`: what leads nowhere keeps what it has, else it loses it."""
        numbers = {id: number for number, id in enumerate(ids)}
        best: dict[tuple[int, int], float] = {}
        for source, target, _, weight in ways(graph, weighting):
            if source in numbers and target in numbers:
                step = numbers[source], numbers[target]
                best[step] = max(best.get(step, 0.0), weight)
        steps = np.array(list(best), dtype=np.int64).reshape(-1, 2)
        weights = np.array(list(best.values()))
        self._sources, self._targets = steps[:, 0], steps[:, 1]
        leaving = np.bincount(self._sources, weights=weights, minlength=len(ids))
        self._shares = weights / leaving[self._sources]
        self._kept = (leaving == 0).astype(float) * keep

    def moved(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """P^T s. (ids,) -> (ids,)."""
        moving = scores[self._sources] * self._shares
        arrived: NDArray[np.float64] = self._kept * scores
        np.add.at(arrived, self._targets, moving)
        return arrived


def diffusion(
    transition: Transition, scores: NDArray[np.float64], *, share: float = SHARE, steps: int = STEPS
) -> NDArray[np.float64]:
    """Scores after `steps` steps, of which each moves `share` of every score. (ids,) -> (ids,)."""
    now = scores
    for _ in range(steps):
        now = (1 - share) * now + share * transition.moved(now)
    return now


def pagerank(transition: Transition, scores: NDArray[np.float64], *, share: float) -> NDArray[np.float64]:
    """Personalised PageRank, which returns to `scores` with `share` in every step. (ids,) -> (ids,).

    Source: Haveliwala, WWW 2002.
    """
    now = scores
    for _ in range(_MOST_STEPS):
        before, now = now, share * scores + (1 - share) * transition.moved(now)
        if np.abs(now - before).max(initial=0.0) < _TOLERANCE:
            break
    return now
