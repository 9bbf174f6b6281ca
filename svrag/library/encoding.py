"""Vectors for the documents that lack them: encoded one document at a time, each stored as it is done."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

from svrag.library import encoders, sparse
from svrag.library.store import Library, StoredDocument
from svrag.library.vectors import Vectors
from svrag.retrievers.dense.passages import Passages, fingerprint, passages
from svrag.retrievers.dense.single import Cutting, SingleVectorEncoder
from svrag.retrievers.sparse.encoder import SparseEncoder

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
    for document, made, progress in _missing(library, documents, library.encoded_by(key), encoder, on_progress):
        vectors = encoder.passages(made.texts, progress)
        encoders.note(library, key, encoder.name)
        library.put_vectors(
            key, Vectors(document.id, np.asarray(made.positions, dtype=np.int32), vectors.astype(np.float16))
        )


def encode_missing_sparse(
    library: Library, documents: Sequence[StoredDocument], encoder: SparseEncoder, on_progress: Progress = silent
) -> None:
    """The same for the terms of a sparse encoder.

    Raises:
        LibraryError: the library cannot be written to.
    """
    import numpy as np

    key = fingerprint(encoder)
    done = sparse.encoded(library.connection, key)
    for document, made, progress in _missing(library, documents, done, encoder, on_progress):
        found = encoder.passages(made.texts, progress)
        encoders.note(library, key, encoder.name)
        counts = [len(terms.ids) for terms in found]
        vectors = sparse.SparseVectors(
            document.id,
            np.asarray(made.positions, dtype=np.int32),
            np.repeat(np.arange(len(found), dtype=np.int32), counts),
            np.concatenate([terms.ids for terms in found] or [np.empty(0, dtype=np.int32)]),
            np.concatenate([terms.weights for terms in found] or [np.empty(0, dtype=np.float32)]).astype(np.float16),
        )
        with library.transaction() as connection:
            sparse.put(connection, key, vectors)


def _missing(
    library: Library, documents: Sequence[StoredDocument], done: set[str], encoder: Cutting, on_progress: Progress
) -> Iterator[tuple[StoredDocument, Passages, Callable[[int, int], None]]]:
    """Each document that is not `done`, its passages, and whom to tell of them."""
    for document in documents:
        if document.id not in done:
            made = passages(library.elements_of(document.id), encoder)
            yield document, made, functools.partial(on_progress, document.name)
