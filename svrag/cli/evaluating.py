"""eval: measuring on a benchmark, and the comparison of two results."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from svrag.cli.options import Commands, command, common
from svrag.cli.status import DONE
from svrag.errors import InputError
from svrag.output import check_folder_of, write_text
from svrag.settings import Settings

if TYPE_CHECKING:
    from svrag.evaluation.result import EvalResult
    from svrag.evaluation.runner import Progress

# What svrag.evaluation.benchmarks knows, named here too so that `svrag --help` need not import it.
BENCHMARKS = {
    "mmlongbench": "MMLongBench-Doc: questions on long PDFs, evidence pages, MMDocIR's boxes",
    "mmdocir": "MMDocIR: pages and layout boxes in long PDFs",
    "financebench": "FinanceBench: questions on 10-K reports, evidence pages",
    "slidevqa": "SlideVQA: questions on slide decks, evidence slides",
    "spiqa": "SPIQA test-A: which figure or table of a paper holds the answer",
    "sciegqa": "SciEGQA: questions on papers, evidence in several boxes",
    "ohr_bench": "OHR-Bench: questions on PDFs given as page texts",
    "beir": "a text set in BEIR's layout: SciFact, LitSearch, Cranfield, FiQA",
    "nanobeir": "NanoBEIR: one or all of 13 small text sets",
    "litsearch": "LitSearch: questions for papers, by query set and specificity",
    "demo": "the demo documents of this repository",
}

WITH_ROWS = ("spiqa", "sciegqa", "mmdocir")
"""Those of svrag.evaluation.element_rows."""

TEXT_SETS = ("beir", "nanobeir", "litsearch")
"""Those whose texts are pages (svrag.evaluation.text_sets)."""


def register(commands: Commands) -> None:
    """`svrag eval BENCHMARK` and `svrag eval compare`."""
    evaluate = commands.add_parser("eval", parents=[common()], help="measure retrieval and answers on a benchmark")
    actions = evaluate.add_subparsers(metavar="BENCHMARK", required=True)
    _benchmarks(actions)
    compare = command(
        actions, "compare", _compare, "two results of one benchmark, question by question: differences, intervals, p"
    )
    compare.add_argument("first", metavar="A.json", type=Path, help="a file that --json wrote")
    compare.add_argument("second", metavar="B.json", type=Path)
    compare.add_argument("--json", metavar="OUT", type=Path, help="write all differences, by slice too")
    compare.add_argument("--report", metavar="DIR", type=Path, help="write report.md and report.html there")


def _benchmarks(commands: Commands) -> None:
    for name, about in BENCHMARKS.items():
        shared = common(several_retrievers=True)
        benchmark = commands.add_parser(name, parents=[shared], help=about, description=about)
        benchmark.set_defaults(run=_eval, benchmark=name, retrievers=None, rows=None, pool_curve=False)
        add = benchmark.add_argument
        add("--data", metavar="DIR", type=Path, help="folder of the benchmark")
        was = "what a retriever was before its training, for a table of both with a paired test; repeatable, in the order"
        add("--before", metavar="NAME", action="append", default=[], help=f"{was} of --retriever")
        add("--json", metavar="OUT", type=Path, help="write the result with every question's record")
        add("--report", metavar="DIR", type=Path, help="write report.md and report.html there")
        add("--resume", metavar="FILE", type=Path, help="keep records there as they come, and go on after them")
        add("--limit", metavar="N", type=int, help="only the first N questions")
        add("--answers", action="store_true", help="also let the generator answer")
        add("--baselines", action="store_true", help="plain page BM25 in the same run (needs bm25s)")
        if name in TEXT_SETS:
            pooled = "ndcg@10 of a multi-vector model with token vectors pooled 1 to 6 fold, in three ways"
            add("--pool-curve", action="store_true", help=pooled)
        if name in WITH_ROWS:
            rows = (
                "rank elements with a row of the published element-graph encoder (h_best_combo), FOLDER#ROW or any "
                "multi-vector model, with and without propagation along the graph; repeatable"
            )
            add("--row", metavar="NAME", action="append", dest="rows", help=rows)


def _eval(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.console.evaluation import print_evaluation
    from svrag.console.progress import evaluation_progress
    from svrag.evaluation.result_json import to_json, written
    from svrag.evaluation.runner import library_or_temporary

    _check_outputs(options)
    with library_or_temporary(Path(settings.library) if settings.library else None) as folder:
        with evaluation_progress() as on_progress:
            result = _measured(options, settings, folder, on_progress)
        print_evaluation(result)
        if options.json:
            write_text(options.json, written(to_json(result)))
        if options.report:
            from svrag.evaluation.report import write_report

            write_report(result, folder, options.report)
    return DONE


def _measured(options: argparse.Namespace, settings: Settings, folder: Path, on_progress: Progress) -> EvalResult:
    """What was asked for: retrievers through the search, or rows over elements."""
    from svrag.evaluation.runner import run
    from svrag.generation.select import generator_named

    if options.rows:
        from svrag.evaluation.element_rows import run_rows

        if options.retrievers or options.before or options.answers or options.baselines:
            raise InputError("--row ranks elements by itself: leave out --retriever, --before, --answers, --baselines")
        return run_rows(
            options.benchmark,
            options.data,
            rows=options.rows,
            library_folder=folder,
            limit=options.limit,
            resume=options.resume,
            on_progress=on_progress,
        )
    if options.pool_curve:
        from svrag.evaluation.pooling_curve import pooling_curve

        if options.before or options.answers or options.baselines:
            raise InputError("--pool-curve measures pooling alone: leave out --before, --answers and --baselines")
        return pooling_curve(
            options.benchmark,
            options.data,
            retrievers=options.retrievers or [settings.retriever],
            library_folder=folder,
            limit=options.limit,
            resume=options.resume,
            on_progress=on_progress,
        )
    generator = generator_named(settings) if options.answers else None
    return run(
        options.benchmark,
        options.data,
        library_folder=folder,
        retrievers=options.retrievers or [settings.retriever],
        before=options.before,
        encoder=settings.encoder,
        generator=generator,
        k=settings.k,
        limit=options.limit,
        baselines=options.baselines,
        resume=options.resume,
        also_depends_on={"model": settings.openai_model} if options.answers else None,
        on_progress=on_progress,
    )


def _compare(options: argparse.Namespace, settings: Settings) -> int:
    from svrag.console.evaluation import print_comparison
    from svrag.evaluation.compare import compare
    from svrag.evaluation.result_json import load, written

    _check_outputs(options)
    first, second = load(options.first), load(options.second)
    comparison = compare(first, second, (str(options.first), str(options.second)))
    print_comparison(comparison)
    if options.json:
        write_text(options.json, written(comparison.to_json()))
    if options.report:
        from svrag.evaluation.report import write_comparison

        write_comparison(comparison, options.report)
    return DONE


def _check_outputs(options: argparse.Namespace) -> None:
    """Before anything that takes long: what was asked for can be written."""
    if options.json:
        check_folder_of(options.json)
    if options.report:
        from svrag.evaluation.plots import check_installed

        check_installed()
        try:
            options.report.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write to {options.report}: {error.strerror}") from None
