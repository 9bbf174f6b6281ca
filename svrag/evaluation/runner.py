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
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from svrag import __version__
from svrag.documents.files import sha256_of
from svrag.documents.model import Page, Region
from svrag.errors import InputError
from svrag.evaluation import baselines as plain
from svrag.evaluation import demo, mmlongbench
from svrag.evaluation.answers import answer_metrics
from svrag.evaluation.metrics import DEPTH, Gold, RankedElement, Ranking, question_metrics
from svrag.evaluation.question import EvalQuestion, EvalSet
from svrag.evaluation.result import EvalResult, QuestionRecord, RetrieverRow, Seconds
from svrag.generation.answer import Generator
from svrag.generation.ask import ask
from svrag.library.ingest import AddEvent, add_paths
from svrag.library.store import Library, StoredDocument
from svrag.search.engine import search
from svrag.search.result import SearchResult

BENCHMARKS = {"mmlongbench": mmlongbench.load, "demo": demo.load}
_NOTHING = Ranking((), ())


@dataclass(frozen=True, slots=True)
class _Document:
    """A document of the benchmark in the library."""

    stored: StoredDocument
    pages: tuple[Page, ...]


def _silent(stage: str, done: int, total: int) -> None:
    """Nobody is watching."""


def run(
    benchmark: str,
    data: Path | None = None,
    *,
    library_folder: Path | None = None,
    retriever: str = "lexical",
    generator: Generator | None = None,
    k: int = 5,
    limit: int | None = None,
    baselines: bool = False,
    on_progress: Callable[[str, int, int], None] = _silent,
) -> EvalResult:
    """Measure retrieval, and answers when there is a generator, on a benchmark.

    Without a generator only questions with gold evidence are run. In a document that cannot be read nothing is found.

    Args:
        benchmark: a name in `BENCHMARKS`.
        data: the benchmark's folder; None means where the benchmark says, if it does.
        library_folder: library to keep the documents in, which makes later runs quick; None means a temporary one.
        k: pieces of evidence the generator gets.
        limit: only the first so many questions.
        baselines: also rank with plain page BM25.
        on_progress: told of the stage ("documents", "questions"), what is done of it and the total.

    Raises:
        InputError: unknown benchmark or retriever, files missing or not in the layout, bm25s missing.
        LibraryError: the library cannot be used.
        ServerError: the generator's server gave no answer.
    """
    started = time.perf_counter()
    if benchmark not in BENCHMARKS:
        raise InputError(f"unknown benchmark {benchmark!r}; known are {', '.join(BENCHMARKS)}")
    if limit is not None and limit < 1:
        raise InputError(f"the limit must be at least 1 question, not {limit}")
    if baselines:
        plain.check_installed()
    loaded = BENCHMARKS[benchmark](data)
    questions = [q for q in loaded.questions if generator is not None or q.usable_for_pages or q.gold_boxes][:limit]
    if not questions:
        raise InputError(f"{loaded.files[0]} has no question with evidence")
    with _library(library_folder) as library:
        documents, notes, parse_seconds = _documents(library, loaded.documents, questions, on_progress)
        records: list[QuestionRecord] = []
        generate_seconds = 0.0
        on_progress("questions", 0, len(questions))
        for question in questions:
            document = documents.get(question.document)
            record = _searched(library, question, document, retriever)
            if generator is not None:
                began = time.perf_counter()
                record = _answered(library, record, document, retriever, generator, k)
                generate_seconds += time.perf_counter() - began
            records.append(record)
            on_progress("questions", len(records), len(questions))
        others = _baselines(records, documents) if baselines else ()
    return EvalResult(
        benchmark=loaded.name,
        row=RetrieverRow(retriever, tuple(records)),
        baselines=others,
        generator=generator.name if generator is not None else "",
        seconds=Seconds(
            parse=parse_seconds,
            retrieve=sum(record.seconds for record in records),
            generate=generate_seconds,
            total=time.perf_counter() - started,
        ),
        settings=_settings(loaded, documents, k, limit),
        notes=(*loaded.notes, *notes),
    )


@contextlib.contextmanager
def _library(folder: Path | None) -> Iterator[Library]:
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="svrag-eval-"))) / "library"
        yield stack.enter_context(Library.open(folder))


def _documents(
    library: Library, folder: Path, questions: Sequence[EvalQuestion], on_progress: Callable[[str, int, int], None]
) -> tuple[dict[str, _Document], list[str], float]:
    """The documents of `questions` by file name, notes on those that could not be read, and the seconds it took."""
    names = list(dict.fromkeys(question.document for question in questions))
    done = 0

    def step(event: AddEvent) -> None:
        nonlocal done
        done += event.status != "reading"
        on_progress("documents", done, len(names))

    report = add_paths(library, [folder / name for name in names], on_event=step)
    skipped = {entry.path.name: entry.reason for entry in report.skipped}
    documents: dict[str, _Document] = {}
    for name in names:
        stored = library.with_hash(sha256_of(folder / name)) if name not in skipped else None
        if stored is not None:
            documents[name] = _Document(stored, tuple(library.pages(stored.id)))
    return documents, [f"{name} was not read: {reason}" for name, reason in skipped.items()], report.seconds


