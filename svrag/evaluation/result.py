"""What an evaluation found, as data: every question's record for every retriever, and means over them.

As JSON it is in result_json.py, as tables in tables.py. Metrics are in [0, 1], pages 1-based, boxes in points of the
unrotated page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from svrag.evaluation import answers, metrics
from svrag.evaluation.bootstrap import Difference, interval, paired
from svrag.evaluation.metrics import Gold, Ranking, mean_metrics
from svrag.evaluation.mmlongbench_score import ScoredAnswer, accuracy_and_f1
from svrag.evaluation.question import EvalQuestion

NAMES = (*metrics.NAMES, *metrics.POOL_NAMES, *answers.NAMES)

MMLONGBENCH_F1 = "mmlongbench_f1"
"""Of a set of questions: it is no mean, so it has no interval. The mean of `mmlongbench_score` is its accuracy."""

ABSTENTION_F1 = "abstention_f1"
"""Of a set of questions, too: F1 of refusing those that have no answer."""

CITATION_PRECISION = "citation_precision"
"""Of a set of questions, too: of all citations that `citation_on_gold_page` takes, those on a gold page. The mean of that
one counts questions alike, however many citations their answers have."""

COMPARED = (
    "page_hit@1",
    "page_hit@5",
    "page_recall@20",
    "mrr",
    "ndcg@10",
    "element_recall@1",
    "element_recall@5",
    "element_recall@10",
    "element_mrr",
    *answers.NAMES,
)
"""The metrics that the rows of one run are compared by."""


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    """One question, what was returned for it, and how good that was.

    Attributes:
        document_id: its document's id in the library; "" when it could not be read.
        gold: the evidence the metrics were taken against, boxes in the coordinates of the page.
        slices: (name, value) pairs; those of the question and what only its document tells.
        seconds: taken by the search.
        answer: the generator's text, None when there was no generator.
        said_answerable: whether the generator found an answer, None when there was no generator.
        answer_seconds: taken by search and generator together, 0 when there was none.
        citations: of the answer, 0 when there was none.
    """

    question: EvalQuestion
    document_id: str
    gold: Gold
    slices: tuple[tuple[str, str], ...]
    ranking: Ranking
    metrics: Mapping[str, float]
    seconds: float
    answer: str | None = None
    said_answerable: bool | None = None
    answer_seconds: float = 0.0
    citations: int = 0


@dataclass(frozen=True, slots=True)
class Pooling:
    """How the token vectors of a row's documents were pooled: so many became one; `method` is "" where none did."""

    method: str
    factor: int


@dataclass(frozen=True, slots=True)
class RetrieverRow:
    """One retriever's records, in the order of the questions.

    Attributes:
        against: the row that this one is a variant of, and is compared with; "" is the first.
        before: the row of the model that this one was trained from; "" where none is named.
        pooling: of rows of a pooling curve (pooling_curve.py).
    """

    retriever: str
    records: tuple[QuestionRecord, ...]
    against: str = ""
    before: str = ""
    pooling: Pooling | None = None

    def means(self) -> dict[str, float]:
        """Every metric that was measured, over the questions that have it."""
        return means_of(self.records)

    def values(self, metric: str) -> list[float]:
        """The metric of every question that has it."""
        return [record.metrics[metric] for record in self.records if metric in record.metrics]

    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 95 % interval of every mean over questions."""
        return {name: interval(values) for name in NAMES if (values := self.values(name))}

    def by_slice(self) -> dict[str, dict[str, list[QuestionRecord]]]:
        """Records by slice name and value, both sorted; a record stands under each value of a name it has."""
        slices: dict[str, dict[str, list[QuestionRecord]]] = {}
        for record in self.records:
            for name, value in record.slices:
                slices.setdefault(name, {}).setdefault(value, []).append(record)
        return {name: dict(sorted(values.items())) for name, values in sorted(slices.items())}

    def compared_with(self, other: RetrieverRow) -> dict[str, Difference]:
        """This row minus `other` (over the same questions), for the metrics of `COMPARED` that both have."""
        pairs = sorted(zip(self.records, other.records, strict=True), key=lambda pair: pair[0].question.id)
        differences = {}
        for name in COMPARED:
            both = [
                (ours.metrics[name], theirs.metrics[name])
                for ours, theirs in pairs
                if name in ours.metrics and name in theirs.metrics
            ]
            if both:
                differences[name] = paired(*zip(*both, strict=True))
        return differences

    def search_seconds(self) -> tuple[float, float]:
        """Median and 95th percentile of the time a search took; (0, 0) when no document could be read."""
        import numpy as np

        seconds = [record.seconds for record in self.records if record.document_id]
        if not seconds:
            return 0.0, 0.0
        median, high = np.percentile(seconds, [50, 95])
        return float(median), float(high)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Time taken: reading documents, all searches of the first row, all its answers, everything."""

    parse: float
    retrieve: float
    generate: float
    total: float


@dataclass(frozen=True, slots=True)
class EvalResult:
    """A whole run.

    Attributes:
        rows: retrievers and baselines, each over the same questions in the same order; the first is the one under
            test.
        generator: "" when no answers were asked for.
        settings: what the figures depend on: versions, hashes of the data, k, limit.
        notes: what a reader of the figures should know, one line each.
    """

    benchmark: str
    rows: tuple[RetrieverRow, ...]
    generator: str
    seconds: Seconds
    settings: Mapping[str, object]
    notes: tuple[str, ...] = ()

    @property
    def row(self) -> RetrieverRow:
        """The retriever under test."""
        return self.rows[0]

    def base_of(self, row: RetrieverRow) -> RetrieverRow:
        """The row that `row` is compared with."""
        return next((each for each in self.rows if row.against and each.retriever == row.against), self.row)


def means_of(records: Sequence[QuestionRecord]) -> dict[str, float]:
    """Every metric that was measured, over the questions of `records` that have it; `mmlongbench_f1` and, where some have
    no answer, `abstention_f1` over all; where some answers cite, `citation_precision`.
    """
    means = mean_metrics([record.metrics for record in records], NAMES)
    scored = [
        ScoredAnswer(record.metrics["mmlongbench_score"], record.question.answerable, bool(record.said_answerable))
        for record in records
        if "mmlongbench_score" in record.metrics
    ]
    if scored:
        means[MMLONGBENCH_F1] = accuracy_and_f1(scored)[1]
    refused, unanswerable = ([not a.said_answerable for a in scored], [not a.answerable for a in scored])
    if any(unanswerable):
        right = sum(said and true for said, true in zip(refused, unanswerable, strict=True))
        means[ABSTENTION_F1] = 2 * right / (sum(refused) + sum(unanswerable))
    cited = [
        (record.metrics["citation_on_gold_page"], record.citations)
        for record in records
        if "citation_on_gold_page" in record.metrics
    ]
    if total := sum(count for _, count in cited):
        means[CITATION_PRECISION] = sum(on_gold * count for on_gold, count in cited) / total
    return means
