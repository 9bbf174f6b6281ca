"""Running a benchmark: its documents into a library, each question through the search that users call, then metrics.

There is no path of its own: what is measured is what `svrag search` and `svrag ask` return for the same question
within the same document.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from svrag import __version__
from svrag.documents.files import sha256_of
from svrag.errors import InputError
from svrag.evaluation import baselines as plain
from svrag.evaluation import levenshtein
from svrag.evaluation.answers import answer_metrics, citation_metrics
from svrag.evaluation.benchmarks import BENCHMARKS
from svrag.evaluation.collection import Collected, collect
from svrag.evaluation.journal import Journal, open_journal
from svrag.evaluation.metrics import DEPTH, Ranking
from svrag.evaluation.question import EvalQuestion, EvalSet
from svrag.evaluation.records import found, kept, nothing_found, ranking_of
from svrag.evaluation.result import EvalResult, QuestionRecord, RetrieverRow, Seconds
from svrag.generation.answer import Generator
from svrag.generation.ask import ask
from svrag.library.indexing import index_named
from svrag.library.store import Library
from svrag.retrievers.dense.encoder import load_encoder
from svrag.retrievers.dense.loading import load_single
from svrag.retrievers.dense.passages import fingerprint
from svrag.retrievers.kinds import kind_of
from svrag.retrievers.multivector.loading import load_multivector
from svrag.retrievers.sparse.encoder import load_sparse
from svrag.search.encoding import encode, load
from svrag.search.engine import retrievers_named, search
from svrag.settings import DEFAULT_ENCODER

Progress = Callable[[str, int, int], None]
Measure = Callable[[EvalQuestion, Collected], QuestionRecord]
"""One retriever's record of a question about a document that was read."""


def silent(stage: str, done: int, total: int) -> None:
    """Nobody is watching."""


def run(
    benchmark: str,
    data: Path | None = None,
    *,
    library_folder: Path | None = None,
    retrievers: Sequence[str] = ("lexical",),
    before: Sequence[str] = (),
    encoder: str = DEFAULT_ENCODER,
    generator: Generator | None = None,
    k: int = 5,
    limit: int | None = None,
    baselines: bool = False,
    resume: Path | None = None,
    also_depends_on: Mapping[str, object] | None = None,
    on_progress: Progress = silent,
) -> EvalResult:
    """Measure retrieval, and answers when there is a generator, on a benchmark.

    Without a generator only questions with gold evidence are run. In a document that cannot be read nothing is found.

    Args:
        benchmark: a name in `BENCHMARKS`.
        data: the benchmark's folder; None means where the benchmark says, if it does.
        library_folder: library to keep the documents in, which makes later runs quick; None means a temporary one.
        retrievers: each gets a row of its own over the same questions; the first is the one under test.
        before: what the first of `retrievers`, the second and so on were before they were trained; measured beside them.
        encoder: of the dense retriever. Documents are encoded before the first question, which no search pays for.
        k: pieces of evidence the generator gets.
        limit: only the first so many questions.
        baselines: also rank with plain page BM25.
        resume: file that keeps every question's record as soon as there is one; a run that finds the records of one
            that depends on the same settings, versions and data there goes on after them.
        also_depends_on: what else to note among the settings (the model behind the generator).
        on_progress: told of the stage ("documents", "vectors" where a model is asked for, then each row's name), what is
            done of it and the total.

    Raises:
        InputError: unknown benchmark or retriever, a model that cannot be used, files missing or not in the layout, a
            package missing, or `resume` is of another run.
        LibraryError: the library cannot be used.
        ServerError: the generator's server gave no answer.
    """
    started = time.perf_counter()
    if benchmark not in BENCHMARKS:
        raise InputError(f"unknown benchmark {benchmark!r}; known are {', '.join(BENCHMARKS)}")
    if limit is not None and limit < 1:
        raise InputError(f"the limit must be at least 1 question, not {limit}")
    names, trained_from = _rows_of(retrievers, before)
    if baselines:
        plain.check_installed()
    if generator is not None:
        levenshtein.check_installed()
    models = [one for one in dict.fromkeys(",".join(names).split(",")) if one != "lexical"]
    load(models, encoder=encoder)
    loaded = BENCHMARKS[benchmark](data)
    questions = [q for q in loaded.questions if generator is not None or q.has_evidence][:limit]
    if not questions:
        raise InputError(f"{loaded.files[0]} has no question with evidence")
    with library_or_temporary(library_folder) as folder, Library.open(folder) as library:
        asked = list(dict.fromkeys(question.document for question in questions))
        documents, notes, parse_seconds = collect(library, loaded, asked, on_progress)
        if models:
            _encode(library, documents, models, encoder, on_progress)
        depth = max(DEPTH, loaded.cutoff)
        measures: dict[str, Measure] = {
            retriever: partial(
                _measured,
                library=library,
                retriever=retriever,
                encoder=encoder,
                generator=generator,
                k=k,
                depth=depth,
            )
            for retriever in names
        }
        if baselines:
            measures |= _baselines(loaded, asked, depth)
        settings = {
            **what_it_depends_on(loaded, documents),
            **_model_settings(library, models, encoder),
            "retrievers": names,
            "generator": generator.name if generator is not None else None,
            "k": k,
            "limit": limit,
            **(also_depends_on or {}),
        }
        with open_journal(resume, {"benchmark": loaded.name, "baselines": baselines, **settings}) as journal:
            rows = tuple(
                RetrieverRow(
                    name,
                    records_of(name, measure, questions, documents, depth, journal, on_progress),
                    before=trained_from.get(name, ""),
                )
                for name, measure in measures.items()
            )
    return EvalResult(
        benchmark=loaded.name,
        rows=rows,
        generator=generator.name if generator is not None else "",
        seconds=Seconds(
            parse=parse_seconds,
            retrieve=sum(record.seconds for record in rows[0].records),
            generate=sum(record.answer_seconds for record in rows[0].records),
            total=time.perf_counter() - started,
        ),
        settings=settings,
        notes=(*loaded.notes, *notes),
    )


