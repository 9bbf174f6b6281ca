"""Evidence and pages as pictures inside the page itself (data: addresses): nothing is written, no file is served."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from svrag.app.evidence import Evidence
from svrag.documents.model import Box, Element, Page
from svrag.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    from svrag.library.store import Library, StoredDocument

_PAGE_DPI, _CROP_DPI, _SMALL_DPI = 150, 130, 30
_CROP_SIZE = (1000, 700)  # pixels, the largest


class LostFile(InputError):
    """The library's copy of a document's file is not there any more."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A box on a page's picture, in per cent of its width and height.

    Attributes:
        number: of its citation; None for what is not cited.
        chosen: it is what was clicked.
        element_id: where it can be clicked; "" where not.
        name: what it is, for people.
    """

    left: float
    top: float
    width: float
    height: float
    number: int | None
    chosen: bool
    element_id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class CardPicture:
    """The pictures on a card: the element cut out, and its page made small with the boxes; data: addresses."""

    crop: str
    page: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class PageView:
    """A page to look at: `number` of `pages`, the page's own name where it differs, a data: address, the boxes."""

    document_id: str
    document_name: str
    number: int
    pages: int
    label: str
    picture: str
    marks: tuple[Mark, ...]


def card_pictures(library: Library, evidence: Sequence[Evidence]) -> dict[str, CardPicture]:
    """The pictures of each element by its id; an element whose file is gone has none.

    Raises:
        LibraryError: the library cannot be read.
    """
    from svrag.documents.rendering import crop, render_page

    files = {document.id: document.source for document in library.documents()}
    pages: dict[tuple[str, int], tuple[Page, str]] = {}
    pictures = {}
    for one in evidence:
        element = one.element
        source = files.get(element.document_id)
        if source is None:
            continue
        place = element.document_id, element.page
        try:
            png = crop(source, element.page, element.box, dpi=_CROP_DPI)
            if place not in pages:
                small = data_address(render_page(source, element.page, dpi=_SMALL_DPI))
                pages[place] = library.page(*place), small
        except InputError:
            continue
        page, small = pages[place]
        marks = tuple(_mark(page, box, None, True) for box in one.boxes_on(element.page))
        pictures[element.id] = CardPicture(data_address(png, _CROP_SIZE), small, marks)
    return pictures


def page_view(
    library: Library,
    document_id: str,
    number: int,
    evidence: Sequence[Evidence] = (),
    chosen: Element | None = None,
    *,
    everything: bool = False,
) -> PageView:
    """Page `number` with the boxes of `chosen` and of all cited evidence that lies on it.

    Args:
        everything: with boxes for all other elements of the page too.

    Raises:
        InputError: no such document or page, or its file cannot be drawn.
        LibraryError: the library cannot be read.
    """
    from svrag.documents.rendering import render_page

    page = library.page(document_id, number)
    stored = library.stored(document_id)
    shown = [one for one in evidence if one.element.document_id == document_id and one.number is not None]
    if chosen is not None and all(one.element.id != chosen.id for one in shown):
        shown.append(Evidence(chosen, stored.name, 0.0, ""))
    marks = [
        _mark(page, box, one.number, chosen is not None and one.element.id == chosen.id)
        for one in shown
        for box in one.boxes_on(number)
    ]
    if everything:
        ids = {one.element.id for one in shown}
        others = [e for e in elements_on(library, document_id, number) if e.id not in ids]
        # Small ones above large ones, so that each can be clicked.
        marks = [
            _mark(page, box, None, False, element)
            for element in sorted(others, key=lambda e: -e.box.area)
            for box in Evidence(element, stored.name, 0.0, "").boxes_on(number)
        ] + marks
    with drawn_from(stored) as source:
        picture = data_address(render_page(source, number, dpi=_PAGE_DPI))
    return PageView(
        document_id=document_id,
        document_name=stored.name,
        number=number,
        pages=stored.pages,
        label=page.label if page.label != str(number) else "",
        picture=picture,
        marks=tuple(marks),
    )


@contextmanager
def drawn_from(document: StoredDocument) -> Iterator[Path]:
    """Its file, to draw from: an error names the document, not the library's own copy.

    Raises:
        LostFile: it is not there.
        InputError: as whoever draws raises it.
    """
    copy = document.source
    if not copy.exists():
        raise LostFile(f"the file of {document.name} is not on the server any more: remove it here and add it again")
    try:
        yield copy
    except InputError as error:
        # Its path may stand there cut short, as MuPDF quotes it.
        line = re.sub(re.escape(str(copy.parent)) + r"/[^\s':)]*", lambda _: document.name, str(error))
        raise InputError(line.replace(copy.name, document.name)) from None


def elements_on(library: Library, document_id: str, number: int) -> list[Element]:
    """What stands on page `number` in reading order, what begins on a page before included."""
    return [
        element
        for element in library.elements_of(document_id)
        if element.type != "page"
        if element.page == number or any(region.page == number for region in element.continues)
    ]


def name_of(element: Element) -> str:
    """What it is, for people: its label, or its kind."""
    return element.label or element.type.replace("_", " ")


def data_address(picture: bytes | Image.Image, largest: tuple[int, int] | None = None) -> str:
    """A picture (PNG bytes or drawn), scaled down to fit in `largest`, as a data: address; WebP is a quarter of PNG."""
    from PIL import Image

    encoded = io.BytesIO()
    with Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else picture as image:
        if largest is not None:
            image.thumbnail(largest)
        image.save(encoded, "WEBP", quality=82)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")


def _mark(page: Page, box: Box, number: int | None, chosen: bool, element: Element | None = None) -> Mark:
    from svrag.documents.rendering import box_on_image

    _, _, across, down = box_on_image(page, Box(0.0, 0.0, page.width, page.height), _PAGE_DPI)
    x0, y0, x1, y1 = box_on_image(page, box, _PAGE_DPI)
    return Mark(
        left=100 * x0 / across,
        top=100 * y0 / down,
        width=100 * (x1 - x0) / across,
        height=100 * (y1 - y0) / down,
        number=number,
        chosen=chosen,
        element_id=element.id if element else "",
        name=name_of(element) if element else "",
    )
