"""Whether training helped: retrievers beside what they were before it, over the same questions.

The seed that this follows reports recall after training with the figure before it in brackets, by query set and
specificity (LitSearch); here each such pair has its interval and p as well, and a line that says which to use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from svrag.evaluation.bootstrap import Difference, paired
from svrag.evaluation.result import EvalResult, QuestionRecord, RetrieverRow
from svrag.evaluation.tables import TextTable, difference_cells
from svrag.evaluation.text_sets import QUERY_SET, SPECIFICITY

METRICS = (
    "page_recall@1",
    "page_recall@5",
    "page_recall@20",
    "page_precision@1",
    "page_precision@5",
    "mrr",
    "ndcg@10",
)
"""Told of each pair, where they were measured."""

_SURE = 0.05  # p below which a difference is taken for one
_CUTOFFS = {"0": (20,), "1": (5, 20), "": (5, 20)}  # of recall, by specificity, as the seed reports it


@dataclass(frozen=True, slots=True)
class Pair:
    """A retriever after training and before it; both rows have the same questions in the same order."""

    after: RetrieverRow
    before: RetrieverRow

    def values(self, metric: str, group: Group | None = None) -> tuple[list[float], list[float]]:
        """The metric after and before, of every question (of `group`) that has it in both, by the question's id."""
        records = sorted(zip(self.after.records, self.before.records, strict=True), key=lambda two: two[0].question.id)
        both = [
            (ours.metrics[metric], theirs.metrics[metric])
            for ours, theirs in records
            if metric in ours.metrics and metric in theirs.metrics and (group is None or group.has(ours))
        ]
        return [ours for ours, _ in both], [theirs for _, theirs in both]

    def difference(self, metric: str, group: Group | None = None) -> Difference | None:
        """After minus before; None where no question has it."""
        after, before = self.values(metric, group)
        return paired(after, before) if after else None


@dataclass(frozen=True, slots=True)
class Group:
    """Questions of one specificity and one query set; "" lets all through."""

    specificity: str
    query_set: str

    def has(self, record: QuestionRecord) -> bool:
        wanted = ((SPECIFICITY, self.specificity), (QUERY_SET, self.query_set))
        return all(not pair[1] or pair in record.slices for pair in wanted)

    @property
    def name(self) -> str:
        """As its columns are called."""
        return self.query_set or "avg"


def pairs(result: EvalResult) -> list[Pair]:
    """The rows that are measured beside what they were before, in their order."""
    rows = {row.retriever: row for row in result.rows}
    return [Pair(row, rows[row.before]) for row in result.rows if row.before]


def before_after_table(result: EvalResult) -> TextTable:
    """For each pair a line per metric, and one per query set where there are some: before, after, their difference."""
    lines: list[tuple[str, ...]] = []
    for pair in pairs(result):
        lines.append((f"{pair.after.retriever} (before: {pair.before.retriever})", *[""] * 6))
        lines += [line for metric in METRICS if (line := _line(pair, metric))]
        for specificity, groups in _by_specificity(result.row.records):
            for group in groups if specificity else groups[:-1]:  # without specificities the last is all, told above
                for k in _CUTOFFS.get(specificity, _CUTOFFS[""]):
                    line = _line(pair, f"page_recall@{k}", group)
                    lines += [line] if line else []
    return TextTable(("after training", "n", "before", "after", "diff.", "95 %", "p"), tuple(lines))


def query_set_tables(result: EvalResult) -> list[TextTable]:
    """Recall by query set, a table for each specificity that questions have: "after (before)", or one figure alone.

    Of broad questions (0) at 20, of others at 5 and at 20; the average is over questions, not over sets.
    """
    replaced = {row.before for row in result.rows if row.before}
    rows = [row for row in result.rows if row.retriever not in replaced]
    befores = {pair.after.retriever: pair.before for pair in pairs(result)}
    made = []
    for specificity, groups in _by_specificity(result.row.records):
        columns = [(group, f"page_recall@{k}", k) for group in groups for k in _CUTOFFS.get(specificity, _CUTOFFS[""])]
        columns = [column for column in columns if not (column[0].name == "avg" and column[2] == 5)]
        lines = []
        for row in rows:
            before = befores.get(row.retriever)
            cells = [_cell(row, before, metric, group) for group, metric, _ in columns]
            lines.append((row.retriever, *cells))
        title = f"spec{specificity} recall" if specificity else "recall"
        made.append(TextTable((title, *(f"{group.name}@{k}" for group, _, k in columns)), tuple(lines)))
    return made


def verdicts(result: EvalResult) -> list[str]:
    """For each pair a line that says whether training helped, and which to use."""
    lines = []
    metric = "page_recall@20" if list(_by_specificity(result.row.records)) else "ndcg@10"
    for pair in pairs(result):
        difference = pair.difference(metric)
        if difference is None:
            continue
        after, before = pair.values(metric)
        mean, _, p = difference_cells(difference)
        told = f"{metric} {sum(before) / len(before):.3f} -> {sum(after) / len(after):.3f} ({mean}, p {p})"
        if difference.p >= _SURE:
            said, use = "no sure difference by training", f"{pair.before.retriever} stays"
        elif difference.mean > 0:
            said, use = "training helped", f"use {pair.after.retriever}"
        else:
            said, use = "training hurt", f"stay with {pair.before.retriever}"
        lines.append(f"{pair.after.retriever}: {said}: {told}; {use}")
    return lines


def _line(pair: Pair, metric: str, group: Group | None = None) -> tuple[str, ...] | None:
    difference = pair.difference(metric, group)
    if difference is None:
        return None
    after, before = pair.values(metric, group)
    name = metric.removeprefix("page_")
    if group is not None:
        name = f"{name} {group.name}" + (f", spec{group.specificity}" if group.specificity else "")
    means = (f"{sum(values) / len(values):.3f}" for values in (before, after))
    return (f"· {name}", str(len(after)), *means, *difference_cells(difference))


def _by_specificity(records: Sequence[QuestionRecord]) -> Iterator[tuple[str, list[Group]]]:
    """Each specificity ("" where none is told) with its query sets and, last, all of them where they are several.

    Nothing where no query tells its set.
    """
    for specificity in sorted({_told(record, SPECIFICITY) for record in records}):
        own = [record for record in records if _told(record, SPECIFICITY) == specificity]
        sets = sorted({_told(record, QUERY_SET) for record in own} - {""})
        if sets:
            average = [Group(specificity, "")] if len(sets) > 1 else []
            yield specificity, [*(Group(specificity, name) for name in sets), *average]


def _told(record: QuestionRecord, name: str) -> str:
    return next((value for key, value in record.slices if key == name), "")


def _cell(row: RetrieverRow, before: RetrieverRow | None, metric: str, group: Group) -> str:
    figure = _mean(row, metric, group)
    return figure if before is None else f"{figure} ({_mean(before, metric, group)})"


def _mean(row: RetrieverRow, metric: str, group: Group) -> str:
    values = [record.metrics[metric] for record in row.records if group.has(record) and metric in record.metrics]
    return f"{sum(values) / len(values):.3f}" if values else "-"
