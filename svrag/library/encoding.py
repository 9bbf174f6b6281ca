"""Vectors for the documents that lack them: encoded one document at a time, each stored as it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from svrag.library.store import Library, StoredDocument
from svrag.library.vectors import Vectors
from svrag.retrievers.dense.passages import fingerprint, passages
from svrag.retrievers.dense.single import SingleVectorEncoder

Progress = Callable[[str, int, int], None]
"""Told the document's name, how many of its passages are encoded, and how many there are."""


def silent(name: str, done: int, total: int) -> None:
    """Nobody is watching."""


def encode_missing(
    library: Library,
    documents: Sequence[StoredDocument],
    encoder: SingleVectorEncoder,
    on_progress: Progress = silent,
) -> None:
    """Encode those of `documents` that `encoder` has not encoded yet; what is done stays when this is interrupted.

    Raises:
        LibraryError: the library cannot be written to.
    """
    import numpy as np

    key = fingerprint(encoder)
    done = library.encoded_by(key)
    for document in documents:
        if document.id in done:
            continue

        def progress(count: int, total: int, name: str = document.name) -> None:
            on_progress(name, count, total)

        made = passages(library.elements_of(document.id), encoder)
        vectors = encoder.passages(made.texts, progress)
        library.put_vectors(
            key, Vectors(document.id, np.asarray(made.positions, dtype=np.int32), vectors.astype(np.float16))
        )
