"""What an evaluation found: every question's record, means and slices over them, as JSON and as tables of text.

Printing is done elsewhere. Metrics are in [0, 1], pages 1-based, boxes in points of the unrotated page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from svrag.documents.model import Box
from svrag.evaluation import answers, metrics
from svrag.evaluation.bootstrap import Difference, interval, paired
from svrag.evaluation.metrics import Gold, Ranking, mean_metrics
from svrag.evaluation.question import EvalQuestion

NAMES = (*metrics.NAMES, *answers.NAMES)
SHOWN = (
    "page_hit@1",
    "page_hit@5",
    "mrr",
    "element_recall@1",
    "element_recall@5",
    "element_recall@10",
    *answers.NAMES,
)
"""The metrics of the terminal's table."""

COMPARED = ("page_hit@1", "page_hit@5", "mrr")
"""The metrics that the retriever and the baselines are compared by."""


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    """One question, what was returned for it, and how good that was.

    Attributes:
        gold: the evidence the metrics were taken against, boxes in the coordinates of the page.
        slices: (name, value) pairs; those of the question and what only its document tells.
        seconds: taken by the search.
        answer: the generator's text, None when there was no generator.
        said_answerable: whether the generator found an answer, None when there was no generator.
    """

    question: EvalQuestion
    gold: Gold
    slices: tuple[tuple[str, str], ...]
    ranking: Ranking
    metrics: Mapping[str, float]
    seconds: float
    answer: str | None = None
    said_answerable: bool | None = None


@dataclass(frozen=True, slots=True)
class RetrieverRow:
    """One retriever's records, in the order of the questions."""

    retriever: str
    records: tuple[QuestionRecord, ...]

    def means(self) -> dict[str, float]:
        return mean_metrics([record.metrics for record in self.records], NAMES)

    def values(self, metric: str) -> list[float]:
        """The metric of every question that has it."""
        return [record.metrics[metric] for record in self.records if metric in record.metrics]

    def by_slice(self) -> dict[str, dict[str, list[QuestionRecord]]]:
        """Records by slice name and value, values by name."""
        slices: dict[str, dict[str, list[QuestionRecord]]] = {}
        for record in self.records:
            for name, value in record.slices:
                slices.setdefault(name, {}).setdefault(value, []).append(record)
        return {name: dict(sorted(values.items())) for name, values in sorted(slices.items())}

    def compared_with(self, other: RetrieverRow) -> dict[str, Difference]:
        """This row minus `other` (over the same questions), for the metrics of `COMPARED` that both have."""
        return {
            name: paired(ours, theirs)
            for name in COMPARED
            if (ours := self.values(name)) and (theirs := other.values(name))
        }


@dataclass(frozen=True, slots=True)
class Seconds:
    """Time taken: reading documents, all searches, all answers, everything."""

    parse: float
    retrieve: float
    generate: float
    total: float


