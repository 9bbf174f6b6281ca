"""What the app shows below an answer: the cited elements first, then what else the search found. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from svrag.documents.model import Box, Element
from svrag.generation.answer import Answer
from svrag.search.result import Hit, SearchResult


@dataclass(frozen=True, slots=True)
class Evidence:
    """An element to show.

    Attributes:
        number: the n of its citation in the answer; None when it is not cited.
        text: its words for people: the sentence an answer rests on, a caption, a paragraph.
        reasons: why it was found.
        question: that it was found for.
    """

    element: Element
    document_name: str
    score: float
    text: str
    number: int | None = None
    reasons: tuple[str, ...] = ()
    question: str = ""

    def boxes_on(self, page: int) -> list[Box]:
        """Where it is on `page` of its document; a whole page has no box."""
        if self.element.type == "page":
            return []
        first = [self.element.box] if self.element.page == page else []
        return first + [region.box for region in self.element.continues if region.page == page]


def found(result: SearchResult) -> tuple[Evidence, ...]:
    """All hits, best first, before there is an answer."""
    return tuple(_uncited(hit, result.question) for hit in result.hits)


def cited_first(result: SearchResult, answer: Answer) -> tuple[Evidence, ...]:
    """The citations of `answer` by number, then the other hits."""
    reasons = {hit.element.id: hit.reasons for hit in result.hits}
    cited = [
        Evidence(
            citation.element,
            citation.document_name,
            citation.score,
            citation.quote or _words(citation.element),
            citation.n,
            reasons.get(citation.element.id, ()),
            result.question,
        )
        for citation in sorted(answer.citations, key=lambda citation: citation.n)
    ]
    ids = {evidence.element.id for evidence in cited}
    return tuple(cited + [_uncited(hit, result.question) for hit in result.hits if hit.element.id not in ids])


def _uncited(hit: Hit, question: str) -> Evidence:
    words = _words(hit.element)
    return Evidence(hit.element, hit.document_name, hit.score, words, reasons=hit.reasons, question=question)


def _words(element: Element) -> str:
    return element.caption or element.text
