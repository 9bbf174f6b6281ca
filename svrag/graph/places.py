"""Where an element stands in its document, as graph position embeddings see it: its type, its section's role, how deep
the section is, and how far into it.

Facts of the method: Element Graph for Academic Multimodal Retrieval, schema v2.1 (github.com/monkcat/dl_project).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from svrag.documents.model import ElementType
from svrag.graph.model import ElementGraph, SectionRole


@dataclass(frozen=True, slots=True)
class Place:
    """Of one element.

    Attributes:
        depth: length of its section path; 1 where it has none.
        position: how far into its section, from 0 to 1: elements before it in the section over the section's size.
    """

    type: ElementType
    role: SectionRole
    depth: float
    position: float


def places_of(graph: ElementGraph) -> dict[str, Place]:
    """The place of each node, by its id."""
    sizes = Counter(node.section_path for node in graph.nodes)
    passed: Counter[tuple[str, ...]] = Counter()
    places = {}
    for node in graph.nodes:
        section = node.section_path
        places[node.id] = Place(
            node.type, node.section_role, float(len(section) or 1), passed[section] / sizes[section]
        )
        passed[section] += 1
    return places
