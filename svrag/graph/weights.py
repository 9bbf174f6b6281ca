"""How much an edge counts: one table for training targets and for propagation at search time (schema v2.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from svrag.graph.model import BIDIRECTIONAL, Edge, EdgeType, ElementGraph, Node, SectionRole

BASE_WEIGHTS: dict[EdgeType, float] = {
    "caption_of": 1.0,
    "refer_to": 0.8,
    "contains": 0.5,
    "reading_next": 0.3,
    "section_next": 0.2,
}
ROLE_MODIFIERS: dict[SectionRole, float] = {"appendix": 1.3, "front_matter": 0.8, "references": 0.5}
VISUAL_MODIFIER = 1.1
VISUAL_TYPES = frozenset({"figure", "table", "equation"})

Weighting = Literal["uniform", "base", "base+role", "base+visual", "full"]
"""Which parts of the table count: none (each edge is 1), base and confidence, and one or both modifiers besides."""


def effective_weight(edge: Edge, target: Node, weighting: Weighting = "full") -> float:
    """Base weight times confidence; for refer_to also times the modifiers of the target's role and type."""
    if weighting == "uniform":
        return 1.0
    weight = BASE_WEIGHTS[edge.type] * edge.confidence
    if edge.type == "refer_to":
        if weighting in ("base+role", "full"):
            weight *= ROLE_MODIFIERS.get(target.section_role, 1.0)
        if weighting in ("base+visual", "full") and target.type in VISUAL_TYPES:
            weight *= VISUAL_MODIFIER
    return weight


def ways(graph: ElementGraph, weighting: Weighting = "full") -> Iterator[tuple[str, str, EdgeType, float]]:
    """Each step that an edge allows, as source, target, the edge's type and its weight; both ways where edges go both.

    An edge from an element to itself is no step.
    """
    nodes = {node.id: node for node in graph.nodes}
    for edge in graph.edges:
        if edge.source == edge.target:
            continue
        yield edge.source, edge.target, edge.type, effective_weight(edge, nodes[edge.target], weighting)
        if edge.type in BIDIRECTIONAL:
            yield edge.target, edge.source, edge.type, effective_weight(edge, nodes[edge.source], weighting)
