"""What the library knows beyond the hits: whole pages that a page-image model found, paragraphs that speak of the figures
and tables found, and which names of the question stand nowhere. Ranks nothing, writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from svrag.documents.model import page_element
from svrag.generation.asking import understand
from svrag.library import full_text
from svrag.library.store import Library
from svrag.retrievers.kinds import kind_of
from svrag.retrievers.lexical.analysis import analyse
from svrag.retrievers.lexical.spelling import meant
from svrag.retrievers.multivector.loading import load_multivector
from svrag.search.engine import retrievers_named
from svrag.search.result import Hit, SearchResult

_SPOKEN_OF = ("figure", "table", "equation")
_PARAGRAPHS = 2  # for each figure or table
_PAGES = 3


@dataclass(frozen=True, slots=True)
class Background:
    """Beside the evidence.

    Attributes:
        pages: the best whole pages, where a model that looks at pages found them.
        related: paragraphs that refer to figures and tables among the hits and are not hits themselves, in the order
            of what they refer to; they have its rank and score.
        absent: names and numbers of the question that stand on no page of the documents asked: token of the lexical
            analysis -> as it stands in the question.
    """

    pages: tuple[Hit, ...] = ()
    related: tuple[Hit, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)

    def notes(self) -> tuple[str, ...]:
        """What a reader should know when there is no answer."""
        words = ", ".join(dict.fromkeys(self.absent.values()))
        return (f"nowhere in the documents asked: {words}",) if words else ()


NOTHING_ELSE = Background()


def background(library: Library, result: SearchResult, documents: Sequence[str] | None) -> Background:
    """What there is to know beside the hits of `result`, found in `documents` (all with None).

    Raises:
        LibraryError: the library cannot be read.
    """
    seen = pages(library, result) if _looks_at_pages(result.retriever) else ()
    return Background(seen, related(library, result.hits), absent(library, result.question, documents))


def pages(library: Library, result: SearchResult) -> tuple[Hit, ...]:
    """The best pages of `result` as elements, less those that are hits already."""
    hits = {hit.element.id for hit in result.hits}
    found = []
    for place in result.pages[:_PAGES]:
        element = page_element(place.document_id, library.page(place.document_id, place.page))
        if element.id not in hits:
            found.append(Hit(place.rank, element, place.document_name, place.score, ("page found as a picture",)))
    return tuple(found)


def _looks_at_pages(retriever: str) -> bool:
    models = (name for name in retrievers_named(retriever) if kind_of(name) == "multi")
    return any(load_multivector(name).reads_pictures for name in models)


def related(library: Library, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The paragraphs that refer to figures, tables and equations of `hits`, by the edges of their element graphs."""
    shown = {hit.element.id: hit for hit in hits if hit.element.type in _SPOKEN_OF}
    edges = [edge for edge in library.edges_of(list(shown)) if edge.type == "refer_to" and edge.target in shown]
    edges.sort(key=lambda edge: -edge.confidence)
    paragraphs = {element.id: element for element in library.elements(list({edge.source for edge in edges}))}
    seen = {hit.element.id for hit in hits}
    found: list[Hit] = []
    for target, hit in shown.items():
        sources = [edge.source for edge in edges if edge.target == target and edge.source in paragraphs]
        for source in [source for source in dict.fromkeys(sources) if source not in seen][:_PARAGRAPHS]:
            seen.add(source)
            what = hit.element.label or f"the {hit.element.type} found"
            found.append(replace(hit, element=paragraphs[source], reasons=(f"speaks of {what}",)))
    return tuple(found)


def absent(library: Library, question: str, documents: Sequence[str] | None) -> dict[str, str]:
    """The names and numbers of `question` that no page of `documents` holds, misspellings understood."""
    language = (library.languages(documents) or ["en"])[0] or "en"
    asked = understand(question, language)
    names = asked.names - asked.aspects
    if not names:
        return {}
    known = full_text.token_counts(library, list(names), pages_only=True)
    read_as = {
        name: name if name in known else meant(name, full_text.tokens_like(library, name[:2])) for name in names
    }
    there = full_text.tokens_on_pages(library, list(read_as.values()), documents)
    called = " ".join(d.name for d in library.documents() if documents is None or d.id in documents)
    there |= set(analyse(re.sub(r"[_.-]", " ", called), language))
    words = {token: word for word in re.findall(r"\w[\w'’.,-]*\w|\w", question) for token in analyse(word, language)}
    return {name: words.get(name, name) for name in sorted(names) if read_as[name] not in there}
