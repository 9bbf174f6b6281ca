"""An evaluation as tables of text: retrievers side by side, slice by slice, difference by difference.

What a table looks like in a terminal, in Markdown or in HTML is decided there; all fit in 80 columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from svrag.evaluation import answers
from svrag.evaluation.bootstrap import RESAMPLES, Difference
from svrag.evaluation.compare import Compared, Comparison
from svrag.evaluation.result import (
    ABSTENTION_F1,
    CITATION_PRECISION,
    MMLONGBENCH_F1,
    EvalResult,
    RetrieverRow,
    means_of,
)
from svrag.evaluation.text_sets import SET

SHOWN = (
    "page_hit@1",
    "page_hit@3",
    "page_hit@5",
    "page_hit@10",
    "page_recall@5",
    "page_recall@20",
    "page_recall@100",
    "page_precision@1",
    "page_precision@5",
    "mrr",
    "ndcg@10",
    "cross_page_hit",
    "element_recall@1",
    "element_recall@5",
    "element_recall@10",
    *answers.NAMES,
    MMLONGBENCH_F1,
    ABSTENTION_F1,
    CITATION_PRECISION,
)
"""The metrics of the first table."""

_COUNTED_BY = {
    MMLONGBENCH_F1: "mmlongbench_score",
    ABSTENTION_F1: "mmlongbench_score",
    CITATION_PRECISION: "citation_on_gold_page",
}
"""What is no mean: the metric of the questions that it is taken over."""

_OF_ELEMENTS = {
    "R@1": "element_recall@1",
    "R@5": "element_recall@5",
    "R@10": "element_recall@10",
    "Hit@5": "element_hit@5",
    "Cov@5": "coverage@5",
    "Set@10": "perfect@10",
    "MRR": "element_mrr",
    "cross": "cross_page_hit",
}
"""Columns of the table of rows over elements."""

_SLICED = ("page_hit@1", "page_hit@5", "element_recall@5", "mmlongbench_score", "anls", "ndcg@10")
_COMPARED_HEADER = ("n", "first", "second", "diff.", "95 %", "p")
_MOST_SLICED = 4  # figures that fit beside a slice's name


class TextTable(NamedTuple):
    """A table for people: the first column is text, the others are figures."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def metrics_table(result: EvalResult) -> TextTable:
    """A line per metric of `SHOWN` that was measured: over how many questions, and every retriever's mean.

    The 95 % interval is the first retriever's.
    """
    means = [row.means() for row in result.rows]
    intervals = result.row.intervals()
    lines = []
    for name in SHOWN:
        if name in means[0]:
            low_high = _interval(*intervals[name]) if name in intervals else "-"
            figures = [_figure(mean.get(name)) for mean in means]
            count = len(result.row.values(_COUNTED_BY.get(name, name)))
            lines.append((name, str(count), figures[0], low_high, *figures[1:]))
    first, *others = (row.retriever for row in result.rows)
    return TextTable(("metric", "n", first, "95 %", *others), tuple(lines))


def rows_table(result: EvalResult) -> TextTable:
    """A line per row, for rows that rank elements with and without propagation; variants below the row they are of."""
    lines = []
    for row in result.rows:
        means = row.means()
        lines.append(
            (
                row.retriever.removeprefix(row.against).strip(),
                *(_figure(means.get(metric)) for metric in _OF_ELEMENTS.values()),
            )
        )
    return TextTable(("row", *_OF_ELEMENTS), tuple(lines))


def slice_table(result: EvalResult) -> TextTable:
    """The first retriever's metrics slice by slice; documents, of which there may be many, are left to the JSON."""
    overall = result.row.means()
    shown = [name for name in _SLICED if name in overall][:_MOST_SLICED]
    lines = []
    for name, values in result.row.by_slice().items():
        if name == "document":
            continue
        lines.append((name, *("" for _ in range(len(shown) + 1))))
        for value, records in values.items():
            means = means_of(records)
            lines.append((f"· {value}", str(len(records)), *(_figure(means.get(metric)) for metric in shown)))
    return TextTable(("slice", "n", *shown), tuple(lines))


def differences_table(result: EvalResult) -> TextTable:
    """The first retriever against each of the others, or a row against its variants: a line per metric that both have."""
    several = len({result.base_of(other).retriever for other in result.rows[1:]}) > 1
    lines = []
    for other in result.rows[1:]:
        for name, difference in result.base_of(other).compared_with(other).items():
            if not other.against or name in _OF_ELEMENTS.values():
                title = other.retriever if several else other.retriever.removeprefix(other.against).strip()
                lines.append((f"{name} - {title}", *difference_cells(difference)))
    first = "the first row, or the plain one," if several else result.row.retriever
    return TextTable((f"{first} against", "difference", "95 %", "p"), tuple(lines))


