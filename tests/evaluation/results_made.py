"""Results that tests make up."""

from __future__ import annotations

from collections.abc import Sequence

from svrag.documents.model import Box, Region
from svrag.evaluation.metrics import Gold, RankedElement, Ranking, question_metrics
from svrag.evaluation.question import EvalQuestion
from svrag.evaluation.result import EvalResult, QuestionRecord, RetrieverRow, Seconds


def record(
    n: int,
    pages: tuple[int, ...],
    gold: set[int],
    *slices: tuple[str, str],
    ranked: bool = True,
    document: str = "a.pdf",
    words: str = "Why?",
) -> QuestionRecord:
    """Question `n`, for which `pages` came up, each with a figure that is the gold box where the page is gold."""
    box = Box(0, 0, 10, 10)
    question = EvalQuestion(
        f"{document}#{n}", document, words, "So", "Str", True, tuple(sorted(gold)), (), slices, True
    )
    evidence = Gold(frozenset(gold), (Region(min(gold), box),))
    elements = tuple(RankedElement(f"a.{page}.1", "figure", page, box) for page in pages) if ranked else None
    ranking = Ranking(pages, elements)
    return QuestionRecord(
        question, document[0] * 12, evidence, slices, ranking, question_metrics(ranking, evidence), 0.01 * n
    )


def result(*rows: tuple[str, Sequence[QuestionRecord]]) -> EvalResult:
    return EvalResult(
        benchmark="demo",
        rows=tuple(RetrieverRow(name, tuple(records)) for name, records in rows),
        generator="",
        seconds=Seconds(1.0, 2.0, 0.0, 3.0),
        settings={"k": 5, "data": {"questions.json": "c0ffee"}},
        notes=("a note",),
    )
