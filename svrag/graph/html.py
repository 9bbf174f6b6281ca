"""A graph as one interactive page that needs no server and no network: the elements where they stand on their pages.

Drawn by vis-network, which the PyPI package gravis carries; only that file of it is used. Everything that comes from a
document travels as JSON and is shown as text, never as markup.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from importlib import metadata, resources

from svrag.documents.blocks import to_displayed
from svrag.documents.model import Document, ElementType, Page
from svrag.errors import InputError
from svrag.graph.model import BIDIRECTIONAL, EDGE_TYPES, EdgeType, ElementGraph

_LIBRARY = "vis-network.min.def.js"
_GAP = 60.0  # points between pages
_SCREEN = 1.25  # width to height of what a browser shows beside the panel
_MOST_TEXT = 1200  # characters of an element
_NODE_COLOURS: dict[ElementType, str] = {
    "text": "#98a2b3",
    "figure": "#d62728",
    "table": "#1f77b4",
    "caption": "#f79009",
    "equation": "#2ca02c",
    "section_header": "#7a5af8",
}
_SIZES: dict[ElementType, int] = {"figure": 26, "table": 26, "section_header": 15}
_EDGE_COLOURS: dict[EdgeType, str] = {
    "caption_of": "#f79009",
    "refer_to": "#d62728",
    "contains": "#7a5af8",
    "reading_next": "#98a2b3",
    "section_next": "#2ca02c",
}
_SHOWN: frozenset[EdgeType] = frozenset({"caption_of", "refer_to"})


def to_html(document: Document, graph: ElementGraph) -> str:
    """The whole page as text, about half a megabyte.

    Raises:
        InputError: the package that carries the drawing library is missing.
    """
    data = json.dumps(_data(document, graph), ensure_ascii=False, separators=(",", ":"))
    template = resources.files("svrag.graph").joinpath("page.html").read_text(encoding="utf-8")
    before, after = template.split("{data}")
    between, after = after.split("{library}")
    # "<" is the only character that could end the script element the data stands in.
    return before + data.replace("<", "\\u003c") + between + _library() + after


def _library() -> str:
    try:
        files = metadata.files("gravis") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == _LIBRARY:
            return file.read_text(encoding="utf-8")
    raise InputError("drawing a graph needs the package gravis: pip install gravis")


def _data(document: Document, graph: ElementGraph) -> dict[str, object]:
    elements = {element.id: element for element in document.elements}
    sheets = _sheets(document.pages)
    nodes = []
    for node in graph.nodes:
        element, (page, left, top) = elements[node.id], sheets[node.page]
        box = to_displayed(element.box, page)
        nodes.append(
            {
                "id": node.id,
                "type": node.type,
                "label": node.label,
                "page": node.page,
                "role": node.section_role,
                "section": list(node.section_path),
                "text": (element.caption or element.text)[:_MOST_TEXT],
                "x": round(left + (box.x0 + box.x1) / 2, 1),
                "y": round(top + (box.y0 + box.y1) / 2, 1),
                "width": round(box.width, 1),
                "height": round(box.height, 1),
                "color": _NODE_COLOURS[node.type],
                "size": _SIZES.get(node.type, 10),
            }
        )
    node_counts = Counter(node.type for node in graph.nodes)
    edge_counts = Counter(edge.type for edge in graph.edges)
    return {
        "title": document.title or document.name,
        "name": document.name,
        "pages": [
            dict(zip(("number", "x", "y", "width", "height"), (number, left, top, *page.displayed_size), strict=True))
            for number, (page, left, top) in sheets.items()
        ],
        "nodes": nodes,
        "edges": [
            {"source": e.source, "target": e.target, "type": e.type, "confidence": e.confidence} for e in graph.edges
        ],
        "nodeTypes": [
            {"name": name, "color": color, "count": node_counts[name]} for name, color in _NODE_COLOURS.items()
        ],
        "edgeTypes": [
            {
                "name": name,
                "color": _EDGE_COLOURS[name],
                "count": edge_counts[name],
                "shown": name in _SHOWN,
                "arrow": name not in BIDIRECTIONAL,
            }
            for name in EDGE_TYPES
        ],
    }


def _sheets(pages: Sequence[Page]) -> dict[int, tuple[Page, float, float]]:
    """Each page by its number, with its left and top: row by row, all together as wide as a screen."""
    widest = max((page.displayed_size[0] for page in pages), default=0.0) + _GAP
    highest = max((page.displayed_size[1] for page in pages), default=0.0) + _GAP
    in_a_row = math.ceil(math.sqrt(_SCREEN * len(pages) * highest / widest))
    return {page.number: (page, i % in_a_row * widest, i // in_a_row * highest) for i, page in enumerate(pages)}
