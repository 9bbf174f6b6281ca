"""Evidence and pages as pictures inside the page itself (data: addresses): nothing is written, no file is served."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from svrag.app.evidence import Evidence
from svrag.documents.model import Box, Page
from svrag.errors import InputError

if TYPE_CHECKING:
    from svrag.library.store import Library
    from svrag.retrievers.multivector.encoder import MultiVectorEncoder

_PAGE_DPI, _CROP_DPI = 120, 120
_CROP_SIZE = (900, 600)  # pixels, the largest


@dataclass(frozen=True, slots=True)
class Mark:
    """A box on a page's picture, in per cent of its width and height; `chosen` is the one that was clicked."""

    left: float
    top: float
    width: float
    height: float
    number: int | None
    chosen: bool


@dataclass(frozen=True, slots=True)
class PageView:
    """A page to look at: `number` of `pages`, the page's own name where it differs, a data: address, the boxes.

    `looked` is whether the picture shows what a model looked at; None where there is no model that could say.
    """

    document_name: str
    number: int
    pages: int
    label: str
    picture: str
    marks: tuple[Mark, ...]
    looked: bool | None = None


def crops(library: Library, evidence: Sequence[Evidence]) -> dict[str, str]:
    """The picture of each element by its id; an element whose file is gone has none.

    Raises:
        LibraryError: the library cannot be read.
    """
    from svrag.documents.rendering import crop

    files = {document.id: document.source for document in library.documents()}
    pictures = {}
    for one in evidence:
        source = files.get(one.element.document_id)
        if source is None:
            continue
        try:
            png = crop(source, one.element.page, one.element.box, dpi=_CROP_DPI)
        except InputError:
            continue
        pictures[one.element.id] = _data_address(png, _CROP_SIZE)
    return pictures


def page_view(
    library: Library, document_id: str, number: int, evidence: Sequence[Evidence], chosen: Evidence
) -> PageView:
    """Page `number` with the boxes of `chosen` and of all cited evidence that lies on it.

    Raises:
        InputError: no such document or page, or its file cannot be drawn.
        LibraryError: the library cannot be read.
    """
    from svrag.documents.rendering import render_page

    page = library.page(document_id, number)
    stored = library.find(document_id)
    png = render_page(stored.source, number, dpi=_PAGE_DPI)
    return PageView(
        document_name=stored.name,
        number=number,
        pages=stored.pages,
        label=page.label if page.label != str(number) else "",
        picture=_data_address(png),
        marks=tuple(
            _mark(page, box, one, one is chosen)
            for one in evidence
            if one.element.document_id == document_id and (one.number is not None or one is chosen)
            for box in one.boxes_on(number)
        ),
    )


def looked_at(
    library: Library, view: PageView, document_id: str, question: str, encoder: MultiVectorEncoder
) -> PageView:
    """The page in `view` with what `encoder` looks at for `question`; takes as long as encoding a page does.

    Raises:
        InputError: the file cannot be drawn, or the encoder reads texts only.
        LibraryError: the library cannot be read.
        ServerError: the encoder runs on a server that gives no answer.
    """
    from svrag.search.drawing import heat
    from svrag.search.explain import explain

    explanation = explain(library, question, document_id, view.number, encoder)
    encoded = io.BytesIO()
    heat(explanation).save(encoded, "PNG")
    return replace(view, picture=_data_address(encoded.getvalue()), looked=True)


def _mark(page: Page, box: Box, evidence: Evidence, chosen: bool) -> Mark:
    from svrag.documents.rendering import box_on_image

    _, _, across, down = box_on_image(page, Box(0.0, 0.0, page.width, page.height), _PAGE_DPI)
    x0, y0, x1, y1 = box_on_image(page, box, _PAGE_DPI)
    return Mark(
        left=100 * x0 / across,
        top=100 * y0 / down,
        width=100 * (x1 - x0) / across,
        height=100 * (y1 - y0) / down,
        number=evidence.number,
        chosen=chosen,
    )


def _data_address(png: bytes, largest: tuple[int, int] | None = None) -> str:
    """`png`, scaled down to fit in `largest`, as a data: address; WebP is a quarter of its size."""
    from PIL import Image

    encoded = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        if largest is not None:
            image.thumbnail(largest)
        image.save(encoded, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")