def _rows_of(retrievers: Sequence[str], before: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The names of the rows, each with what it was before right after it; and what that is, by name.

    Raises:
        InputError: a retriever is unknown, named twice, or there are more of `before`.
    """
    names = [",".join(retrievers_named(name)) for name in retrievers]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InputError(f"retriever {repeated[0]!r} is named twice")
    if len(before) > len(names):
        raise InputError(f"--before is named {len(before)} times for {len(names)} retrievers: name each with its own")
    trained_from = dict(zip(names, (",".join(retrievers_named(name)) for name in before), strict=False))
    same = next((name for name, base in trained_from.items() if name == base), None)
    if same:
        raise InputError(f"{same!r} is named as what it was before itself: name the model it was trained from")
    rows: list[str] = []
    for name in names:
        rows += [name, trained_from[name]] if name in trained_from else [name]
    return list(dict.fromkeys(rows)), trained_from


@contextlib.contextmanager
def library_or_temporary(folder: Path | None) -> Iterator[Path]:
    """`folder`, or one that is gone afterwards."""
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="svrag-eval-") as temporary:
        yield Path(temporary) / "library"


def records_of(
    row: str,
    measure: Measure,
    questions: Sequence[EvalQuestion],
    documents: Mapping[str, Collected],
    depth: int,
    journal: Journal,
    on_progress: Progress,
) -> tuple[QuestionRecord, ...]:
    """A record of each question for the row named `row`, from the journal where it has one."""
    records: list[QuestionRecord] = []
    on_progress(row, 0, len(questions))
    for question in questions:
        record = journal.get(row, question.id)
        if record is None:
            document = documents.get(question.document)
            record = nothing_found(question, depth) if document is None else measure(question, document)
            journal.put(row, record)
        records.append(record)
        on_progress(row, len(records), len(questions))
    return tuple(records)


def _measured(
    question: EvalQuestion,
    document: Collected,
    *,
    library: Library,
    retriever: str,
    encoder: str,
    generator: Generator | None,
    k: int,
    depth: int,
) -> QuestionRecord:
    """What the search that users call finds and, with a generator, what it answers."""
    within = [document.stored.id]
    result = search(library, question.question, k=depth, documents=within, retriever=retriever, encoder=encoder)
    ranking = ranking_of(result, depth, depth if question.gold_boxes else DEPTH)
    record = found(question, document, ranking, result.seconds, depth)
    if generator is None:
        return record
    began = time.perf_counter()
    _, answer = ask(
        library,
        question.question,
        k=k,
        documents=within,
        retriever=retriever,
        encoder=encoder,
        generator=generator,
    )
    return replace(
        record,
        answer=answer.text,
        said_answerable=answer.answerable,
        answer_seconds=round(time.perf_counter() - began, 4),
        citations=len(answer.citations),
        metrics={
            **record.metrics,
            **kept(answer_metrics(question, answer)),
            **kept(citation_metrics(answer, record.gold.pages, record.ranking.pages)),
        },
    )


def _baselines(loaded: EvalSet, asked: Sequence[str], depth: int) -> dict[str, Measure]:
    """Plain page BM25 by the name of its row: with the words of scanned pages read by OCR, and without.

    Where the benchmark gives the words of all documents in question, the two are one.
    """
    given = {one.document.name for one in loaded.given}
    layers: dict[str, list[str]] = {}
    indexes: dict[tuple[str, str], plain.PageBm25] = {}

    def measure(question: EvalQuestion, document: Collected, *, row: str) -> QuestionRecord:
        name = question.document
        if name not in layers:
            read = [page.text for page in document.pages]
            layers[name] = read if name in given else plain.text_layer(document.stored.source)
        if (row, name) not in indexes:
            texts = plain.with_ocr(layers[name], document.pages) if row == plain.PAGE_BM25 else layers[name]
            indexes[row, name] = plain.PageBm25(texts)
        began = time.perf_counter()
        pages = indexes[row, name].rank(question.question)[:depth]
        return found(question, document, Ranking(pages, None), time.perf_counter() - began, depth)

    rows = (plain.PAGE_BM25,) if given.issuperset(asked) else (plain.PAGE_BM25, plain.TEXT_LAYER)
    return {row: partial(measure, row=row) for row in rows}


def _encode(
    library: Library,
    documents: Mapping[str, Collected],
    models: Sequence[str],
    encoder: str,
    on_progress: Progress,
) -> None:
    """Vectors for the documents that lack them."""
    on_progress("vectors", 0, len(documents))
    for done, document in enumerate(documents.values(), start=1):
        encode(library, [document.stored], models, encoder=encoder)
        on_progress("vectors", done, len(documents))


def what_it_depends_on(loaded: EvalSet, documents: Mapping[str, Collected]) -> dict[str, object]:
    """What every figure depends on: versions and data."""
    pages = [page for document in documents.values() for page in document.pages]
    hashes = "".join(sorted(document.stored.sha256 for document in documents.values()))
    return {
        "svrag": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("pymupdf", "numpy")},
        "data": {name: sha256_of(path) for name, path in _named(loaded.files).items()},
        "documents": {
            "count": len(documents),
            "pages": len(pages),
            "pages_read_by_ocr": sum(page.ocr for page in pages),
            "sha256": hashlib.sha256(hashes.encode()).hexdigest(),
        },
    }


def _named(files: Sequence[Path]) -> dict[str, Path]:
    """Files by name, with their folder where another has the same name."""
    names = [path.name for path in files]
    return {path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}": path for path in files}


def _model_settings(library: Library, models: Sequence[str], encoder: str) -> dict[str, object]:
    """What the figures of retrievers with models depend on besides."""
    if not models:
        return {}
    settings: dict[str, object] = {}
    for package in ("torch", "transformers", "sentence-transformers"):
        with contextlib.suppress(PackageNotFoundError):  # models on servers need none of them
            settings[package] = version(package)
    if "dense" in models:
        settings |= {"encoder": encoder, "encoder_fingerprint": fingerprint(load_encoder(encoder))}
    kinds = {name: kind_of(name) for name in models if name != "dense"}
    dense = {name: fingerprint(load_single(name)) for name, kind in kinds.items() if kind == "single"}
    sparse = {name: fingerprint(load_sparse(name)) for name, kind in kinds.items() if kind == "sparse"}
    if dense or sparse:
        settings["encoders"] = dense | sparse
    several = [index_named(library, load_multivector(name).name) for name, kind in kinds.items() if kind == "multi"]
    if several:
        settings["indexes"] = [asdict(identity) for identity in several]
    return settings
