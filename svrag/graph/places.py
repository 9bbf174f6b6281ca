"""Where an element stands in its document, as graph position embeddings see it: its type, its section's role, how deep
the section is, and how far into it.

Facts of the method: Element Graph for Academic Multimodal Retrieval, schema v2.1 (github.com/monkcat/dl_project).
"""

from __future__ import annotations

from dataclasses import dataclass

from svrag.documents.model import ElementType
from svrag.graph.model import ElementGraph, SectionRole


@dataclass(frozen=True, slots=True)
class Place:
    """Of one element.

    Attributes:
        role: its own, or, where it has none ("other"), that of the header that contains it: in the public graphs only
            headers and paragraphs have one.
        depth: length of its section path; 1 where it has none.
        position: how far into its section, from 0 to 1: elements before it in the section over the section's size.
    """

    type: ElementType
    role: SectionRole
    depth: float
    position: float


def places_of(graph: ElementGraph) -> dict[str, Place]:
    """The place of each node, by its id.

    A section is what a header contains, sub-headers included; its paragraphs count first, in reading order, then all
    else: public graphs do not tell where among the paragraphs a figure stands. What no header contains is at 0.
    """
    known = {node.id: node for node in graph.nodes}
    order = {node.id: number for number, node in enumerate(graph.nodes)}
    section: dict[str, list[str]] = {}
    for edge in graph.edges:
        if edge.type == "contains":
            # It goes both ways: the end that is a header contains the other.
            header, child = edge.source, edge.target
            if known[header].type != "section_header":
                header, child = child, header
            if known[header].type == "section_header":
                section.setdefault(header, []).append(child)
    positions: dict[str, float] = {}
    roles: dict[str, SectionRole] = {}
    for header, children in section.items():
        children.sort(key=lambda child: (known[child].type != "text", order[child]))
        for number, child in enumerate(children):
            positions[child] = number / len(children)
            roles.setdefault(child, known[header].section_role)
    return {
        node.id: Place(
            node.type,
            node.section_role if node.section_role != "other" else roles.get(node.id, "other"),
            float(len(node.section_path) or 1),
            positions.get(node.id, 0.0),
        )
        for node in graph.nodes
    }
