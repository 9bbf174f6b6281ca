"""What stands around an element in its document's graph: caption, paragraphs that mention it, section, what is next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from svrag.documents.model import Element
from svrag.graph.model import EdgeType

if TYPE_CHECKING:
    from svrag.library.store import Library

MOST = 7  # on each side
# Said of the neighbour: where the edge comes from it, and where it leads to it; in the order in which they are shown.
_WORDS: dict[EdgeType, tuple[str, str]] = {
    "caption_of": ("its caption", "its figure or table"),
    "refer_to": ("mentions it", "it mentions"),
    "contains": ("its section", "in this section"),
    "reading_next": ("before it", "after it"),
    "section_next": ("section before", "next section"),
}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An element beside another; `relation` says what it is to it."""

    element: Element
    relation: str


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """An element, what leads to it and what it leads to; `more` are left out on each side."""

    element: Element
    before: tuple[Neighbour, ...]
    after: tuple[Neighbour, ...]
    more: tuple[int, int]


def neighbourhood(library: Library, element: Element) -> Neighbourhood:
    """The neighbours of `element`; nothing for a page, which is no node.

    Raises:
        LibraryError: the library cannot be read.
    """
    edges = sorted(library.edges_of([element.id]), key=lambda edge: list(_WORDS).index(edge.type))
    others = [edge.source if edge.target == element.id else edge.target for edge in edges]
    known = {one.id: one for one in library.elements(list(dict.fromkeys(others)))}
    before, after = [], []
    for edge, other in zip(edges, others, strict=True):
        if other not in known:
            continue
        comes, leads = _WORDS[edge.type]
        if edge.target == element.id:
            before.append(Neighbour(known[other], comes))
        else:
            after.append(Neighbour(known[other], leads))
    return Neighbourhood(
        element, tuple(before[:MOST]), tuple(after[:MOST]), (max(0, len(before) - MOST), max(0, len(after) - MOST))
    )
