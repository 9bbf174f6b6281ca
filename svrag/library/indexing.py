"""Token vectors for the documents that lack them: encoded one document at a time, each stored as it is done.

Several models live side by side in one library, each with an index under its name. What is in an index was made by one
set of weights with one choice of settings; anything else is refused with a word on how to make it anew.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from svrag.errors import LibraryError
from svrag.library import encoders
from svrag.library.encoding import Progress, silent
from svrag.library.store import Library, StoredDocument
from svrag.library.tokens.identity import IndexIdentity, IndexSettings
from svrag.library.tokens.index import TokenIndex, drop, indexes
from svrag.library.units import SCHEME, units_of
from svrag.retrievers.multivector.encoder import MultiVectorEncoder


def index_of(library: Library, encoder: MultiVectorEncoder, settings: IndexSettings | None = None) -> TokenIndex:
    """The index of `encoder` in `library`, made where there is none.

    Args:
        settings: what the index must have been made with; None takes those it has, or the defaults for a new one.

    Raises:
        LibraryError: the index was made with other weights or settings, or the library cannot be used.
    """
    known = next((identity for identity in indexes(library) if identity.name == encoder.name), None)
    chosen = settings or (known.settings if known else IndexSettings())
    identity = IndexIdentity(
        encoder.name, encoder.revision, f"{encoder.fingerprint}.{SCHEME}", encoder.dimension, chosen
    )
    return TokenIndex.open(library, identity, create=True)


def index_missing(
    library: Library,
    documents: Sequence[StoredDocument],
    encoder: MultiVectorEncoder,
    index: TokenIndex,
    on_progress: Progress = silent,
) -> None:
    """Encode those of `documents` that `index` does not hold yet; what is done stays when this is interrupted.

    Raises:
        InputError: a file of the library cannot be drawn.
        LibraryError: the library cannot be written to.
        ServerError: the encoder runs on a server that gives no answer.
    """
    done = index.documents()
    for document in documents:
        if document.id not in done:
            progress = functools.partial(on_progress, document.name)
            index.add(document.id, units_of(library, document, encoder, index.identity.settings.units, progress))


@dataclass(frozen=True, slots=True)
class MadeIndex:
    """An index with the number of documents that it holds."""

    identity: IndexIdentity
    documents: int


def indexes_in(library: Library) -> list[MadeIndex]:
    """All indexes of the library, by name."""
    return [
        MadeIndex(identity, len(TokenIndex.open(library, identity, create=False).documents()))
        for identity in indexes(library)
    ]


def drop_index(library: Library, name: str) -> None:
    """Remove what the model of this name made, with one vector a passage or many; the documents stay.

    Args:
        name: as `svrag list` shows it.

    Raises:
        LibraryError: it has made nothing, or the library cannot be written to.
    """
    several = [identity.name for identity in indexes(library) if identity.name == name]
    vectors = [made for made in encoders.vectors_in(library) if name in (made.name, made.fingerprint)]
    for one in several:
        drop(library, one)
    for made in vectors:
        encoders.drop(library, made)
    if not several and not vectors:
        known = [identity.name for identity in indexes(library)] + [made.name for made in encoders.vectors_in(library)]
        others = f"there are those of {', '.join(known)}" if known else "there are none at all"
        raise LibraryError(f"no vectors of {name} in {library.folder}: {others}")


def index_named(library: Library, name: str) -> IndexIdentity:
    """The index of the model of this name.

    Raises:
        LibraryError: there is none.
    """
    known = indexes(library)
    found = next((identity for identity in known if identity.name == name), None)
    if found is None:
        others = f"there is {', '.join(identity.name for identity in known)}" if known else "there is none at all"
        raise LibraryError(f"no index of {name} in {library.folder}: {others}")
    return found
