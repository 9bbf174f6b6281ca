"""How much an edge counts: one table for training targets and for propagation at search time (schema v2.1)."""

from __future__ import annotations

from svrag.graph.model import Edge, EdgeType, Node, SectionRole

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


def effective_weight(edge: Edge, target: Node) -> float:
    """Base weight times confidence; for refer_to also times the modifiers of the target's role and type."""
    weight = BASE_WEIGHTS[edge.type] * edge.confidence
    if edge.type == "refer_to":
        weight *= ROLE_MODIFIERS.get(target.section_role, 1.0)
        if target.type in VISUAL_TYPES:
            weight *= VISUAL_MODIFIER
    return weight
