"""The graph of one document, from its elements alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from svrag.documents.model import Document, Element
from svrag.graph.mentions import Mention, find_mentions
from svrag.graph.model import LEAST_CONFIDENCE, Edge, ElementGraph, Node, SectionRole
from svrag.graph.roles import section_role

# "Figure 3 of [12]", "Table 2 in Smith et al.", "Section 13 or 15(d) of the Exchange Act": another work's.
_ELSEWHERE = re.compile(
    r"(?:\s?\(\w\))*(?:\s+(?i:and|or)\s+(?i:sections?\s+)?\d{1,3}(?:\s?\(\w\))*)*\s*(?i:of|in|from|under)\s+"
    r"(?:\[\d|(?i:the\s+)?[A-Z]\w+(?:\s+(?:and|&)\s+[A-Z]\w+)?\s+(?:et al|\(\d{4})"
    r"|(?i:the\s+)?(?:[A-Z][\w-]*\s+){0,5}(?i:act|code|regulation|constitution|treaty)\b)"
)
# "42 U.S.C. § 83", "Internal Revenue Code Section 382": a law's section.
_OF_A_LAW = re.compile(r"(?:\b[A-Z]\.\s?[A-Z]\.(?:\s?[A-Z]\.)?|\bCode,?)\s*$")
# A section with a letter for a number is an appendix where numbered sections went before.
_LETTERED = re.compile(r"(?:Section|Appendix) [A-Z]")
# Kinds that stand in for each other: a chart may be called a figure.
_ALSO = {
    "Figure": ("Chart", "Exhibit", "Scheme"),
    "Chart": ("Figure", "Exhibit"),
    "Exhibit": ("Figure", "Table", "Chart"),
}
_LETTERED_KINDS = {"Section": "Appendix", "Appendix": "Section"}  # "Appendix B" heads "B Proofs"


def build_graph(document: Document) -> ElementGraph:
    """Nodes and edges of `document`; every edge joins two of its elements, none joins an element to itself."""
    elements = document.elements
    appendices = _appendices(elements)
    nodes = tuple(_node(element, appendices) for element in elements)
    edges = [
        *_caption_of(elements),
        *_refer_to(elements),
        *_contains(elements),
        *_section_next(elements),
        *_reading_next(elements),
    ]
    return ElementGraph(document.id, nodes, tuple(edge for edge in edges if edge.confidence >= LEAST_CONFIDENCE))


def _appendices(elements: Sequence[Element]) -> frozenset[str]:
    """The headings with letters for numbers that come after headings with numbers."""
    found: set[str] = set()
    numbered = False
    for element in elements:
        if element.type == "section_header":
            numbered = numbered or bool(re.match(r"Section \d", element.label))
            if numbered and _LETTERED.fullmatch(element.label):
                found.add(element.text)
    return frozenset(found)


def _node(element: Element, appendices: frozenset[str]) -> Node:
    path = (*element.section_path, element.text) if element.type == "section_header" else element.section_path
    role: SectionRole = "appendix" if not appendices.isdisjoint(path) else section_role(path)
    if role == "other" and not path and element.page == 1:
        role = "front_matter"
    return Node(element.id, element.type, element.page, element.section_path, role, element.label)


def _caption_of(elements: Sequence[Element]) -> Iterator[Edge]:
    known = {element.id for element in elements}
    for element in elements:
        if element.type == "caption" and element.target_id in known:
            yield Edge(element.id, element.target_id, "caption_of", element.confidence)


def _refer_to(elements: Sequence[Element]) -> Iterator[Edge]:
    """From every text that names something to what bears the name."""
    named: dict[str, list[Element]] = {}
    for element in elements:
        # A caption stands for its figure only when the figure was not found.
        if element.label and not (element.type == "caption" and element.target_id):
            named.setdefault(element.label.lower(), []).append(element)
    for element in elements:
        if element.type not in ("text", "caption"):
            continue
        seen: set[str] = set()
        for mention in find_mentions(element.text):
            if element.label and mention.label == element.label:
                continue  # a caption's own label
            before = element.text[max(0, mention.start - 20) : mention.start]
            if _ELSEWHERE.match(element.text, mention.end) or _OF_A_LAW.search(before):
                continue
            target, confidence = _resolve(mention, element, named)
            if target is not None and target.id not in seen | {element.id, element.target_id}:
                seen.add(target.id)
                yield Edge(element.id, target.id, "refer_to", confidence)


def _resolve(mention: Mention, source: Element, named: dict[str, list[Element]]) -> tuple[Element | None, float]:
    """The element a mention means and how sure that is; None where nothing bears the name."""
    labels = [mention.label, mention.parent_label]
    if not mention.number[0].isdigit() and mention.kind in _LETTERED_KINDS:
        labels.append(f"{_LETTERED_KINDS[mention.kind]} {mention.number}")
    for label in labels:
        if candidates := named.get(label.lower()):
            return _nearest(candidates, source)
    for kind in _ALSO.get(mention.kind, ()):
        if candidates := named.get(f"{kind} {mention.number}".lower()):
            return _nearest(candidates, source)[0], 0.5
    return None, 0.0


def _nearest(candidates: Sequence[Element], source: Element) -> tuple[Element, float]:
    """The only bearer of a name, or the one in the same chapter, else the nearest; two bearers make it ambiguous."""
    if len(candidates) == 1:
        return candidates[0], 0.9
    chapter = source.section_path[:1]
    best = min(candidates, key=lambda e: (e.section_path[:1] != chapter, abs(e.page - source.page), e.page))
    return best, 0.5


def _contains(elements: Sequence[Element]) -> Iterator[Edge]:
    """Each element under the innermost header that is open where it stands."""
    open_headers: list[Element] = []
    for element in elements:
        if element.type == "section_header":
            while open_headers and open_headers[-1].level >= element.level:
                open_headers.pop()
        if open_headers:
            yield Edge(open_headers[-1].id, element.id, "contains", 1.0)
        if element.type == "section_header":
            open_headers.append(element)


def _section_next(elements: Sequence[Element]) -> Iterator[Edge]:
    headers = [element for element in elements if element.type == "section_header"]
    for header, following in pairwise(headers):
        yield Edge(header.id, following.id, "section_next", 1.0)


def _reading_next(elements: Sequence[Element]) -> Iterator[Edge]:
    """Consecutive paragraphs of one section, whatever figures stand between them."""
    previous: Element | None = None
    for element in elements:
        if element.type == "section_header":
            previous = None
        elif element.type == "text":
            if previous is not None:
                yield Edge(previous.id, element.id, "reading_next", 1.0)
            previous = element
