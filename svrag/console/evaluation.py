"""Results of a benchmark: tables of figures, and the remarks below them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from svrag.console.plain import out, plain, print_table

if TYPE_CHECKING:
    from svrag.evaluation.compare import Comparison
    from svrag.evaluation.result import EvalResult
    from svrag.evaluation.tables import TextTable


def print_evaluation(result: EvalResult) -> None:
    """The retrievers side by side, slice by slice, against each other, and what a reader should know."""
    from svrag.evaluation import before_after, tables
    from svrag.evaluation.pooling_curve import curve_tables

    if pooled := curve_tables(result):
        for table in pooled:
            _print_figures(table)
        for note in result.notes:
            out().print(plain(note))
        return
    variants = any(row.against for row in result.rows)
    overview = tables.rows_table(result) if variants else tables.metrics_table(result)
    by_sets = before_after.query_set_tables(result)
    trained = before_after.before_after_table(result)
    for table in (overview, *by_sets, tables.slice_table(result), tables.differences_table(result), trained):
        _print_figures(table)
    for remark in (*before_after.verdicts(result), *tables.remarks(result)):
        out().print(plain(remark))


def print_comparison(comparison: Comparison) -> None:
    """Two runs: metric by metric, with questions and with documents drawn, and what was not compared."""
    from svrag.evaluation import tables

    _print_figures(tables.comparison_table(comparison))
    _print_figures(tables.by_document_table(comparison))
    for remark in tables.comparison_remarks(comparison):
        out().print(plain(remark))


def _print_figures(table: TextTable) -> None:
    """A table whose columns but the first are figures, with long headers broken so that it fits in 80 columns."""
    if not table.rows:
        return
    first, *figures = table.header
    broken = [re.sub(r"([_,]| (?=\())", r"\1\n", name, count=1) if len(name) > 9 else name for name in figures]
    print_table((first, *broken), table.rows, right=range(1, len(table.header)))
    print()
