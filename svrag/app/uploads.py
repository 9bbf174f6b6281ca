"""Uploaded files into the library, and one line on each for people. Files of unknown kinds and bad files are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from svrag.documents.files import SUFFIXES
from svrag.errors import SvragError
from svrag.library.ingest import AddEvent, add_paths
from svrag.library.store import Library, StoredDocument

_WARNINGS = 3


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of a file: `name` is "" when the line is not about one."""

    name: str
    text: str
    failed: bool = False


def add_uploads(
    folder: Path, files: Sequence[Path], *, password: str, on_event: Callable[[AddEvent], None]
) -> list[Notice]:
    """Add `files` to the library in `folder`; failures come back as notices.

    Args:
        password: for encrypted files; "" means none.
    """
    kinds = ", ".join(sorted(suffix[1:].upper() for suffix in SUFFIXES - {".jpeg", ".tiff"}))
    known = [file for file in files if file.suffix.lower() in SUFFIXES]
    notices = [Notice(file.name, f"is not a {kinds} file", failed=True) for file in files if file not in known]
    if not known:
        return notices
    try:
        with Library.open(folder) as library:
            report = add_paths(library, known, password=password or None, on_event=on_event)
    except SvragError as error:
        return [*notices, Notice("", without_folders(str(error), known), failed=True)]
    for document in (*report.added, *report.updated):
        notices += [Notice(document.name, f"added: {_counted(document.pages, 'page')}"), *_warnings(document)]
    notices += [Notice(document.name, "is in the library already") for document in report.unchanged]
    for skipped in report.skipped:
        reason = without_folders(skipped.reason, [skipped.path]).removesuffix(" with --password")
        notices.append(Notice(skipped.path.name, reason, failed=True))
    return notices


def without_folders(message: str, files: Sequence[Path]) -> str:
    """`message` with the names of `files` in place of their paths on the server."""
    for file in files:
        message = message.replace(str(file), file.name)
    return message


def _warnings(document: StoredDocument) -> list[Notice]:
    lines = [Notice(document.name, warning) for warning in document.warnings[:_WARNINGS]]
    rest = len(document.warnings) - len(lines)
    return [*lines, Notice(document.name, _counted(rest, "more warning"))] if rest else lines


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
