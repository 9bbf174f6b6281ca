"""Reading and writing graphs as the public element-graph project does: schema v2.1, JSON.

One graph is `{doc_id, schema_version, nodes, edges}`, a corpus file `{doc_id: graph}`, and elements stand beside it, one
JSON object per line. There, pages count from 0, a section path is a list of positions ([3, 2] for the second subsection
of the third section), and an absent value is null. What this project knows and the schema does not, the titles of the
section path, goes into a key of its own, `section_titles`, so that our own files come back as they were.

Facts of the format: the project's published SCHEMA.md and type definitions (github.com/monkcat/dl_project, MIT).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from svrag.documents.labels import KINDS, normalise_label
from svrag.documents.model import ELEMENT_TYPES, Box, Element, ElementType
from svrag.errors import InputError
from svrag.graph.model import BIDIRECTIONAL, EDGE_TYPES, SECTION_ROLES, Edge, ElementGraph, Node, SectionRole

SCHEMA_VERSION = "v2.1"
LEAST_CONFIDENCE = 0.5

_LABEL = re.compile(r"([^\W\d]+\.?)\s*([A-Za-z]?[\d.\-]*[a-z]?)")


@dataclass(frozen=True, slots=True)
class ElementRecord:
    """A line of an elements file: the element, its section's role, and its picture where the file has one.

    Attributes:
        image_path: relative to the file, "" without one.
        image_base64: the picture itself, "" without one.
    """

    element: Element
    section_role: SectionRole
    image_path: str = ""
    image_base64: str = ""


# Graphs --------------------------------------------------------------------------------------------------------------


def to_json(graph: ElementGraph) -> dict[str, object]:
    """One document's graph as the schema has it."""
    positions = _positions(node.section_path for node in graph.nodes)
    return {
        "doc_id": graph.document_id,
        "schema_version": SCHEMA_VERSION,
        "nodes": [
            {
                "id": node.id,
                "type": node.type,
                "page": node.page - 1 if node.page else None,
                **_section_json(node.section_path, positions),
                "section_role": node.section_role,
                "label": node.label or None,
            }
            for node in graph.nodes
        ],
        "edges": [
            {
                "src": edge.source,
                "dst": edge.target,
                "type": edge.type,
                "confidence": edge.confidence,
                "bidirectional": edge.type in BIDIRECTIONAL,
            }
            for edge in graph.edges
        ],
    }


def from_json(obj: object) -> ElementGraph:
    """The graph that `obj`, parsed JSON, describes.

    Edges below the schema's least confidence, or with an end that is no node, are left out: the schema does not have
    them. A page that is not told is 0.

    Raises:
        InputError: another schema version, a missing or wrong value; the line says which.
    """
    graph = _mapping(obj, "a graph")
    version = graph.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(f"the graph has schema {version!r}, not {SCHEMA_VERSION!r}: convert it first")
    document_id = _text(graph, "doc_id", "the graph")
    nodes = tuple(_node(_mapping(node, "a node"), document_id) for node in _list(graph, "nodes", document_id))
    known = {node.id for node in nodes}
    edges = (_edge(_mapping(edge, "an edge"), document_id) for edge in _list(graph, "edges", document_id))
    return ElementGraph(
        document_id,
        nodes,
        tuple(e for e in edges if e.confidence >= LEAST_CONFIDENCE and e.source in known and e.target in known),
    )


def corpus_to_json(graphs: Iterable[ElementGraph]) -> dict[str, dict[str, object]]:
    """Many documents' graphs as one corpus file has them."""
    return {graph.document_id: to_json(graph) for graph in graphs}


def corpus_from_json(obj: object) -> list[ElementGraph]:
    """The graphs of a corpus file; a graph without a doc_id of its own has the one it is filed under.

    Raises:
        InputError: as `from_json`.
    """
    corpus = _mapping(obj, "a corpus")
    return [
        from_json({"doc_id": document_id, **_mapping(graph, f"the graph of {document_id}")})
        for document_id, graph in corpus.items()
    ]


# Elements ------------------------------------------------------------------------------------------------------------


def element_json(
    record: ElementRecord, positions: Mapping[tuple[str, ...], list[int]] | None = None
) -> dict[str, object]:
    """One line of an elements file. `positions` numbers the sections, from `section_positions`."""
    element = record.element
    image: dict[str, object] = {}
    if record.image_path:
        image["image_path"] = record.image_path
    if record.image_base64:
        image["image_b64"] = record.image_base64
    return {
        "id": element.id,
        "doc_id": element.document_id,
        "type": element.type,
        "text": element.text or None,
        **image,
        "page": element.page - 1 if element.page else None,
        "bbox_pdf": list(element.box) if element.box.area else None,
        "label": element.label or None,
        "section_role": record.section_role,
        **_section_json(element.section_path, positions or {}),
    }


def element_records(elements: Iterable[Element], graph: ElementGraph) -> Iterator[dict[str, object]]:
    """The lines of an elements file for one document."""
    roles = {node.id: node.section_role for node in graph.nodes}
    positions = _positions(node.section_path for node in graph.nodes)
    for element in elements:
        yield element_json(ElementRecord(element, roles.get(element.id, "other")), positions)