def difference_cells(difference: Difference) -> tuple[str, str, str]:
    """Mean, interval and p, as they stand in every table."""
    interval = f"{difference.low:+.3f} to {difference.high:+.3f}"
    return f"{difference.mean:+.3f}", interval, f"{difference.p:.3f}" if difference.p >= 0.001 else "< 0.001"


def remarks(result: EvalResult) -> list[str]:
    """Lines for under the tables: how long a search took, and the notes."""
    lines = []
    for row in (row for row in result.rows if not row.against):
        median, high = row.search_seconds()
        lines.append(f"{row.retriever}: a search took {1000 * median:.1f} ms (median), {1000 * high:.1f} ms (95 %)")
    lines += [line for row in result.rows if (line := _mean_of_sets(row))]
    return [*lines, *result.notes]


def _mean_of_sets(row: RetrieverRow) -> str:
    """What is published of sets of sets: each counts alike, however many questions it has."""
    means = [means_of(records) for records in row.by_slice().get(SET, {}).values()]
    if not means:
        return ""
    told = [
        f"{name} {sum(one[name] for one in means) / len(means):.3f}" for name in ("ndcg@10", "mrr", "page_recall@20")
    ]
    return f"{row.retriever}: means of the {len(means)} sets' own means: {', '.join(told)}"


def _interval(low: float, high: float) -> str:
    return f"{low:.3f}-{high:.3f}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def markdown(table: TextTable) -> str:
    """GitHub-flavoured Markdown. Cells are taken as text: nothing in them is markup."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(map(markdown_text, cells)) + " |"

    rule = "|---|" + "---:|" * (len(table.header) - 1)
    return "\n".join([line(table.header), rule, *map(line, table.rows)])


def markdown_text(text: str) -> str:
    """`text` on one line that Markdown shows as it is, HTML in it included."""
    escaped = "".join(f"\\{character}" if character in "\\`*_[]<>|#~$" else character for character in text)
    return " ".join(escaped.replace("&", "&amp;").split())


def comparison_table(comparison: Comparison) -> TextTable:
    """A line per metric of `SHOWN` that both runs have."""
    lines = [_compared_line(name, comparison.metrics[name]) for name in SHOWN if name in comparison.metrics]
    return TextTable(("metric", *_COMPARED_HEADER), tuple(lines))


def by_document_table(comparison: Comparison) -> TextTable:
    """The same differences with whole documents drawn, which is wider where a document's questions go together."""
    lines = [
        (name, *difference_cells(difference))
        for name in SHOWN
        if name in comparison.metrics and (difference := comparison.metrics[name].by_document) is not None
    ]
    return TextTable(("documents drawn", "diff.", "95 %", "p"), tuple(lines))


def comparison_slice_table(comparison: Comparison, metric: str) -> TextTable:
    """Slice by slice, how the two runs differ in `metric`."""
    lines: list[tuple[str, ...]] = []
    for name, values in comparison.by.items():
        compared = {value: metrics[metric] for value, metrics in values.items() if metric in metrics}
        if compared:
            lines.append((name, *("" for _ in _COMPARED_HEADER)))
            lines += [_compared_line(f"· {value}", one) for value, one in compared.items()]
    return TextTable((metric, *_COMPARED_HEADER), tuple(lines))


def _compared_line(name: str, one: Compared) -> tuple[str, ...]:
    first, second = one.means
    return (name, str(one.questions), f"{first:.3f}", f"{second:.3f}", *difference_cells(one.difference))


def comparison_remarks(comparison: Comparison) -> list[str]:
    """Lines for under the tables: which run is which, what is not compared."""
    first, second = comparison.names
    lines = [
        f"first: {first}",
        f"second: {second}",
        f"{comparison.questions} questions on {comparison.documents} documents in both; diff. is first - second, "
        f"its interval and p from {RESAMPLES} paired resamples of questions, and of whole documents",
    ]
    for name, ids in zip(comparison.names, comparison.only, strict=True):
        if ids:
            some = ", ".join(ids[:3]) + (", ..." if len(ids) > 3 else "")
            lines.append(f"only in {name}, not compared: {len(ids)} questions ({some})")
    return [*lines, *comparison.notes]
