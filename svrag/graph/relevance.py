"""How relevant the elements of a document are to one of them, as its graph tells: the targets of training.

g(q, e) is the most that a path of at most two edges from q to e is worth: the product of its edges' weights, times gamma
for every edge after the first. g(q, q) is 1; what no such path reaches has none.

Facts of the method: Element Graph for Academic Multimodal Retrieval, schema v2.1 (github.com/monkcat/dl_project).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np

from svrag.graph.model import EdgeType, ElementGraph
from svrag.graph.weights import ways


class Relevance:
    """The graph of one document, ready to be asked; each question costs one pass over its edges."""

    def __init__(
        self,
        graph: ElementGraph,
        *,
        gamma: float = 0.5,
        hops: Literal[1, 2] = 2,
        edges: Collection[EdgeType] | None = None,
    ) -> None:
        """`edges` are the types that are walked; None walks all."""
        self._ids = [node.id for node in graph.nodes]
        self._numbers = {id: number for number, id in enumerate(self._ids)}
        self._gamma, self._hops = gamma, hops
        steps = sorted(
            (self._numbers[target], self._numbers[source], weight)
            for source, target, kind, weight in ways(graph)
            if edges is None or kind in edges
        )
        # Sorted by target, so that the best way into each is a maximum over neighbours in the array.
        self._targets = np.array([target for target, _, _ in steps], dtype=np.int64)
        self._sources = np.array([source for _, source, _ in steps], dtype=np.int64)
        self._weights = np.array([weight for *_, weight in steps])
        self._reached, self._starts = np.unique(self._targets, return_index=True)

    def of(self, element_id: str) -> dict[str, float]:
        """g(element, e) of each e that is reached, the element itself among them.

        Raises:
            KeyError: no node of the graph.
        """
        start = self._numbers[element_id]
        best = np.zeros(len(self._ids))
        layer = np.zeros(len(self._ids))
        layer[start] = best[start] = 1.0
        for hop in range(self._hops if len(self._reached) else 0):
            worth = layer[self._sources] * self._weights * (self._gamma if hop else 1.0)
            layer = np.zeros(len(self._ids))
            layer[self._reached] = np.maximum.reduceat(worth, self._starts)
            layer[start] = 0.0  # a path does not come back
            np.maximum(best, layer, out=best)
        return {self._ids[number]: float(best[number]) for number in np.flatnonzero(best).tolist()}
