"""What several commands do: open the library, find documents in it, add files with progress."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from svrag.settings import Settings

if TYPE_CHECKING:
    from svrag.library.ingest import AddReport
    from svrag.library.store import Library, StoredDocument


def existing(settings: Settings) -> Library:
    """The library that the settings name, which must be there."""
    from svrag.library.store import Library

    return Library.open(settings.library_folder(), create=False)


def documents_named(library: Library, references: Sequence[str]) -> list[str] | None:
    """The ids of what was named with --doc; None, which is all documents, when nothing was."""
    return [library.find(reference).id for reference in references] or None


def add_files(library: Library, options: argparse.Namespace, settings: Settings, *, brief: bool = False) -> AddReport:
    """Add `options.paths` under a bar; what was skipped and what warns is said on stderr.

    Args:
        brief: the bars go away when all is read: an answer comes after them.
    """
    from svrag.console.progress import AddProgress
    from svrag.library.ingest import add_paths

    with AddProgress(quiet=brief) as progress:
        report = add_paths(
            library,
            options.paths,
            password=options.password,
            workers=settings.workers or None,
            on_event=progress.event,
        )
    for skipped in report.skipped:
        print(f"svrag: skipped {skipped.path}: {skipped.reason}", file=sys.stderr)
    for document in (*report.added, *report.updated):
        _warn(document)
    return report


def _warn(document: StoredDocument) -> None:
    """At most three warnings a document: a scan of 300 pages must not scroll everything else away."""
    for warning in document.warnings[:3]:
        print(f"svrag: {document.name}: {warning}", file=sys.stderr)
    if len(document.warnings) > 3:
        rest = len(document.warnings) - 3
        print(f"svrag: {document.name}: {rest} more warnings; `svrag info {document.id}` shows them", file=sys.stderr)


def print_json(value: object) -> None:
    """On stdout, for another program."""
    print(json.dumps(value, ensure_ascii=False, indent=1))
