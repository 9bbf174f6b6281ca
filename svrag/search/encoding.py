"""Before a search: the vectors of every model that was asked for, of the documents that lack them."""

from __future__ import annotations

from collections.abc import Sequence

from svrag.errors import InputError
from svrag.library.encoding import Progress, encode_missing, encode_missing_sparse, silent
from svrag.library.indexing import index_missing, index_of
from svrag.library.store import Library, StoredDocument
from svrag.library.tokens.identity import IndexSettings
from svrag.library.tokens.index import drop
from svrag.retrievers.dense.encoder import load_encoder
from svrag.retrievers.dense.loading import family_in, is_single_name, load_single
from svrag.retrievers.dense.single import SingleVectorEncoder
from svrag.retrievers.kinds import LEXICAL, kind_of
from svrag.retrievers.loads import loading
from svrag.retrievers.multivector.loading import full_name, load_multivector
from svrag.retrievers.sparse.encoder import is_sparse_name, load_sparse


def single_vectors(name: str, *, encoder: str) -> SingleVectorEncoder:
    """The encoder of a retriever with one vector per passage: of "dense", the one that `encoder` names."""
    return load_encoder(encoder) if name == "dense" else load_single(name)


def loaded_as(name: str, *, encoder: str) -> str:
    """What `svrag.retrievers.loads` calls the model of the retriever `name`, any but words. Loads nothing."""
    if name == "dense":
        return encoder
    if family := family_in(name):
        return f"{family}:{name}"
    return name if is_single_name(name) or is_sparse_name(name) else full_name(name)


def load(retrievers: Sequence[str], *, encoder: str) -> None:
    """Load the models among `retrievers`, before anything that takes long; they stay loaded.

    Raises:
        InputError: a model cannot be used.
        ServerError: a model runs on a server that gives no answer.
    """
    for name in retrievers:
        if name == LEXICAL:
            continue
        with loading(loaded_as(name, encoder=encoder)):  # what kind it is may have to be downloaded, too
            kind = kind_of(name)
            if kind == "single":
                single_vectors(name, encoder=encoder)
            elif kind == "sparse":
                load_sparse(name)
            else:
                load_multivector(name)


def check(
    library: Library, retrievers: Sequence[str], *, encoder: str, settings: IndexSettings | None, reindex: bool
) -> None:
    """Load the models among `retrievers` and see that what is in the library was made by them.

    Args:
        settings, encoder: as for `encode`.
        reindex: drop what the multi-vector models made before.

    Raises: as `encode`.
    """
    several = [name for name in retrievers if kind_of(name) == "multi"]
    if not several and (reindex or settings):
        raise InputError(
            "--units, --precision, --pool-factor and --reindex are of multi-vector models: name one with --retriever"
        )
    load(retrievers, encoder=encoder)
    for name in several:
        model = load_multivector(name)
        if reindex:
            drop(library, model.name)
        index_of(library, model, settings)


def encode(
    library: Library,
    documents: Sequence[StoredDocument],
    retrievers: Sequence[str],
    *,
    encoder: str,
    on_encoding: Progress = silent,
    settings: IndexSettings | None = None,
) -> None:
    """Let each model in `retrievers` encode those of `documents` that it has not encoded yet.

    Args:
        encoder: of the dense retriever.
        settings: of the index of a multi-vector model; None takes those it has, or the defaults for a new one.

    Raises:
        InputError: a model cannot be used.
        LibraryError: the library cannot be written to, or its vectors are of other weights or settings.
        ServerError: a model runs on a server that gives no answer.
    """
    for name in retrievers:
        load([name], encoder=encoder)
        kind = kind_of(name)
        if kind == "single":
            encode_missing(library, documents, single_vectors(name, encoder=encoder), on_encoding)
        elif kind == "sparse":
            encode_missing_sparse(library, documents, load_sparse(name), on_encoding)
        elif kind == "multi":
            model = load_multivector(name)
            index_missing(library, documents, model, index_of(library, model, settings), on_encoding)