def _searched(library: Library, question: EvalQuestion, document: _Document | None, retriever: str) -> QuestionRecord:
    """The question's record without an answer."""
    gold = _gold(question, document)
    ranking, seconds = _NOTHING, 0.0
    if document is not None:
        result = search(library, question.question, k=DEPTH, documents=[document.stored.id], retriever=retriever)
        ranking, seconds = _ranking(result), result.seconds
    return QuestionRecord(
        question=question,
        gold=gold,
        slices=(("document", question.document), *question.slices, *_text_slice(gold, document)),
        ranking=ranking,
        metrics=question_metrics(ranking, gold),
        seconds=seconds,
    )


def _gold(question: EvalQuestion, document: _Document | None) -> Gold:
    """The gold evidence on the pages as they were read; what lies beyond the last page is a wrong label."""
    pages = frozenset(question.evidence_pages if question.usable_for_pages else ())
    if document is None:
        return Gold(pages, tuple(Region(box.page, box.box) for box in question.gold_boxes))
    by_number = {page.number: page for page in document.pages}
    boxes = tuple(box.on(by_number[box.page]) for box in question.gold_boxes if box.page in by_number)
    return Gold(pages if pages <= by_number.keys() else frozenset(), boxes)


def _text_slice(gold: Gold, document: _Document | None) -> tuple[tuple[str, str], ...]:
    """Whether the evidence, or some of it, is on a page without a text layer."""
    numbers = gold.pages | {region.page for region in gold.boxes}
    if document is None or not numbers:
        return ()
    scanned = any(page.ocr or not page.text.strip() for page in document.pages if page.number in numbers)
    return (("page_text", "scanned" if scanned else "text layer"),)


def _ranking(result: SearchResult) -> Ranking:
    return Ranking(
        pages=tuple(hit.page for hit in result.pages),
        elements=tuple(
            RankedElement(hit.element.id, hit.element.type, hit.element.page, hit.element.box) for hit in result.hits
        ),
    )


def _answered(
    library: Library,
    record: QuestionRecord,
    document: _Document | None,
    retriever: str,
    generator: Generator,
    k: int,
) -> QuestionRecord:
    """The record with the generator's answer and its metrics; a document that was not read has no answer."""
    question = record.question
    if document is None:
        return record
    _, answer = ask(
        library, question.question, k=k, documents=[document.stored.id], retriever=retriever, generator=generator
    )
    return replace(
        record,
        answer=answer.text,
        said_answerable=answer.answerable,
        metrics={**record.metrics, **answer_metrics(question, answer)},
    )


def _baselines(records: Sequence[QuestionRecord], documents: Mapping[str, _Document]) -> tuple[RetrieverRow, ...]:
    """Plain page BM25 on the same questions: with the words of scanned pages read by OCR, and without."""
    layers = {name: plain.text_layer(document.stored.source) for name, document in documents.items()}
    texts = {name: plain.with_ocr(layers[name], document.pages) for name, document in documents.items()}
    rows = []
    for label, pages in ((plain.PAGE_BM25, texts), (plain.TEXT_LAYER, layers)):
        indexes = {name: plain.PageBm25(text) for name, text in pages.items()}
        ranked = []
        for record in records:
            index = indexes.get(record.question.document)
            began = time.perf_counter()
            ranking = Ranking(index.rank(record.question.question) if index else (), None)
            ranked.append(
                replace(
                    record,
                    ranking=ranking,
                    metrics=question_metrics(ranking, record.gold),
                    seconds=time.perf_counter() - began,
                    answer=None,
                    said_answerable=None,
                )
            )
        rows.append(RetrieverRow(label, tuple(ranked)))
    return tuple(rows)


def _settings(loaded: EvalSet, documents: Mapping[str, _Document], k: int, limit: int | None) -> dict[str, object]:
    """What the figures depend on."""
    pages = [page for document in documents.values() for page in document.pages]
    hashes = "".join(sorted(document.stored.sha256 for document in documents.values()))
    return {
        "svrag": __version__,
        "python": platform.python_version(),
        "pymupdf": version("pymupdf"),
        "k": k,
        "limit": limit,
        "data": {path.name: sha256_of(path) for path in loaded.files},
        "documents": {
            "count": len(documents),
            "pages": len(pages),
            "pages_read_by_ocr": sum(page.ocr for page in pages),
            "sha256": hashlib.sha256(hashes.encode()).hexdigest(),
        },
    }
