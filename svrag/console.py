"""What the command line prints: progress, tables, answers, and the JSON that other programs read.

Knows the results of every part and nothing of how they come about. Everything that comes out of a document is printed
as plain text: no markup of it is interpreted, and control characters are dropped.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid
from rich.text import Text

from svrag.documents.model import Box, Document
from svrag.errors import InputError
from svrag.text import shortened, without_control

if TYPE_CHECKING:
    from svrag.evaluation.compare import Comparison
    from svrag.evaluation.result import EvalResult
    from svrag.evaluation.tables import TextTable
    from svrag.generation.answer import Answer
    from svrag.graph.model import ElementGraph
    from svrag.library.encoders import MadeVectors
    from svrag.library.indexing import MadeIndex
    from svrag.library.ingest import AddEvent, AddReport
    from svrag.library.store import Library, StoredDocument
    from svrag.search.explain import Explanation
    from svrag.search.result import SearchResult
    from svrag.training.run import TrainResult

_WIDE, _LEAST_TEXT = 500, 20  # characters


def out() -> Console:
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def plain(text: str, width: int | None = None) -> Text:
    """`text` on one line, safe to print, cut to `width` characters."""
    line = " ".join(without_control(text).split())
    return Text(line if width is None else shortened(line, width))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Rows below their header; columns in `right` end flush. In a terminal the last column is cut where the line ends.

    In a file or a pipe nothing is cut: a figure or an id cut off is worse than a long line.
    """
    terminal = out()
    cells = [[plain(cell) for cell in row] for row in rows]
    if terminal.is_terminal:
        widths = [max(cell.cell_len for cell in column) for column in zip(*cells, map(Text, header), strict=True)]
        room = max(_LEAST_TEXT, terminal.width - sum(widths[:-1]) - 2 * (len(header) - 1))
        for row in cells:
            row[-1].truncate(room, overflow="ellipsis")
    grid = Grid(box=None, pad_edge=False)
    for i, name in enumerate(header):
        grid.add_column(name, justify="right" if i in right else "left", no_wrap=True)
    for row in cells:
        grid.add_row(*row)
    Console(file=sys.stdout, highlight=False, width=max(_WIDE, terminal.width)).print(grid)


# Adding files --------------------------------------------------------------------------------------------------------


@dataclass
class AddProgress:
    """A bar per file while it is read, on stderr; silent where stderr is no terminal."""

    quiet: bool = False
    _bars: dict[Path, TaskID] = field(default_factory=dict)

    def __enter__(self) -> AddProgress:
        console = Console(file=sys.stderr)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("pages"),
            TimeElapsedColumn(),
            console=console,
            transient=self.quiet,
            disable=not console.is_terminal,
        )
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def event(self, event: AddEvent) -> None:
        if event.path not in self._bars:
            self._bars[event.path] = self._progress.add_task(plain(event.path.name, 40).plain, total=None)
        bar = self._bars[event.path]
        if event.status == "reading":
            self._progress.update(bar, completed=event.done_pages, total=event.total_pages or None)
        else:
            self._progress.update(bar, description=f"{plain(event.path.name, 40).plain} {event.status}")
            self._progress.stop_task(bar)


