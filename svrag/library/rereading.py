"""A document read anew from the library's own copy: after an update of svrag, or of the program that recognises letters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from svrag.documents.workers import ParsePool
from svrag.graph.build import build_graph
from svrag.library.store import Library


def reread(
    library: Library,
    document_id: str,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Read the library's copy of a document and put what comes out in the place of what is there.

    Its name and tags stay; what models made of it is gone and made again when it is needed.

    Args:
        workers: reading processes; None means one per core.
        progress: called with pages done and pages in all.

    Raises:
        InputError: not in the library, or the copy cannot be read any more; the document stays as it was.
        LibraryError: storing failed; the document stays as it was.
    """
    from svrag.documents.assemble import assemble

    stored = library.stored(document_id)
    with contextlib.closing(ParsePool(workers)) as pool:
        facts, pages = pool.read(stored.source, None, progress)
    # Not `read`: a copy without its encryption has other bytes than the file whose hash the document is known by.
    document = assemble(facts, pages, sha256=stored.sha256, name=stored.name)
    library.replace(document, build_graph(document))
