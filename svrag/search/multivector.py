"""Ranks pages and elements by late interaction: MaxSim of their token vectors with the question's.

Scores are means over the question's tokens, so that they are cosines in size whatever the question's length. Where
pages and elements are indexed, pages come first and only the elements within the best of them are ranked: the cascade
that was best of what is published without training (MMDocIR, arXiv 2501.08828).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from svrag.documents.model import ElementType
from svrag.library.store import Library, StoredDocument
from svrag.library.tokens.index import Found, TokenIndex
from svrag.retrievers.multivector.encoder import MultiVectorEncoder
from svrag.search.fusion import Rankings
from svrag.search.lexical import Ranked

_CANDIDATES = 1000  # elements, and pages, that come back
_CASCADE_PAGES = 20  # pages within which elements are ranked
_ELEMENTS = tuple(kind for kind in get_args(ElementType) if kind != "page")


def rank(
    library: Library,
    question: str,
    documents: Sequence[StoredDocument],
    *,
    whole_library: bool,
    encoder: MultiVectorEncoder,
    index: TokenIndex,
) -> Rankings:
    """Mean MaxSim of the elements (by id) and pages (by document id and number) with `question`.

    An index of elements alone ranks pages by their best element; one of pages alone ranks no elements. Documents that
    `index` does not hold are passed over: `library.indexing.index_missing` adds them.

    Args:
        documents: where to look.
        whole_library: these are all there are.
    """
    query = encoder.questions([question])[0].vectors
    within = None if whole_library else [document.id for document in documents]
    units = index.identity.settings.units
    pages: dict[tuple[str, int], Ranked] = {}
    best: list[tuple[str, int]] | None = None
    if units != "elements":
        found = index.search(query, k=_CANDIDATES, documents=within, types=("page",))
        first = {document.id: document.elements for document in documents}
        for document, position, score in _each(found):
            if document in first:  # added by another process meanwhile
                pages[document, position - first[document] + 1] = _ranked(score / len(query))
        best = list(pages)[:_CASCADE_PAGES]
    if units == "pages":
        return {}, pages
    found = index.search(query, k=_CANDIDATES, documents=within, types=_ELEMENTS, pages=best)
    elements = {id: _ranked(score / len(query)) for id, score in _named(library, found)}
    if units == "elements":
        for id, ranked in elements.items():  # best first
            document, page, _ = id.rsplit(".", 2)
            pages.setdefault((document, int(page)), ranked)
    return elements, pages


def _each(found: Found) -> list[tuple[str, int, float]]:
    return list(zip(found.documents, found.positions.tolist(), found.scores.tolist(), strict=True))


def _named(library: Library, found: Found) -> list[tuple[str, float]]:
    """Positions as ids of elements, best first."""
    positions: dict[str, list[int]] = {}
    for document, position, _ in _each(found):
        positions.setdefault(document, []).append(position)
    ids = {document: library.ids_at(document, own) for document, own in positions.items()}
    return [
        (ids[document][position], score) for document, position, score in _each(found) if position in ids[document]
    ]


def _ranked(score: float) -> Ranked:
    return Ranked(score, (f"matches token by token ({score:.2f})",))
