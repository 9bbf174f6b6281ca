"""What is in a library, and what was found in a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from svrag.console.plain import out, plain, print_table
from svrag.documents.model import Document
from svrag.text import shortened

if TYPE_CHECKING:
    from svrag.graph.model import ElementGraph
    from svrag.library.encoders import MadeVectors
    from svrag.library.indexing import MadeIndex
    from svrag.library.ingest import AddReport
    from svrag.library.store import StoredDocument


def print_report(report: AddReport, folder: Path) -> None:
    """What adding came to, in one line."""
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


def print_encoded(retriever: str, documents: int) -> None:
    """What a model has made vectors of; nothing where it had made them all."""
    if documents:
        out().print(plain(f"{retriever}: vectors of {documents} {'document' if documents == 1 else 'documents'} made"))


def document_json(document: StoredDocument) -> dict[str, object]:
    """A document as `svrag list --json` and `svrag info --json` print it; its keys are stable."""
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
    """The documents as a table; of an empty library, how to fill it."""
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
    """The object that `svrag list --json` prints; its keys are stable."""
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
    """Which models have made vectors, and of how many of the documents, a line each."""
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
    """The object that `svrag info --json` prints; its keys are stable."""
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
    """What was found in a document: counts, then figures and tables with their captions, then warnings."""
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
