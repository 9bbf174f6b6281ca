"""A run, or two runs compared, as a report: report.md with the tables, report.html with plots and pages besides.

The HTML is one file that needs no network. All that comes from documents, questions and answers is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from svrag.evaluation import before_after, plots, pooling_curve, tables
from svrag.evaluation.compare import Comparison
from svrag.evaluation.report_html import Section, page, worst_html
from svrag.evaluation.result import EvalResult, QuestionRecord
from svrag.evaluation.tables import TextTable, markdown, markdown_text
from svrag.evaluation.worst import worst_questions, worst_records
from svrag.library.store import Library
from svrag.output import unwritable, write_text

_SLICED_PLOTS = ("page_hit@1", "element_recall@5", "ndcg@10", "anls")
_MOST_SLICED_PLOTS = 2


def write_report(result: EvalResult, library_folder: Path, folder: Path) -> None:
    """Write report.md and report.html on `result` into `folder`; pages are drawn from the library's copies.

    Raises:
        InputError: matplotlib is missing, or the folder cannot be written to.
        LibraryError: the library cannot be read.
    """
    with Library.open(library_folder, create=False) as library:
        worst = worst_questions(result.row, library)
    title = f"{result.benchmark}: {result.row.retriever}"
    documents = len({record.question.document for record in result.row.records})
    lead = f"{len(result.row.records)} questions on {documents} document{'s' if documents > 1 else ''}"
    if result.generator:
        lead += f", answers by {result.generator}"
    means = result.row.means()
    sliced = [metric for metric in _SLICED_PLOTS if metric in means][:_MOST_SLICED_PLOTS]
    variants = any(row.against for row in result.rows)
    if pooled := pooling_curve.curves(result):
        plot = plots.lines("Token vectors pooled", "so many became one", pooling_curve.METRIC, pooled)
        first = Section("Pooling", pooling_curve.curve_tables(result), [plot])
    else:
        overview = tables.rows_table(result) if variants else tables.metrics_table(result)
        first = Section("Retrievers", [overview], [plots.recall_curves(result)])
    sections = [
        first,
        Section("By query set", before_after.query_set_tables(result)),
        Section(
            "Before and after training", [before_after.before_after_table(result)], (), before_after.verdicts(result)
        ),
        Section("Against each other", [] if pooled else [tables.differences_table(result)]),
        Section("Slices", [tables.slice_table(result)], [plots.slice_bars(result, metric) for metric in sliced]),
        Section("Time", [_seconds_table(result)], [plots.latency(result)]),
        Section("Worst questions", [], extra=worst_html(worst)),
        Section("Settings", [_settings_table(result)], lines=result.notes),
    ]
    worst_section = Section("Worst questions", [_worst_table(worst_records(result.row))])
    _write(folder / "report.html", page(title, lead, sections))
    in_markdown = [worst_section if section.extra else section for section in sections]
    _write(folder / "report.md", _markdown(title, lead, in_markdown))


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write report.md and report.html on `comparison` into `folder`.

    Raises:
        InputError: matplotlib is missing, or the folder cannot be written to.
    """
    title = f"{comparison.benchmark}: two runs"
    lead = f"{comparison.questions} questions on {comparison.documents} documents that both have"
    compared = [metric for metric in _SLICED_PLOTS if metric in comparison.metrics][:_MOST_SLICED_PLOTS]
    slice_tables = [tables.comparison_slice_table(comparison, metric) for metric in compared]
    sections = [
        Section(
            "Differences",
            [tables.comparison_table(comparison), tables.by_document_table(comparison)],
            [plots.differences(comparison, tables.SHOWN)],
            tables.comparison_remarks(comparison),
        ),
        Section("Slices", slice_tables, [plots.slice_differences(comparison, metric) for metric in compared]),
    ]
    _write(folder / "report.html", page(title, lead, sections))
    _write(folder / "report.md", _markdown(title, lead, sections))


def _markdown(title: str, lead: str, sections: Sequence[Section]) -> str:
    parts = [f"# {markdown_text(title)}", markdown_text(lead)]
    for section in sections:
        shown = [table for table in section.tables if table.rows]
        if shown or section.lines:
            parts += [f"## {section.title}", *map(markdown, shown)]
            if section.lines:
                parts.append("\n".join(f"- {markdown_text(line)}" for line in section.lines))
    return "\n\n".join(parts) + "\n"


def _seconds_table(result: EvalResult) -> TextTable:
    rows = []
    for row in result.rows:
        median, high = row.search_seconds()
        rows.append((row.retriever, f"{1000 * median:.1f}", f"{1000 * high:.1f}"))
    return TextTable(("a search, in milliseconds", "median", "95 %"), tuple(rows))


def _worst_table(records: Sequence[QuestionRecord]) -> TextTable:
    return TextTable(
        ("question", "document", "gold pages", "pages found", "reciprocal rank"),
        tuple(
            (
                record.question.question,
                record.question.document,
                ", ".join(map(str, sorted(record.gold.pages))),
                ", ".join(map(str, record.ranking.pages[:5])),
                f"{record.metrics['mrr']:.3f}",
            )
            for record in records
        ),
    )


def _settings_table(result: EvalResult) -> TextTable:
    return TextTable(("setting", "value"), tuple(_flat("", result.settings)))


def _flat(prefix: str, settings: object) -> list[tuple[str, str]]:
    if isinstance(settings, dict):
        return [line for name, value in settings.items() for line in _flat(f"{prefix} {name}".strip(), value)]
    return [(prefix, ", ".join(map(str, settings)) if isinstance(settings, list) else str(settings))]


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from None
    write_text(path, text)
