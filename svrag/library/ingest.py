"""Adding files: find them, skip what has not changed, read the rest in worker processes, store each as it is done.

One bad file never stops the others. Reading and its heavy imports begin only when there is something new.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from svrag.documents.files import check_name, find_documents, sha256_of
from svrag.documents.workers import ParsePool
from svrag.errors import InputError
from svrag.graph.build import build_graph
from svrag.library.store import Library, StoredDocument

Status = Literal["reading", "added", "updated", "unchanged", "skipped"]


@dataclass(frozen=True, slots=True)
class AddEvent:
    """Something happened to the file at `path`.

    Pages count while it is read, `detail` says why it was skipped, `document_id` which document it is now.
    """

    path: Path
    status: Status
    done_pages: int = 0
    total_pages: int = 0
    detail: str = ""
    document_id: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that could not be added, and why, for people."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of each file."""

    added: tuple[StoredDocument, ...]
    updated: tuple[StoredDocument, ...]
    unchanged: tuple[StoredDocument, ...]
    skipped: tuple[Skipped, ...]
    seconds: float


def _ignore(event: AddEvent) -> None:
    """Nobody is watching."""


def add_paths(
    library: Library,
    paths: Sequence[Path],
    *,
    password: str | None = None,
    workers: int | None = None,
    on_event: Callable[[AddEvent], None] = _ignore,
) -> AddReport:
    """Add the documents that `paths` name to `library`, folders searched through, each once.

    A file whose bytes are in the library already is skipped, wherever it lies. A changed file replaces what was added
    from its path before. Of a file that `password` opens, the library keeps a copy without the encryption, readable by
    the owner of the library alone: its evidence could not be drawn otherwise.

    Args:
        workers: reading processes; None means one per core.
        on_event: told of every step.

    Raises:
        InputError: there is no document at any of `paths`.
        LibraryError: storing failed; what was added before stays.
    """
    started = time.perf_counter()
    added: list[StoredDocument] = []
    updated: list[StoredDocument] = []
    unchanged: list[StoredDocument] = []
    found, skipped = _found(paths)
    with contextlib.closing(ParsePool(workers)) as pool:
        for path in found:
            try:
                check_name(path)
                known = library.with_hash(sha256_of(path))
                if known is not None:
                    unchanged.append(known)
                    on_event(AddEvent(path, "unchanged", document_id=known.id))
                    continue
                replaces = library.added_from(path) is not None
                stored = _add(library, path, pool, password, on_event)
            except InputError as error:
                reason = _reason(path, error)
                skipped.append(Skipped(path, reason))
                on_event(AddEvent(path, "skipped", detail=reason))
                continue
            (updated if replaces else added).append(stored)
            status: Status = "updated" if replaces else "added"
            on_event(AddEvent(path, status, stored.pages, stored.pages, document_id=stored.id))
    return AddReport(tuple(added), tuple(updated), tuple(unchanged), tuple(skipped), time.perf_counter() - started)


def _found(paths: Sequence[Path]) -> tuple[list[Path], list[Skipped]]:
    """The documents at `paths`, and what is none, which is an error where there is nothing else."""
    found: dict[Path, None] = {}
    wrong: list[tuple[Path, InputError]] = []
    for path in paths:
        try:
            found.update(dict.fromkeys(find_documents(path)))
        except InputError as error:
            wrong.append((path, error))
    if wrong and not found:
        raise wrong[0][1]
    return list(found), [Skipped(path, _reason(path, error)) for path, error in wrong]


def _reason(path: Path, error: InputError) -> str:
    """What is wrong, without the path, which is named beside it."""
    return str(error).removeprefix(f"{path} ").removesuffix(f": {path}")


def _add(
    library: Library, path: Path, pool: ParsePool, password: str | None, on_event: Callable[[AddEvent], None]
) -> StoredDocument:
    from svrag.documents.reading import read

    def progress(done: int, total: int) -> None:
        on_event(AddEvent(path, "reading", done, total))

    document = read(path, pool=pool, password=password, progress=progress)
    plain = None
    if password is not None:
        from svrag.documents.opening import decrypted

        plain = decrypted(path, password)
        if plain is not None:
            warning = "encrypted: the library keeps a copy without the encryption, readable by you alone"
            document = replace(document, warnings=(*document.warnings, warning))
    library.add(document, build_graph(document), path, readable_copy=plain)
    stored = library.with_hash(document.sha256)
    assert stored is not None
    return stored