@contextmanager
def encoding_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each document while it is encoded, on stderr, gone as soon as all are: the answer may be streaming."""
    console = Console(file=sys.stderr)
    bars: dict[str, TaskID] = {}
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("parts"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )

    def step(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = progress.add_task(f"encoding {plain(name, 40).plain}", total=total)
            progress.start()
        progress.update(bars[name], completed=done)
        if progress.finished:
            progress.stop()

    try:
        yield step
    finally:
        progress.stop()


def print_report(report: AddReport, folder: Path) -> None:
    console = out()
    pages = sum(document.pages for document in (*report.added, *report.updated))
    counts = [
        f"{len(documents)} {word}"
        for word, documents in (
            ("added", report.added),
            ("updated", report.updated),
            ("unchanged", report.unchanged),
            ("skipped", report.skipped),
        )
        if documents
    ]
    console.print(plain(f"{', '.join(counts)}: {pages} pages read in {report.seconds:.1f} s, library {folder}"))


# Documents -----------------------------------------------------------------------------------------------------------


def document_json(document: StoredDocument) -> dict[str, object]:
    return {
        "id": document.id,
        "name": document.name,
        "title": document.title,
        "language": document.language,
        "pages": document.pages,
        "elements": document.elements,
        "path": document.path,
        "added": document.added,
        "warnings": list(document.warnings),
    }


def print_documents(documents: list[StoredDocument], folder: Path) -> None:
    console = out()
    if not documents:
        console.print(plain(f"no documents in {folder}; `svrag add PATH...` adds some"))
        return
    print_table(
        ("id", "pages", "elements", "name", "title"),
        [(d.id, str(d.pages), str(d.elements), shortened(d.name, 40), d.title) for d in documents],
        right=(1, 2),
    )


def library_json(
    documents: Sequence[StoredDocument], made: Sequence[MadeIndex], vectors: Sequence[MadeVectors]
) -> dict[str, object]:
    return {
        "documents": [document_json(document) for document in documents],
        "indexes": [
            {
                "retriever": one.identity.name,
                "revision": one.identity.revision,
                "documents": one.documents,
                **asdict(one.identity.settings),
            }
            for one in made
        ],
        "vectors": [asdict(one) for one in vectors],
    }


def print_indexes(made: Sequence[MadeIndex], vectors: Sequence[MadeVectors], documents: int) -> None:
    for each in vectors:
        kind = "sparse vectors" if each.sparse else "vectors"
        out().print(plain(f"{kind} of {each.name}: {each.documents} of {documents} documents"))
    for one in made:
        settings = one.identity.settings
        pooled = (
            f", one vector kept of {settings.pool_factor} ({settings.pool_method})" if settings.pool_factor > 1 else ""
        )
        how = f"{settings.units}, {settings.precision}{pooled}"
        out().print(plain(f"token vectors of {one.identity.name} ({how}): {one.documents} of {documents} documents"))


def info_json(stored: StoredDocument, document: Document, graph: ElementGraph) -> dict[str, object]:
    return {
        **document_json(stored),
        "types": dict(Counter(element.type for element in document.elements)),
        "edges": dict(Counter(edge.type for edge in graph.edges)),
        "pages_read_by_ocr": [page.number for page in document.pages if page.ocr],
        "labelled": [
            {"element_id": e.id, "label": e.label, "page": e.page, "type": e.type, "caption": e.caption}
            for e in document.elements
            if e.type in ("figure", "table", "equation")
        ],
    }


def print_info(stored: StoredDocument, document: Document, graph: ElementGraph) -> None:
    console = out()
    types = Counter(element.type for element in document.elements)
    edges = Counter(edge.type for edge in graph.edges)
    scanned = sum(page.ocr for page in document.pages)
    lines = [
        ("document", f"{stored.name} ({stored.id})"),
        ("title", document.title),
        ("from", stored.path),
        ("language", document.language),
        ("pages", f"{len(document.pages)}" + (f", {scanned} read by OCR" if scanned else "")),
        ("elements", ", ".join(f"{count} {name}" for name, count in types.most_common())),
        ("edges", ", ".join(f"{count} {name}" for name, count in edges.most_common())),
    ]
    for name, value in lines:
        if value:
            console.print(Text(f"{name:<10}", style="bold") + plain(value))
    rows = [
        (str(element.page), element.type, element.label, shortened(element.caption, 300))
        for element in document.elements
        if element.type in ("figure", "table")
    ]
    if rows:
        console.print()
        print_table(("page", "type", "label", "caption"), rows, right=(0,))
    for warning in document.warnings:
        console.print(Text("warning   ", style="yellow") + plain(warning))


# Search and answers --------------------------------------------------------------------------------------------------


def _bbox(box: Box) -> list[float]:
    return [round(value, 2) for value in box]


def search_json(result: SearchResult) -> dict[str, object]:
    """The object that `svrag search --json` prints; its keys are stable."""
    return {
        "question": result.question,
        "retriever": result.retriever,
        "seconds": round(result.seconds, 4),
        "hits": [
            {
                "rank": hit.rank,
                "element_id": hit.element.id,
                "document": hit.document_name,
                "page": hit.element.page,
                "type": hit.element.type,
                "label": hit.element.label,
                "bbox": _bbox(hit.element.box),
                "text": hit.element.text,
                "score": round(hit.score, 4),
                "reasons": list(hit.reasons),
            }
            for hit in result.hits
        ],
        "pages": [
            {"rank": page.rank, "document": page.document_name, "page": page.page, "score": round(page.score, 4)}
            for page in result.pages
        ],
    }


def print_search(result: SearchResult) -> None:
    if not result.hits:
        out().print(plain("nothing found: no document shares a word with the question"))
        return
    print_table(
        ("", "score", "document", "page", "type", "label", "text"),
        [
            (
                str(hit.rank),
                f"{hit.score:.2f}",
                shortened(hit.document_name, 28),
                str(hit.element.page),
                hit.element.type,
                hit.element.label,
                shortened(hit.element.caption or hit.element.text, 300),
            )
            for hit in result.hits
        ],
        right=(0, 1, 3),
    )
    console = out()
    pages = ", ".join(str(page.page) for page in result.pages[:10])
    names = {page.document_id for page in result.pages[:10]}
    if len(names) == 1:
        console.print(plain(f"pages {pages}"))
    else:
        console.print(plain("pages " + ", ".join(f"{page.document_name}:{page.page}" for page in result.pages[:10])))


def explanation_json(explained: Explanation) -> dict[str, object]:
    """The object that `svrag explain --json` prints; its keys are stable."""
    return {
        "question": explained.question,
        "document": explained.document_name,
        "page": explained.page,
        "model": explained.model,
        "score": round(explained.score, 4),
        "tokens": [
            {
                "word": word,
                "similarity": round(float(similarity), 4),
                "box": None if sees is None else [round(value, 4) for value in sees],
            }
            for word, similarity, sees in zip(explained.words, explained.similarities, explained.places(), strict=True)
        ],
    }


def print_explanation(explained: Explanation, written: Path) -> None:
    """The score, and each word of the question with its best similarity."""
    asked = explained.asked()
    print_table(
        ("best", "word"), [(f"{explained.similarities[i]:.2f}", explained.words[i]) for i in asked], right=(0,)
    )
    about = f"{explained.document_name}, page {explained.page}: score {explained.score:.3f} ({explained.model})"
    out().print(plain(f"{about}, drawn in {written}"))


def answer_json(result: SearchResult, answer: Answer, parse_seconds: float) -> dict[str, object]:
    """The object that `svrag ask --json` prints; its keys are stable."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "answerable": answer.answerable,
        "citations": [
            {
                "n": citation.n,
                "element_id": citation.element.id,
                "document": citation.document_name,
                "page": citation.element.page,
                "type": citation.element.type,
                "label": citation.element.label,
                "bbox": _bbox(citation.element.box),
                "text": citation.element.text,
                "quote": citation.quote,
                "score": round(citation.score, 4),
            }
            for citation in answer.citations
        ],
        "retriever": result.retriever,
        "generator": answer.generator,
        "unsupported": list(answer.unsupported),
        "removed_citations": answer.removed_citations,
        "notes": list(answer.notes),
        "seconds": {
            "parse": round(parse_seconds, 3),
            "retrieve": round(result.seconds, 4),
            "generate": round(answer.seconds, 4),
        },
    }


