"""A file into a document: the one call that reads. Pages are read by workers, put together here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from svrag.documents.assemble import assemble
from svrag.documents.files import sha256_of
from svrag.documents.model import Document
from svrag.documents.workers import ParsePool


def read(
    path: Path,
    *,
    pool: ParsePool,
    password: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Document:
    """Read a PDF or image with its layout.

    Args:
        progress: called with pages done and pages in all, on opening and while pages come in.

    Raises:
        InputError: wrong path, not a PDF or image, broken, encrypted, empty or too large; one line says which.
    """
    sha256 = sha256_of(path)
    facts, pages = pool.read(path, password, progress)
    return assemble(facts, pages, sha256=sha256, name=path.name)
