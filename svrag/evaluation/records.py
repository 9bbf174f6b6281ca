"""From what a search returned for a question to its record: gold evidence on the pages as they were read, metrics, slices.

Figures are rounded here, once, so that a result file read back is the same result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from svrag.documents.model import Box, Page, Region
from svrag.evaluation.collection import Collected
from svrag.evaluation.metrics import Gold, RankedElement, Ranking, question_metrics
from svrag.evaluation.question import EvalQuestion
from svrag.evaluation.result import QuestionRecord
from svrag.search.result import SearchResult


def nothing_found(question: EvalQuestion, depth: int) -> QuestionRecord:
    """The record of a question about a document that could not be read."""
    boxes = tuple(Region(box.page, rounded(box.box)) for box in question.gold_boxes)
    gold = _gold(question, question.evidence_pages, boxes)
    slices = (("document", question.document), *question.slices)
    return recorded(question, "", gold, slices, Ranking((), ()), 0.0, depth)


def found(question: EvalQuestion, document: Collected, ranking: Ranking, seconds: float, depth: int) -> QuestionRecord:
    """The record of a question for which `ranking`, `depth` deep, came up in `document`."""
    gold = gold_of(question, document.pages)
    slices = (("document", question.document), *question.slices, *_text_slice(gold, document))
    return recorded(question, document.stored.id, gold, slices, ranking, seconds, depth)


def gold_of(question: EvalQuestion, pages: Sequence[Page]) -> Gold:
    """The gold evidence on the pages as they were read; what lies beyond the last of them is a wrong label."""
    by_number = {page.number: page for page in pages}
    boxes = [box.on(by_number[box.page]) for box in question.gold_boxes if box.page in by_number]
    right = set(question.evidence_pages) <= by_number.keys()
    return _gold(question, question.evidence_pages if right else (), [Region(n, rounded(box)) for n, box in boxes])


def _gold(question: EvalQuestion, pages: Sequence[int], boxes: Sequence[Region]) -> Gold:
    if not question.usable_for_pages:
        pages = ()
    gains = dict(zip(question.evidence_pages, question.gains, strict=True)) if pages and question.gains else {}
    return Gold(frozenset(pages), tuple(boxes), gains)


def recorded(
    question: EvalQuestion,
    document_id: str,
    gold: Gold,
    slices: tuple[tuple[str, str], ...],
    ranking: Ranking,
    seconds: float,
    depth: int,
) -> QuestionRecord:
    """A question with its gold evidence, what was found, and the metrics of that."""
    return QuestionRecord(
        question=question,
        document_id=document_id,
        gold=gold,
        slices=slices,
        ranking=ranking,
        metrics=kept(question_metrics(ranking, gold, depth)),
        seconds=round(seconds, 5),
    )


def _text_slice(gold: Gold, document: Collected) -> tuple[tuple[str, str], ...]:
    """Whether the evidence, or some of it, is on a page without a text layer."""
    numbers = gold.pages | {region.page for region in gold.boxes}
    if not numbers:
        return ()
    scanned = any(page.ocr or not page.text.strip() for page in document.pages if page.number in numbers)
    return (("page_text", "scanned" if scanned else "text layer"),)


def ranking_of(result: SearchResult, pages: int, elements: int) -> Ranking:
    """The first `pages` and `elements` of what was found: records stay small where nothing is measured further down."""
    return Ranking(
        pages=tuple(hit.page for hit in result.pages[:pages]),
        elements=tuple(
            RankedElement(hit.element.id, hit.element.type, hit.element.page, rounded(hit.element.box))
            for hit in result.hits[:elements]
        ),
    )


def rounded(box: Box) -> Box:
    """To a hundredth of a point, as it is written: whoever reads the file computes the same metrics from it."""
    return Box(*(round(value, 2) for value in box))


def kept(metrics: Mapping[str, float]) -> dict[str, float]:
    """To six digits, as they are written."""
    return {name: round(value, 6) for name, value in metrics.items()}
