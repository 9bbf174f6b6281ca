"""The element graph as data: nodes and typed edges of one document. Schema v2.1 of the public element-graph project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from svrag.documents.model import ElementType

EdgeType = Literal["caption_of", "refer_to", "contains", "reading_next", "section_next"]
"""caption -> its figure or table; text -> what it mentions; header -> child; paragraph -> next one; header -> next one."""

EDGE_TYPES: tuple[EdgeType, ...] = get_args(EdgeType)

SectionRole = Literal[
    "front_matter",
    "intro",
    "related_work",
    "method",
    "result",
    "discussion",
    "conclusion",
    "references",
    "appendix",
    "other",
]
"""In the schema's order, which fixes the embedding ids of trained encoders."""

SECTION_ROLES: tuple[SectionRole, ...] = get_args(SectionRole)

BIDIRECTIONAL: frozenset[EdgeType] = frozenset({"caption_of", "contains", "reading_next"})
"""Stored once, walked both ways."""

LEAST_CONFIDENCE = 0.5
"""The schema has no edges that are less sure."""


@dataclass(frozen=True, slots=True)
class Node:
    """An element as the graph sees it; pages are no nodes."""

    id: str
    type: ElementType
    page: int
    section_path: tuple[str, ...]
    section_role: SectionRole
    label: str


@dataclass(frozen=True, slots=True)
class Edge:
    """From one element to another. `confidence`: 1.0 structural, 0.9 clear pattern, 0.7 proximity, 0.5 ambiguous."""

    source: str
    target: str
    type: EdgeType
    confidence: float


@dataclass(frozen=True, slots=True)
class ElementGraph:
    """All nodes, in reading order, and edges of one document."""

    document_id: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
