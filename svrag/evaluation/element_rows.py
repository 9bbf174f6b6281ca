"""`svrag eval spiqa|sciegqa|mmdocir --row NAME`: multi-vector models over the elements of a question's own document.

The evaluation of the element-graph project: element by element (svrag.evaluation.element_pool), without the search's
pages, fusion and mentions, once plain and once for each way of moving scores along the graph. Documents are those of
the benchmark, read here, or the pools that the project published (svrag.evaluation.published_pools). Pages are those of
the first ten elements, so `cross_page_hit` is whether these lie on all gold pages.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from svrag.errors import InputError
from svrag.evaluation.benchmarks import BENCHMARKS
from svrag.evaluation.collection import Collected, collect
from svrag.evaluation.element_pool import PLAIN, VARIANTS, Pool, best_first, read_pool, variants
from svrag.evaluation.journal import Journal, open_journal
from svrag.evaluation.metrics import DEPTH, RankedElement, Ranking, pool_metrics
from svrag.evaluation.published_pools import PublishedPools, load_pools, published_folder
from svrag.evaluation.question import EvalQuestion
from svrag.evaluation.records import found, kept, nothing_found, recorded, rounded
from svrag.evaluation.result import EvalResult, QuestionRecord, RetrieverRow, Seconds
from svrag.evaluation.runner import Progress, library_or_temporary, silent, what_it_depends_on
from svrag.library.store import Library
from svrag.retrievers.elements.rows import ROWS
from svrag.retrievers.multivector.encoder import MultiVectorEncoder
from svrag.retrievers.multivector.loading import load_multivector

MEASURED = ("spiqa", "sciegqa", "mmdocir")
"""The benchmarks whose gold evidence is boxes."""

_PUBLISHED = "element-graph"

_FIGURES_ONLY = (
    "candidates are a paper's figures and tables; published pools of SPIQA hold its captions and paragraphs too"
)


def run_rows(
    benchmark: str,
    data: Path | None = None,
    *,
    rows: Sequence[str],
    library_folder: Path | None = None,
    limit: int | None = None,
    resume: Path | None = None,
    on_progress: Progress = silent,
) -> EvalResult:
    """Measure models on a benchmark, element by element, with and without propagation.

    Args:
        benchmark: one of `MEASURED`.
        rows: published rows ("h_best_combo"), FOLDER#ROW, or any multi-vector model; the first is the one under test.
        data: folder of the benchmark, or of the published pools.
        library_folder, limit, resume, on_progress: as for `svrag.evaluation.runner.run`.

    Raises:
        InputError: no such benchmark or model, files missing or not in the layout, or `resume` is of another run.
        LibraryError: the library cannot be used.
        ServerError: a model runs on a server that gives no answer.
    """
    started = time.perf_counter()
    if benchmark not in MEASURED:
        raise InputError(
            f"--row measures elements: of the benchmarks {', '.join(MEASURED)} have boxes, not {benchmark}"
        )
    if limit is not None and limit < 1:
        raise InputError(f"the limit must be at least 1 question, not {limit}")
    if repeated := [name for name in rows if list(rows).count(name) > 1]:
        raise InputError(f"row {repeated[0]!r} is named twice")
    for name in rows:
        load_multivector(model_of(name))  # before anything that takes long
    folder = published_folder(benchmark, data)
    if folder is not None:
        pools = load_pools(folder)
        questions = pools.questions[:limit]
        depends_on = {**pools.depends_on(), **_models(rows), "limit": limit}
        with library_or_temporary(library_folder) as where, Library.open(where):
            pass  # nothing goes in: reports draw from it what is read here
        measured = _measure(benchmark, rows, questions, _Published(pools), depends_on, resume, on_progress)
        return _result(benchmark, measured, 0.0, started, depends_on, pools.notes)
    loaded = BENCHMARKS[benchmark](data)
    questions = tuple(question for question in loaded.questions if question.gold_boxes)[:limit]
    if not questions:
        raise InputError(f"{loaded.files[0]} has no question with boxes")
    with library_or_temporary(library_folder) as where, Library.open(where) as library:
        asked = list(dict.fromkeys(question.document for question in questions))
        documents, notes, parse_seconds = collect(library, loaded, asked, on_progress)
        depends_on = {**what_it_depends_on(loaded, documents), **_models(rows), "limit": limit}
        here = _ReadHere(library, documents)
        measured = _measure(loaded.name, rows, questions, here, depends_on, resume, on_progress)
    captions = (_FIGURES_ONLY,) if benchmark == "spiqa" else ()
    return _result(loaded.name, measured, parse_seconds, started, depends_on, (*loaded.notes, *captions, *notes))


def model_of(row: str) -> str:
    """The model that a row's name means, as `load_multivector` takes it."""
    return f"{_PUBLISHED}#{row}" if row in ROWS else row


class _Documents(Protocol):
    """What questions are asked of."""

    def pool(self, document: str, encoder: MultiVectorEncoder) -> Pool | None:
        """None where the document could not be read."""
        ...

    def record(self, question: EvalQuestion, ranking: Ranking | None, seconds: float) -> QuestionRecord:
        """`ranking` is None where the document could not be read."""
        ...


