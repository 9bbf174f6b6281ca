"""What goes over the wire, as JSON. Boxes are in PDF points on the unrotated page, origin top-left; pages count from 1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from svrag.documents.model import ElementType

DocumentId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
ElementId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}\.[0-9]{1,6}(\.[0-9]{1,6})?$")]
JobId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class _Out(BaseModel):
    """Made from the dataclass of the same fields."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")


class _In(BaseModel):
    """Read from a request; unknown fields are refused, since a misspelt one would be ignored in silence."""

    model_config = ConfigDict(extra="forbid")


class Error(BaseModel):
    """What is wrong and what to do next, one line."""

    detail: str


class Health(BaseModel):
    status: Literal["ok"]
    version: str


class DocumentOut(_Out):
    """A document of the library; `added` is ISO 8601, UTC."""

    id: str
    name: str
    title: str
    language: str
    pages: int
    elements: int
    added: str
    warnings: tuple[str, ...]
    tags: tuple[str, ...] = ()


class DocumentChange(_In):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    tags: Annotated[list[Annotated[str, StringConstraints(max_length=100)]], Field(max_length=100)] | None = None


class BoxOut(_Out):
    x0: float
    y0: float
    x1: float
    y1: float


class RegionOut(_Out):
    page: int
    box: BoxOut


class TableOut(_Out):
    rows: tuple[tuple[str, ...], ...]
    header_rows: int


class ElementOut(_Out):
    """A figure, table, paragraph, caption, equation, heading or whole page."""

    id: str
    document_id: str
    type: ElementType
    page: int
    box: BoxOut
    text: str
    label: str
    caption: str
    section_path: tuple[str, ...]
    level: int
    continues: tuple[RegionOut, ...]
    table: TableOut | None
    target_id: str
    confidence: float


class PageOut(_Out):
    """A page: unrotated size in points, the degrees a viewer turns it by, its own name, words and elements."""

    number: int
    width: float
    height: float
    rotation: int
    label: str
    text: str
    ocr: bool
    warning: str
    elements: list[ElementOut] = []


class NodeOut(_Out):
    id: str
    type: str
    page: int
    section_path: tuple[str, ...]
    section_role: str
    label: str


class EdgeOut(_Out):
    source: str
    target: str
    type: str
    confidence: float


class GraphOut(_Out):
    """A document's element graph."""

    document_id: str
    nodes: tuple[NodeOut, ...]
    edges: tuple[EdgeOut, ...]


class FileJobOut(_Out):
    """A file that is being added: `page` of `pages` are read; `detail` says why it failed."""

    name: str
    status: Literal["waiting", "reading", "added", "updated", "unchanged", "failed", "cancelled"]
    page: int
    pages: int
    detail: str
    document_id: str


class JobOut(_Out):
    """Files that were handed over together."""

    id: str
    created: str
    done: bool
    files: tuple[FileJobOut, ...]


class SearchIn(_In):
    """A question; `documents` are ids to look in, all where there are none."""

    question: Words
    k: Annotated[int, Field(ge=1, le=100)] = 10
    documents: Annotated[list[DocumentId], Field(max_length=1000)] | None = None


class TurnIn(_In):
    """A question of the conversation and what was answered."""

    question: Words
    answer: Annotated[str, StringConstraints(max_length=20_000)]


class AskIn(_In):
    """A question; `k` pieces of evidence; `history` is the conversation before it, oldest first."""

    question: Words
    k: Annotated[int, Field(ge=1, le=100)] | None = None
    documents: Annotated[list[DocumentId], Field(max_length=1000)] | None = None
    history: Annotated[list[TurnIn], Field(max_length=50)] = []


class HitOut(_Out):
    """An element that bears on the question; scores compare within one result only."""

    rank: int
    element: ElementOut
    document_name: str
    score: float
    reasons: tuple[str, ...]


class PageHitOut(_Out):
    rank: int
    document_id: str
    document_name: str
    page: int
    score: float


class SearchOut(_Out):
    """Ranked elements and ranked pages."""

    question: str
    hits: tuple[HitOut, ...]
    pages: tuple[PageHitOut, ...]
    retriever: str
    seconds: float


class CitationOut(_Out):
    """What [n] in the answer stands for, and the words it rests on."""

    n: int
    element: ElementOut
    document_name: str
    score: float
    quote: str


class AnswerOut(_Out):
    """An answer; where the evidence does not hold one, `answerable` is false.

    `unsupported` are numbers of the text that do not stand in what they cite; `short` the words of it that are the answer
    itself, where the generator says which.
    """

    question: str
    text: str
    answerable: bool
    citations: tuple[CitationOut, ...]
    generator: str
    removed_citations: int
    seconds: float
    notes: tuple[str, ...]
    unsupported: tuple[str, ...] = ()
    short: str = ""


class NetworkOut(_Out):
    """A model in memory: device and data type of its weights, how many numbers they are, in how many bytes."""

    device: str
    dtype: str
    parameters: int
    bytes: int


class ModelOut(BaseModel):
    """A model that the server needs to find or to answer, and how it stands with it.

    `done` of `total` (0: unknown) are bytes while it is downloaded and weights while it is loaded; `seconds` have passed,
    or were taken; `error` says why it failed. One with state `remote` is on another server.
    """

    role: Literal["finds", "answers"]
    name: str
    state: Literal["unloaded", "downloading", "loading", "ready", "failed", "remote"]
    done: int
    total: int
    seconds: float
    network: NetworkOut | None
    error: str


class AskOut(BaseModel):
    """An answer and all evidence that was found for it."""

    answer: AnswerOut
    search: SearchOut
