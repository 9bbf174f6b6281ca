"""What a search returns: elements and pages, ranked, each with why. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from svrag.documents.model import Element


@dataclass(frozen=True, slots=True)
class Hit:
    """An element that bears on the question.

    Attributes:
        rank: 1 is the best.
        document_name: file name of its document.
        score: the retriever's; higher is better, comparable within one result only.
        reasons: why it was found, for people ("named in the question: Table 3").
    """

    rank: int
    element: Element
    document_name: str
    score: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageHit:
    """A page (1-based) that bears on the question."""

    rank: int
    document_id: str
    document_name: str
    page: int
    score: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Ranked elements and ranked pages for one question, with the retriever's name and the seconds it took."""

    question: str
    hits: tuple[Hit, ...]
    pages: tuple[PageHit, ...]
    retriever: str
    seconds: float