class TextTable(NamedTuple):
    """A table for the terminal: the first column is text, the others are figures."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class EvalResult:
    """A whole run.

    Attributes:
        row: the retriever under test.
        baselines: others, on the same questions in the same order.
        generator: "" when no answers were asked for.
        settings: what the figures depend on: versions, hashes of the data, k, limit.
        notes: what a reader of the figures should know, one line each.
    """

    benchmark: str
    row: RetrieverRow
    baselines: tuple[RetrieverRow, ...]
    generator: str
    seconds: Seconds
    settings: Mapping[str, object]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The object that `svrag eval --json` writes; its keys are stable."""
        means = self.row.means()
        return {
            "benchmark": self.benchmark,
            "retriever": self.row.retriever,
            "generator": self.generator or None,
            "questions": len(self.row.records),
            "counts": {name: len(self.row.values(name)) for name in means},
            "metrics": _rounded(means),
            "intervals": {name: _pair(interval(self.row.values(name))) for name in means},
            "by": _by_json(self.row),
            "baselines": [
                {
                    "retriever": baseline.retriever,
                    "metrics": _rounded(baseline.means()),
                    "by": _by_json(baseline),
                    "compared": {
                        name: {
                            "difference": round(difference.mean, 4),
                            "interval": _pair((difference.low, difference.high)),
                            "p": round(difference.p, 5),
                        }
                        for name, difference in self.row.compared_with(baseline).items()
                    },
                }
                for baseline in self.baselines
            ],
            "seconds": {
                "parse": round(self.seconds.parse, 3),
                "retrieve": round(self.seconds.retrieve, 3),
                "generate": round(self.seconds.generate, 3),
                "total": round(self.seconds.total, 3),
            },
            "settings": dict(self.settings),
            "notes": list(self.notes),
            "per_question": [
                _record_json(record)
                | _baselines_json([baseline.records[i] for baseline in self.baselines], self.baselines)
                for i, record in enumerate(self.row.records)
            ],
        }

    def table(self) -> TextTable:
        """One row per retriever: how many questions, and the metrics of `SHOWN` that were measured."""
        rows = (self.row, *self.baselines)
        means = [row.means() for row in rows]
        shown = [name for name in SHOWN if name in means[0]]
        return TextTable(
            ("retriever", "questions", *shown),
            tuple(
                (row.retriever, str(len(row.records)), *_figures(mean, shown))
                for row, mean in zip(rows, means, strict=True)
            ),
        )

    def slice_table(self) -> TextTable:
        """The retriever's metrics slice by slice; documents, of which there may be many, are left to the JSON."""
        shown = [name for name in SHOWN if name in self.row.means()]
        rows = []
        for name, values in self.row.by_slice().items():
            if name == "document":
                continue
            for value, records in values.items():
                means = mean_metrics([record.metrics for record in records], NAMES)
                rows.append((f"{name}: {value}", str(len(records)), *_figures(means, shown)))
        return TextTable(("slice", "questions", *shown), tuple(rows))

    def remarks(self) -> list[str]:
        """Lines for under the tables: over how many questions, how sure, against the baselines, notes."""
        lines = []
        for name in ("page_hit@1", "page_hit@5", "element_recall@5"):
            values = self.row.values(name)
            if values:
                low, high = interval(values)
                lines.append(f"{name}: {len(values)} questions, 95 % interval {low:.3f} to {high:.3f}")
        for baseline in self.baselines:
            for name, difference in self.row.compared_with(baseline).items():
                lines.append(
                    f"{name} against {baseline.retriever}: {difference.mean:+.3f} "
                    f"({difference.low:+.3f} to {difference.high:+.3f}), p = {difference.p:.3f}"
                )
        return [*lines, *self.notes]


def _figures(means: Mapping[str, float], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{means[name]:.3f}" if name in means else "-" for name in names)


def _by_json(row: RetrieverRow) -> dict[str, dict[str, dict[str, float]]]:
    return {
        name: {
            value: {
                "questions": len(records),
                **_rounded(mean_metrics([record.metrics for record in records], NAMES)),
            }
            for value, records in values.items()
        }
        for name, values in row.by_slice().items()
    }


def _record_json(record: QuestionRecord) -> dict[str, object]:
    question, gold, ranking = record.question, record.gold, record.ranking
    slices: dict[str, list[str]] = {}
    for name, value in record.slices:
        slices.setdefault(name, []).append(value)
    answered: dict[str, object] = {}
    if record.answer is not None:
        answered = {"predicted": record.answer, "predicted_answerable": record.said_answerable}
    return {
        "id": question.id,
        "document": question.document,
        "question": question.question,
        "answer": question.answer,
        "answer_format": question.answer_format,
        "answerable": question.answerable,
        "evidence_pages": list(question.evidence_pages),
        "gold_boxes": [{"page": region.page, "bbox": _bbox(region.box)} for region in gold.boxes],
        "pages": list(ranking.pages),
        "elements": [
            {
                "element_id": element.id,
                "type": element.type,
                "page": element.page,
                "bbox": _bbox(element.box),
                "hit": any(element.shows(region) for region in gold.boxes),
            }
            for element in ranking.elements or ()
        ],
        "metrics": _rounded(record.metrics),
        "slices": slices,
        "seconds": round(record.seconds, 4),
        **answered,
    }


def _baselines_json(records: Sequence[QuestionRecord], rows: Sequence[RetrieverRow]) -> dict[str, object]:
    if not records:
        return {}
    return {
        "baselines": {
            row.retriever: {"pages": list(record.ranking.pages[: metrics.DEPTH]), "metrics": _rounded(record.metrics)}
            for row, record in zip(rows, records, strict=True)
        }
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def _pair(bounds: tuple[float, float]) -> list[float]:
    return [round(bound, 4) for bound in bounds]


def _bbox(box: Box) -> list[float]:
    return [round(value, 2) for value in box]