@dataclass(frozen=True, slots=True)
class _ReadHere:
    library: Library
    documents: Mapping[str, Collected]

    def pool(self, document: str, encoder: MultiVectorEncoder) -> Pool | None:
        known = self.documents.get(document)
        return read_pool(self.library, known.stored, encoder) if known is not None else None

    def record(self, question: EvalQuestion, ranking: Ranking | None, seconds: float) -> QuestionRecord:
        if ranking is None:
            return nothing_found(question, DEPTH)
        return found(question, self.documents[question.document], ranking, seconds, DEPTH)


@dataclass(frozen=True, slots=True)
class _Published:
    pools: PublishedPools

    def pool(self, document: str, encoder: MultiVectorEncoder) -> Pool | None:
        return self.pools.pool(document, encoder)

    def record(self, question: EvalQuestion, ranking: Ranking | None, seconds: float) -> QuestionRecord:
        gold, slices = self.pools.gold[question.id], (("document", question.document), *question.slices)
        ranking = ranking or Ranking((), ())
        return recorded(question, question.document, gold, slices, ranking, seconds, DEPTH)


def _models(rows: Sequence[str]) -> dict[str, object]:
    """What figures depend on besides the data."""
    return {
        **{name: version(name) for name in ("torch", "transformers")},
        "rows": {name: load_multivector(model_of(name)).fingerprint for name in rows},
    }


def _result(
    benchmark: str,
    measured: tuple[RetrieverRow, ...],
    parse_seconds: float,
    started: float,
    depends_on: Mapping[str, object],
    notes: tuple[str, ...],
) -> EvalResult:
    return EvalResult(
        benchmark=benchmark,
        rows=measured,
        generator="",
        seconds=Seconds(
            parse=parse_seconds,
            retrieve=sum(record.seconds for record in measured[0].records),
            generate=0.0,
            total=time.perf_counter() - started,
        ),
        settings=depends_on,
        notes=notes,
    )


def _measure(
    benchmark: str,
    rows: Sequence[str],
    questions: Sequence[EvalQuestion],
    documents: _Documents,
    depends_on: Mapping[str, object],
    resume: Path | None,
    on_progress: Progress,
) -> tuple[RetrieverRow, ...]:
    with open_journal(resume, {"benchmark": benchmark, **depends_on}) as journal:
        return tuple(each for name in rows for each in _rows_of(name, questions, documents, journal, on_progress))


def _rows_of(
    name: str, questions: Sequence[EvalQuestion], documents: _Documents, journal: Journal, on_progress: Progress
) -> list[RetrieverRow]:
    """One row plain, and one for each variant; each document is encoded once, and not at all where the journal has all."""
    titles = {variant: f"{name} + {variant}" if variant else name for variant in VARIANTS}
    records: dict[tuple[str, str], QuestionRecord] = {}
    done = 0
    on_progress(name, 0, len(questions))
    for document in dict.fromkeys(question.document for question in questions):
        own = [question for question in questions if question.document == document]
        kept_before = {(v, q.id): journal.get(titles[v], q.id) for v in VARIANTS for q in own}
        for (variant, id), record in kept_before.items():
            if record is not None:
                records[variant, id] = record
        missing = [question for question in own if any(kept_before[v, question.id] is None for v in VARIANTS)]
        if missing:
            encoder = load_multivector(model_of(name))
            for variant, record in _measured(missing, document, documents, encoder):
                records[variant, record.question.id] = record
                if kept_before[variant, record.question.id] is None:
                    journal.put(titles[variant], record)
        done += len(own)
        on_progress(name, done, len(questions))
    return [
        RetrieverRow(
            titles[variant],
            tuple(records[variant, question.id] for question in questions),
            against=titles[PLAIN] if variant else "",
        )
        for variant in VARIANTS
    ]


def _measured(
    questions: Sequence[EvalQuestion], document: str, documents: _Documents, encoder: MultiVectorEncoder
) -> list[tuple[str, QuestionRecord]]:
    """The records of questions on one document, with the variant each is of."""
    pool = documents.pool(document, encoder)
    if pool is None:
        return [
            (variant, _with_pool_metrics(documents.record(q, None, 0.0))) for q in questions for variant in VARIANTS
        ]
    ways = variants(pool)
    asked = encoder.questions([question.question for question in questions])
    records = []
    for question, query in zip(questions, asked, strict=True):
        began = time.perf_counter()
        scores = pool.scores(query.vectors)
        seconds = time.perf_counter() - began
        for variant, move in ways.items():
            record = documents.record(question, _ranking(pool, best_first(move(scores))), seconds)
            records.append((variant, _with_pool_metrics(record)))
    return records


def _ranking(pool: Pool, order: Sequence[int]) -> Ranking:
    first = [pool.elements[n] for n in order[:DEPTH]]
    elements = tuple(RankedElement(e.id, e.type, e.page, rounded(e.box)) for e in first)
    return Ranking(tuple(dict.fromkeys(element.page for element in elements if element.page)), elements)


def _with_pool_metrics(record: QuestionRecord) -> QuestionRecord:
    elements = record.ranking.elements or ()
    return replace(record, metrics={**record.metrics, **kept(pool_metrics(elements, record.gold))})
