"""Scores that travel along the graph: a figure is lifted by its caption and by the text that speaks of it.

Only `caption_of` and `refer_to` carry scores, since they say that two elements are about the same thing; what merely
stands under one heading or next to each other shares no relevance. A score is never lowered, nothing is cut off first,
and an element without a score of its own can be lifted by what names it. Gated, the surer the base retriever is of its
best element, the less is lifted. benchmarks/propagation.py has the figures, with and without the gate.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from svrag.graph.model import BIDIRECTIONAL, EdgeType, ElementGraph
from svrag.graph.weights import effective_weight

Mode = Literal["off", "ungated", "gated"]

CARRIERS: frozenset[EdgeType] = frozenset({"caption_of", "refer_to"})
STRENGTH = 0.4
"""What a neighbour gives over an edge of weight 1, as a share of its own score above the usual one."""


def propagate(
    scores: Mapping[str, float], graphs: Iterable[ElementGraph], mode: Mode, strength: float = STRENGTH
) -> dict[str, float]:
    """Each score plus `strength` x gate x the most that an edge brings: its weight x its source's score above the median.

    The median is over all elements of `graphs`, unscored ones at 0: it is what a score means nothing at, whatever the
    base's scale. Scores without a node (pages) stay as they are. The cost is that of walking the edges once.

    Args:
        scores: by element id, of any base; at least 0.
        graphs: of all documents that were searched.
    """
    lifted = dict(scores)
    if mode == "off" or not scores:
        return lifted
    graphs = list(graphs)
    everywhere = [scores.get(node.id, 0.0) for graph in graphs for node in graph.nodes]
    if not everywhere:
        return lifted
    usual = statistics.median_low(everywhere)
    share = strength * (1 - confidence(everywhere) if mode == "gated" else 1)
    brought: dict[str, float] = {}
    for graph in graphs:
        nodes = {node.id: node for node in graph.nodes}
        for edge in graph.edges:
            if edge.type not in CARRIERS:
                continue
            ways = [(edge.source, edge.target)]
            if edge.type in BIDIRECTIONAL:
                ways.append((edge.target, edge.source))
            for source, target in ways:
                above = scores.get(source, 0.0) - usual
                if above > 0:
                    gain = above * effective_weight(edge, nodes[target])
                    brought[target] = max(brought.get(target, 0.0), gain)
    for target, gain in brought.items():
        if share * gain > 0:
            lifted[target] = lifted.get(target, 0.0) + share * gain
    return lifted


def confidence(scores: Collection[float]) -> float:
    """How sure a base is, from 0 to 1: how far its best score leads the second, as a share of its lead on the median."""
    if len(scores) < 2:
        return 1.0
    best, second = sorted(scores, reverse=True)[:2]
    span = best - statistics.median_low(scores)
    return (best - second) / span if span > 0 else 0.0
