"""What of a document a multi-vector encoder reads, and as what.

A model that reads pictures gets each page as one, figures, tables and equations as crops, and everything else as text
after its headings. A model of texts gets the words of all of them, in pieces of a length such models are trained on; an
element's vectors are those of all its pieces, since MaxSim looks for the best of them anyway. A model that reads places
is told each element's.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from svrag.documents.model import Element
from svrag.graph.places import Place, places_of
from svrag.library.tokens.identity import Unit, UnitKind

if TYPE_CHECKING:
    from PIL.Image import Image

    from svrag.library.store import Library, StoredDocument
    from svrag.retrievers.multivector.encoder import MultiVectorEncoder

PAGE_DPI = 144
"""Of the pictures that models read: what ColPali was trained on is about that, and each model scales to its own size."""

SCHEME = 1
"""Raised whenever other pictures or texts are encoded."""

_PICTURED = ("figure", "table", "equation")
_WORD_CHARACTERS = 8  # what pieces have room for
_PICTURES_AT_ONCE, _TEXTS_AT_ONCE = 8, 64  # bound what is in memory; the encoder batches by itself
_T = TypeVar("_T")


def units_of(
    library: Library,
    document: StoredDocument,
    encoder: MultiVectorEncoder,
    kind: UnitKind,
    on_progress: Callable[[int, int], None],
) -> Iterator[Unit]:
    """The token vectors of the document's pages, elements or both ("cascade"), a few at a time.

    An element or page without words has none in a model of texts.

    Args:
        on_progress: told how many pages and elements are done, and how many there are.

    Raises:
        InputError: the library's copy of the file cannot be drawn.
    """
    elements = list(enumerate(library.elements_of(document.id)))
    places = places_of(library.graph(document.id)) if encoder.reads_places else {}
    wanted = [
        (position, element)
        for position, element in elements
        if kind == "cascade" or (element.type == "page") == (kind == "pages")
        if not (element.type == "caption" and element.target_id)  # read with its figure or table
    ]
    drawn = [one for one in wanted if encoder.reads_pictures and one[1].type in (*_PICTURED, "page")]
    pictured = {position for position, _ in drawn}
    read = [one for one in wanted if one[0] not in pictured]
    done = 0
    for some in _batches(drawn, _PICTURES_AT_ONCE):
        pictures = [_picture(document, element) for _, element in some]
        made = encoder.pictures(pictures, places=[places.get(element.id) for _, element in some])
        for (position, element), tokens in zip(some, made, strict=True):
            yield Unit(position, element.type, element.page, tokens.vectors)
        done += len(some)
        on_progress(done, len(wanted))
    for some in _batches(read, _TEXTS_AT_ONCE):
        yield from _of_texts(some, encoder, places)
        done += len(some)
        on_progress(done, len(wanted))


def _of_texts(
    some: Sequence[tuple[int, Element]], encoder: MultiVectorEncoder, places: Mapping[str, Place]
) -> Iterator[Unit]:
    import numpy as np

    pieces = [_pieces(element, encoder.reads_words) for _, element in some]
    told = [places.get(element.id) for (_, element), own in zip(some, pieces, strict=True) for _ in own]
    made = iter(encoder.passages([piece for own in pieces for piece in own], places=told))
    for (position, element), own in zip(some, pieces, strict=True):
        if own:
            vectors = np.concatenate([next(made).vectors for _ in own])
            yield Unit(position, element.type, element.page, vectors)


def _pieces(element: Element, most: int) -> list[str]:
    """Its words and its caption in pieces of so many words, each after the innermost heading above."""
    characters = most * _WORD_CHARACTERS
    heading = f"{element.section_path[-1]}\n" if element.section_path else ""
    text = "\n".join(filter(None, (element.caption, element.text)))
    pieces: list[str] = []
    current: list[str] = []
    length = 0
    for word in text.split():
        for part in (word[i : i + characters] for i in range(0, len(word), characters)):
            if current and (len(current) == most or length + len(part) >= characters):
                pieces.append(heading + " ".join(current))
                current, length = [], 0
            current.append(part)
            length += len(part) + 1
    return [*pieces, heading + " ".join(current)] if current else []


def page_picture(source: Path, page: int) -> Image:
    """Page `page` (1-based) of a file as models are given it.

    Raises:
        InputError: the file cannot be opened or has no such page.
    """
    from svrag.documents.rendering import render_page

    return _opened(render_page(source, page, dpi=PAGE_DPI))


def _picture(document: StoredDocument, element: Element) -> Image:
    if element.type == "page":
        return page_picture(document.source, element.page)
    from svrag.documents.rendering import crop

    return _opened(crop(document.source, element.page, element.box, dpi=PAGE_DPI))


def _opened(png: bytes) -> Image:
    from PIL.Image import open as open_picture

    with open_picture(io.BytesIO(png)) as picture:
        return picture.convert("RGB")


def _batches(values: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
