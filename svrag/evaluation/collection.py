"""The documents of a benchmark into a library: files through the usual reading, pictures too, given ones as they are."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from svrag.documents.files import sha256_of
from svrag.documents.model import Page
from svrag.errors import InputError
from svrag.evaluation.composed import pdf_of
from svrag.evaluation.question import EvalSet, GivenDocument
from svrag.graph.build import build_graph
from svrag.graph.model import ElementGraph
from svrag.library.ingest import AddEvent, add_paths
from svrag.library.store import Library, StoredDocument


@dataclass(frozen=True, slots=True)
class Collected:
    """A document of the benchmark in the library."""

    stored: StoredDocument
    pages: tuple[Page, ...]


def collect(
    library: Library, loaded: EvalSet, names: Sequence[str], on_progress: Callable[[str, int, int], None]
) -> tuple[dict[str, Collected], list[str], float]:
    """The documents called `names`, added to the library where it lacks them.

    A document that cannot be read is left out, with a note.

    Args:
        names: documents of the set, each once.
        on_progress: told the stage "documents", how many are done, and how many there are.

    Returns:
        The documents by name, notes on those that were not read, and the seconds it took.

    Raises:
        LibraryError: the library cannot be written to.
    """
    started = time.perf_counter()
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        on_progress("documents", done, len(names))

    def event(happened: AddEvent) -> None:
        if happened.status != "reading":
            step()

    given = {one.document.name: one for one in loaded.given}
    hashes: dict[str, str] = {}
    unread: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="svrag-eval-") as folder:
        paths: dict[str, Path] = {}
        for name in names:
            try:
                if name in given:
                    _add_given(library, loaded.documents, given[name])
                    hashes[name] = given[name].document.sha256
                    step()
                elif name in loaded.composed:
                    paths[name] = _composed(Path(folder), name, loaded.composed)
                else:
                    paths[name] = loaded.documents / name
            except InputError as error:
                unread[name] = str(error)
                step()
        report = add_paths(library, list(paths.values()), on_event=event)
        reasons = {skipped.path: skipped.reason for skipped in report.skipped}
        for name, path in paths.items():
            if path in reasons:
                unread[name] = reasons[path]
            else:
                hashes[name] = sha256_of(path)
    documents: dict[str, Collected] = {}
    for name in names:
        stored = library.with_hash(hashes[name]) if name in hashes else None
        if stored is not None:
            documents[name] = Collected(stored, tuple(library.pages(stored.id)))
    notes = [f"{name} was not read: {reason}" for name, reason in unread.items()]
    return documents, notes, time.perf_counter() - started


def _add_given(library: Library, folder: Path, given: GivenDocument) -> None:
    """The library keeps a document's pictures as a PDF, so that evidence can be drawn, and otherwise its text."""
    document = given.document
    if library.with_hash(document.sha256) is not None:
        return
    kept = pdf_of(given.pictures) if given.pictures else "\f".join(page.text for page in document.pages).encode()
    source = folder / f"{document.name}{'.pdf' if given.pictures else '.txt'}"
    library.add(document, _graph(given), source, readable_copy=kept)


def _graph(given: GivenDocument) -> ElementGraph:
    graph = build_graph(given.document)
    if not given.unrelated_pages:
        return graph
    pages = {node.id: node.page for node in graph.nodes}
    return replace(graph, edges=tuple(edge for edge in graph.edges if pages[edge.source] == pages[edge.target]))


def _composed(folder: Path, name: str, composed: Mapping[str, tuple[Path, ...]]) -> Path:
    path = folder / f"{name}.pdf"
    path.write_bytes(pdf_of(composed[name]))
    return path