def element_from_json(obj: object) -> ElementRecord:
    """The element that one line, parsed, describes.

    Raises:
        InputError: a missing or wrong value; the line says which.
    """
    record = _mapping(obj, "an element")
    document_id = _text(record, "doc_id", "an element")
    name = f"element {_text(record, 'id', document_id)}"
    box = record.get("bbox_pdf")
    return ElementRecord(
        Element(
            id=_text(record, "id", document_id),
            document_id=document_id,
            type=_type(record, name),
            page=_page(record, name),
            box=_box(box, name) if box is not None else Box(0.0, 0.0, 0.0, 0.0),
            text=str(record.get("text") or ""),
            label=_label(record.get("label")),
            section_path=_section_path(record, name),
        ),
        _role(record, name),
        image_path=str(record.get("image_path") or ""),
        image_base64=str(record.get("image_b64") or ""),
    )


# Parts ---------------------------------------------------------------------------------------------------------------


def _positions(paths: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], list[int]]:
    """Each section's place among those of the same section, counted from 1 in order of appearance, level by level."""
    places: dict[tuple[str, ...], list[int]] = {(): []}
    children: dict[tuple[str, ...], int] = {}
    for path in paths:
        for depth in range(1, len(path) + 1):
            here, parent = path[:depth], path[: depth - 1]
            if here not in places:
                children[parent] = children.get(parent, 0) + 1
                places[here] = [*places[parent], children[parent]]
    return places


def _section_json(path: tuple[str, ...], positions: Mapping[tuple[str, ...], list[int]]) -> dict[str, object]:
    if not path:
        return {"section_path": None}
    if all(part.isdecimal() for part in path):  # from a file of the public set, which has no titles
        return {"section_path": [int(part) for part in path]}
    return {"section_path": positions.get(path), "section_titles": list(path)}


def _section_path(obj: Mapping[str, object], where: str) -> tuple[str, ...]:
    path = obj.get("section_titles") or obj.get("section_path") or ()
    if not isinstance(path, Sequence) or isinstance(path, str):
        raise InputError(f"{where}: section_path must be a list, not {path!r}")
    return tuple(str(part) for part in path)


def _node(node: Mapping[str, object], document_id: str) -> Node:
    name = f"node {_text(node, 'id', document_id)}"
    return Node(
        id=_text(node, "id", document_id),
        type=_type(node, name),
        page=_page(node, name),
        section_path=_section_path(node, name),
        section_role=_role(node, name),
        label=_label(node.get("label")),
    )


def _edge(edge: Mapping[str, object], document_id: str) -> Edge:
    source, target = _text(edge, "src", f"an edge of {document_id}"), _text(edge, "dst", f"an edge of {document_id}")
    kind, confidence = edge.get("type"), edge.get("confidence", 1.0)
    if kind not in EDGE_TYPES:
        raise InputError(f"edge {source} -> {target}: type is {kind!r}, not one of {', '.join(EDGE_TYPES)}")
    if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise InputError(f"edge {source} -> {target}: confidence must be between 0 and 1, not {confidence!r}")
    return Edge(source, target, kind, float(confidence))


def _type(obj: Mapping[str, object], where: str) -> ElementType:
    kind = obj.get("type")
    if kind not in ELEMENT_TYPES:
        raise InputError(f"{where}: type is {kind!r}, not one of {', '.join(ELEMENT_TYPES)}")
    return kind


def _role(obj: Mapping[str, object], where: str) -> SectionRole:
    role = obj.get("section_role") or "other"
    if role not in SECTION_ROLES:
        raise InputError(f"{where}: section_role is {role!r}, not one of {', '.join(SECTION_ROLES)}")
    return role


def _page(obj: Mapping[str, object], where: str) -> int:
    page = obj.get("page")
    if page is None:
        return 0
    if not isinstance(page, int) or page < 0:
        raise InputError(f"{where}: page must be a number from 0 on, not {page!r}")
    return page + 1


def _box(box: object, where: str) -> Box:
    if isinstance(box, Sequence) and len(box) == 4 and all(isinstance(value, int | float) for value in box):
        return Box(*(float(value) for value in box))
    raise InputError(f"{where}: bbox_pdf must be four numbers, not {box!r}")


def _label(label: object) -> str:
    """ "figure 2" and "Figure 2" are both "Figure 2"; what is no such name (a heading's text) stays as it is."""
    text = str(label or "")
    match = _LABEL.fullmatch(text)
    if match is None or not match[2] or match[1].lower().rstrip(".") not in KINDS:
        return text
    number = match[2]
    return normalise_label(match[1], number[0].upper() + number[1:])


def _mapping(obj: object, what: str) -> Mapping[str, Any]:
    if not isinstance(obj, Mapping):
        raise InputError(f"{what} must be a JSON object, not {type(obj).__name__}: is this a v2.1 graph file?")
    return obj


def _list(obj: Mapping[str, object], key: str, where: str) -> list[object]:
    value = obj.get(key)
    if not isinstance(value, list):
        raise InputError(f"the graph of {where} has no list of {key}")
    return value


def _text(obj: Mapping[str, object], key: str, where: str) -> str:
    value = obj.get(key)
    if not isinstance(value, str) or not value:
        raise InputError(f"{where} lacks {key!r}")
    return value
