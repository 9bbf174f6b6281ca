"""Reading and writing graphs as the public element-graph project does: schema v2.1, JSON.

One graph is `{doc_id, schema_version, nodes, edges}`, a corpus file `{doc_id: graph}`, and elements stand beside it, one
JSON object per line. There, pages count from 0, a section path is a list of positions ([3, 2] for the second subsection
of the third section), and an absent value is null. What this project knows and the schema does not, the titles of the
section path, goes into a key of its own, `section_titles`, so that our own files come back as they were.

Facts of the format: the project's published SCHEMA.md and type definitions (github.com/monkcat/dl_project, MIT).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from svrag.documents.labels import KINDS, normalise_label
from svrag.documents.model import ELEMENT_TYPES, Box, Element, ElementType
from svrag.errors import InputError
from svrag.graph.model import (
    BIDIRECTIONAL,
    EDGE_TYPES,
    LEAST_CONFIDENCE,
    SECTION_ROLES,
    Edge,
    ElementGraph,
    Node,
    SectionRole,
)

SCHEMA_VERSION = "v2.1"
NODE_TYPES = tuple(kind for kind in ELEMENT_TYPES if kind != "page")
"""The schema's six; its graphs have no pages."""

_LABEL = re.compile(r"([^\W\d]+\.?)\s*([A-Za-z]?[\d.\-]*[a-z]?)")
_POSITION = re.compile(r"0|[1-9][0-9]{0,5}")
_NOWHERE = Box(0.0, 0.0, 0.0, 0.0)
_LARGEST = 1e7  # of a coordinate or a page: beyond it a value is a mistake


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
    sections = _sections(graph)
    return {
        "doc_id": graph.document_id,
        "schema_version": SCHEMA_VERSION,
        "nodes": [
            {
                "id": node.id,
                "type": node.type,
                "page": node.page - 1 if node.page else None,
                **sections[node.section_path],
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
        raise InputError(f"the graph has schema {_short(version)}, not {SCHEMA_VERSION!r}: convert it first")
    document_id = _text(graph, "doc_id", "the graph")
    nodes = tuple(_node(_mapping(node, "a node"), document_id) for node in _list(graph, "nodes", document_id))
    known = {node.id for node in nodes}
    edges = (_edge(_mapping(edge, "an edge"), document_id) for edge in _list(graph, "edges", document_id))
    return ElementGraph(
        document_id,
        nodes,
        tuple(e for e in edges if e.confidence >= LEAST_CONFIDENCE and e.source in known and e.target in known),
    )


def graphs_from_text(text: str) -> list[ElementGraph]:
    """The graphs of a file's `text`, which is one graph or a corpus of them.

    Raises:
        InputError: no JSON, and as `from_json`.
    """
    obj = _mapping(_parsed(text, "the graph file"), "a graph file")
    return [from_json(obj)] if "schema_version" in obj else corpus_from_json(obj)


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


def element_records(elements: Iterable[Element], graph: ElementGraph) -> Iterator[dict[str, object]]:
    """The lines of an elements file for one document, as objects; pages are no elements there."""
    roles = {node.id: node.section_role for node in graph.nodes}
    sections = _sections(graph)
    for element in elements:
        if element.type != "page":
            yield _element_json(ElementRecord(element, roles[element.id]), sections[element.section_path])


def element_record(record: ElementRecord) -> dict[str, object]:
    """One line of an elements file, as an object, for an element that stands outside a graph."""
    return _element_json(record, _section_json(record.element.section_path, None))


def elements_from_records(lines: Iterable[str]) -> Iterator[ElementRecord]:
    """The elements of an elements file, line by line; empty lines are passed over.

    Raises:
        InputError: a line that is no JSON or no element; it says which line.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield element_from_json(_parsed(line, "the line"))
            except InputError as error:
                raise InputError(f"line {number}: {error}") from None


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
            box=_box(box, name) if box is not None else _NOWHERE,
            text=_optional(record, "text", name),
            label=_label(_optional(record, "label", name)),
            section_path=_section_path(record, name),
        ),
        _role(record, name),
        image_path=_optional(record, "image_path", name),
        image_base64=_optional(record, "image_b64", name),
    )


# Parts ---------------------------------------------------------------------------------------------------------------


def _element_json(record: ElementRecord, section: Mapping[str, object]) -> dict[str, object]:
    element = record.element
    image = {"image_path": record.image_path, "image_b64": record.image_base64}
    return {
        "id": element.id,
        "doc_id": element.document_id,
        "type": element.type,
        "text": element.text or None,
        **{key: value for key, value in image.items() if value},
        "page": element.page - 1 if element.page else None,
        "bbox_pdf": list(element.box) if element.box != _NOWHERE else None,
        "label": element.label or None,
        "section_role": record.section_role,
        **section,
    }


def _sections(graph: ElementGraph) -> dict[tuple[str, ...], dict[str, object]]:
    """How each section path of `graph` is written.

    A section's position is its place among those of the same section, counted from 1 in order of appearance, level by
    level. A graph that came from the public set has positions already, and no titles.
    """
    paths = list(dict.fromkeys(node.section_path for node in graph.nodes))
    if all(_POSITION.fullmatch(part) for path in paths for part in path):
        return {path: _section_json(path, None) for path in paths}
    places: dict[tuple[str, ...], list[int]] = {(): []}
    children: dict[tuple[str, ...], int] = {}
    for path in paths:
        for depth in range(1, len(path) + 1):
            here, parent = path[:depth], path[: depth - 1]
            if here not in places:
                children[parent] = children.get(parent, 0) + 1
                places[here] = [*places[parent], children[parent]]
    return {path: _section_json(path, places[path]) for path in paths}


def _section_json(path: tuple[str, ...], position: list[int] | None) -> dict[str, object]:
    if not path:
        return {"section_path": None}
    if position is None and all(_POSITION.fullmatch(part) for part in path):
        return {"section_path": [int(part) for part in path]}
    return {"section_path": position, "section_titles": list(path)}


def _section_path(obj: Mapping[str, object], where: str) -> tuple[str, ...]:
    """Titles where the file has them (in the public set: of the innermost section only), else positions."""
    title = _optional(obj, "section_title", where)
    path = obj.get("section_titles") or obj.get("section_path") or ([title] if title else [])
    if not isinstance(path, list) or not all(isinstance(part, str | int) for part in path):
        raise InputError(f"{where}: section_path must be a list of numbers, not {_short(path)}")
    return tuple(str(part) for part in path)


def _node(node: Mapping[str, object], document_id: str) -> Node:
    name = f"node {_text(node, 'id', document_id)}"
    return Node(
        id=_text(node, "id", document_id),
        type=_type(node, name),
        page=_page(node, name),
        section_path=_section_path(node, name),
        section_role=_role(node, name),
        label=_label(_optional(node, "label", name)),
    )


def _edge(edge: Mapping[str, object], document_id: str) -> Edge:
    source, target = _text(edge, "src", f"an edge of {document_id}"), _text(edge, "dst", f"an edge of {document_id}")
    kind, confidence = edge.get("type"), edge.get("confidence", 1.0)
    if kind not in EDGE_TYPES:
        raise InputError(f"edge {source} -> {target}: type is {_short(kind)}, not one of {', '.join(EDGE_TYPES)}")
    if not _is_number(confidence) or not 0 <= confidence <= 1:
        raise InputError(f"edge {source} -> {target}: confidence must be between 0 and 1, not {_short(confidence)}")
    return Edge(source, target, kind, float(confidence))


def _type(obj: Mapping[str, object], where: str) -> ElementType:
    kind = obj.get("type")
    if kind not in NODE_TYPES:
        raise InputError(f"{where}: type is {_short(kind)}, not one of {', '.join(NODE_TYPES)}")
    return kind


def _role(obj: Mapping[str, object], where: str) -> SectionRole:
    role = obj.get("section_role") or "other"
    if role not in SECTION_ROLES:
        raise InputError(f"{where}: section_role is {_short(role)}, not one of {', '.join(SECTION_ROLES)}")
    return role


def _page(obj: Mapping[str, object], where: str) -> int:
    page = obj.get("page")
    if page is None:
        return 0
    if isinstance(page, bool) or not isinstance(page, int) or not 0 <= page < _LARGEST:
        raise InputError(f"{where}: page must be a number from 0 on, not {_short(page)}")
    return page + 1


def _box(box: object, where: str) -> Box:
    if isinstance(box, list) and len(box) == 4 and all(_is_number(value) for value in box):
        return Box(*(float(value) for value in box))
    raise InputError(f"{where}: bbox_pdf must be four numbers, not {_short(box)}")


def _is_number(value: object) -> TypeGuard[int | float]:
    """A number that is finite and of a size that pages have."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST


def _label(text: str) -> str:
    """ "figure 2" and "Figure 2" are both "Figure 2"; what is no such name (a heading's text) stays as it is."""
    match = _LABEL.fullmatch(text)
    if match is None or not match[2] or match[1].lower().rstrip(".") not in KINDS:
        return text
    number = match[2]
    return normalise_label(match[1], number[0].upper() + number[1:])


def _parsed(text: str, what: str) -> object:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError) as error:  # nested too deeply, or a number too long
        raise InputError(f"{what} is not JSON: {error}") from None
    return parsed


def _mapping(obj: object, what: str) -> Mapping[str, Any]:
    if not isinstance(obj, Mapping):
        raise InputError(f"{what} must be a JSON object, not {_short(obj)}: is this a v2.1 graph file?")
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


def _optional(obj: Mapping[str, object], key: str, where: str) -> str:
    """A text that may be absent or null: "" then."""
    value = obj.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{where}: {key} must be a text, not {_short(value)}")
    return value or ""


def _short(value: object) -> str:
    """A value as an error shows it: one line, not a page."""
    told = repr(value)
    return told if len(told) <= 40 else told[:37] + "..."
