"""The questions that went worst, and what to look at to see why: the gold page and the pages found instead, drawn small.

Pictures lie inside the page of the report, so their number and size are bounded.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from svrag.documents.blocks import to_displayed
from svrag.documents.model import Box, Page
from svrag.errors import InputError
from svrag.evaluation.result import QuestionRecord, RetrieverRow
from svrag.library.store import Library

MOST = 10
_PAGES_FOUND = 2
_PIXELS_ACROSS = 460
_QUALITY = 68
_BUDGET = 2_200_000  # characters of pictures in one report


@dataclass(frozen=True, slots=True)
class Mark:
    """A box on a picture, in per cent of its width and height; `rank` of a found element, None for gold evidence."""

    left: float
    top: float
    width: float
    height: float
    rank: int | None


@dataclass(frozen=True, slots=True)
class PageView:
    """A page to look at.

    Attributes:
        rank: in the ranking of pages; None when it is not in it.
        picture: a data: address; "" where there is none, and `text` tells what the page says.
    """

    page: int
    gold: bool
    rank: int | None
    picture: str
    text: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class WorstQuestion:
    """A question with the first gold page and the first pages of the ranking."""

    record: QuestionRecord
    views: tuple[PageView, ...]


def worst_records(row: RetrieverRow) -> list[QuestionRecord]:
    """At most `MOST` questions whose first page is wrong, the lowest reciprocal rank first."""
    wrong = [record for record in row.records if record.metrics.get("mrr", 1.0) < 1]
    return sorted(wrong, key=lambda record: (record.metrics["mrr"], record.metrics["ndcg@10"], record.question.id))[
        :MOST
    ]


def worst_questions(row: RetrieverRow, library: Library) -> list[WorstQuestion]:
    """The questions of `worst_records` with their pages drawn from the library's own copies.

    Raises:
        LibraryError: the library cannot be read.
    """
    sources = {document.id: document.source for document in library.documents()}
    worst, spent = [], 0
    for record in worst_records(row):
        views = []
        if (source := sources.get(record.document_id)) is not None:
            for page in _to_show(record):
                view = _view(library, source, record, page, draw=spent < _BUDGET)
                spent += len(view.picture)
                views.append(view)
        worst.append(WorstQuestion(record, tuple(views)))
    return worst


def _to_show(record: QuestionRecord) -> list[int]:
    """The first gold page and the first pages found, each once."""
    return list(dict.fromkeys([min(record.gold.pages), *record.ranking.pages[:_PAGES_FOUND]]))


def _view(library: Library, source: Path, record: QuestionRecord, number: int, *, draw: bool) -> PageView:
    page = library.page(record.document_id, number)
    picture = _picture(source, page) if draw and source.suffix != ".txt" else ""
    pages = record.ranking.pages
    return PageView(
        page=number,
        gold=number in record.gold.pages,
        rank=pages.index(number) + 1 if number in pages else None,
        picture=picture,
        text=page.text,
        marks=tuple(_marks(record, page)),
    )


def _marks(record: QuestionRecord, page: Page) -> Sequence[Mark]:
    found = [
        _mark(element.box, page, rank)
        for rank, element in enumerate(record.ranking.elements or (), start=1)
        if element.page == page.number and element.type != "page"
    ]
    return [*found, *(_mark(gold.box, page, None) for gold in record.gold.boxes if gold.page == page.number)]


def _mark(box: Box, page: Page, rank: int | None) -> Mark:
    width, height = page.displayed_size
    x0, y0, x1, y1 = to_displayed(box.clipped(page.width, page.height), page)
    return Mark(
        100 * x0 / width,
        100 * y0 / height,
        100 * (x1 - x0) / width,
        100 * (y1 - y0) / height,
        rank,
    )


def _picture(source: Path, page: Page) -> str:
    """The page as a JPEG in a data: address; "" when it cannot be drawn."""
    from PIL import Image

    from svrag.documents.rendering import render_page

    width, height = page.displayed_size
    dpi = max(1, round(72 * _PIXELS_ACROSS / max(width, height / 2)))
    try:
        png = render_page(source, page.number, dpi=dpi)
    except InputError:
        return ""
    encoded = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(encoded, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")