@dataclass
class AnswerStream:
    """Prints an answer as it is written, when a person is watching."""

    live: bool
    written: bool = False

    def write(self, token: str) -> None:
        if self.live and sys.stdout.isatty():
            sys.stdout.write(without_control(token))
            sys.stdout.flush()
            self.written = True

    def close(self) -> None:
        if self.written:
            sys.stdout.write("\n")


def print_answer(answer: Answer, *, streamed: bool) -> None:
    """The answer, then what it rests on: document, page, type, box in points, and the words."""
    console = out()
    if not streamed:
        console.print(Text(without_control(answer.text), style="bold" if answer.answerable else ""))
    for note in answer.notes:
        console.print(Text("note: ", style="yellow") + plain(note))
    if answer.citations:
        console.print()
    for citation in answer.citations:
        element = citation.element
        where = f"{citation.document_name}, page {element.page}, {element.label or element.type.replace('_', ' ')}"
        box = ", ".join(f"{value:.0f}" for value in element.box)
        console.print(Text(f"[{citation.n}] ", style="cyan") + plain(where) + Text(f"  box {box}", style="dim"))
        console.print(Text("    ") + plain(citation.quote or element.caption or element.text, 240))


def write_evidence(library: Library, answer: Answer, folder: Path) -> int:
    """For each citation its crop and its page with the box drawn, as `1-crop.png` and `1-page-7.png`; how many."""
    from svrag.documents.rendering import crop, render_page

    files = {document.id: document.source for document in library.documents()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for citation in answer.citations:
            element = citation.element
            source = files[element.document_id]
            (folder / f"{citation.n}-crop.png").write_bytes(crop(source, element.page, element.box))
            page = render_page(source, element.page, boxes=[element.box])
            (folder / f"{citation.n}-page-{element.page}.png").write_bytes(page)
    except OSError as error:
        raise InputError(f"cannot write evidence to {folder}: {error.strerror}") from None
    return 2 * len(answer.citations)


# Evaluation ----------------------------------------------------------------------------------------------------------


@contextmanager
def evaluation_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar per stage ("documents", "vectors", then each retriever) on stderr."""
    console = Console(file=sys.stderr)
    bars: dict[str, TaskID] = {}
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:

        def step(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(plain(stage, 40).plain, total=total)
            progress.update(bars[stage], completed=done, total=total)

        yield step


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


# Training -----------------------------------------------------------------------------------------------------------


def say(line: str) -> None:
    """A line about a run that is going on, at once."""
    out().print(plain(line))
    sys.stdout.flush()


def print_training(result: TrainResult, metric: str) -> None:
    """What a run came to, where its model is, and how to search with it.

    Args:
        metric: that the best checkpoint was chosen by.
    """
    print_table(("", "first", "last", "best", "at step"), training_rows(result.history, metric), right=(1, 2, 3, 4))
    console = out()
    console.print(plain(f"{result.steps} steps in {result.seconds:.1f} s; the model is in {result.folder}"))
    console.print("Search with it:")
    console.print(plain(f"svrag add PATH... --retriever {result.folder}"))
    console.print(plain(f'svrag search "question" --retriever {result.folder}'))


def training_rows(history: Sequence[Mapping[str, float]], metric: str) -> list[tuple[str, ...]]:
    """The loss and each held-out metric: first, last and best value, and the step of the best; `metric` comes first."""
    shown = {"loss": "loss"} | {f"eval_{name}": name for name in (metric, "ndcg@10", "mrr", "recall@1", "recall@10")}
    rows: list[tuple[str, ...]] = []
    for key, name in shown.items():
        values = [(entry[key], int(entry["step"])) for entry in history if key in entry]
        if values:
            best = (min if key == "loss" else max)(values, key=lambda value: value[0])
            rows.append((name, f"{values[0][0]:.4f}", f"{values[-1][0]:.4f}", f"{best[0]:.4f}", str(best[1])))
    return rows
