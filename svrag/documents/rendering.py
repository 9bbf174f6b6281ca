"""Pictures of pages and of parts of them, drawn when they are asked for; nothing is kept.

Boxes come in the project's coordinates (unrotated page); pictures show the page as a viewer turns it. One is drawn at a
time, whoever asks: MuPDF must not run in two threads of one process.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pymupdf
from PIL import Image, ImageDraw

from svrag.documents.blocks import to_displayed
from svrag.documents.model import Box, Page
from svrag.documents.opening import open_pages
from svrag.errors import InputError

_MAX_PIXELS = 20_000_000
_JPEG_QUALITY = 90  # small print stays as legible to OCR as in PNG
_RED = (214, 39, 40)
_LINE = 1.8  # points
_AIR = 3.5  # points between what is boxed, whose box is as tight as its letters, and the outer edge of the line
drawing = threading.Lock()
"""Held while MuPDF draws."""


def render_page(
    source: Path, page: int, *, dpi: int = 110, boxes: Sequence[Box] = (), password: str | None = None
) -> bytes:
    """Page `page` (1-based) as PNG with `boxes` drawn around; at less than `dpi` where it would be too large.

    Raises:
        InputError: the file cannot be opened, or the page is broken or not there.
    """
    with drawing, open_pages(source, password) as document:
        sheet = _sheet(document, source, page)
        record = sheet.record
        pixels = sheet.pixels(sheet.rect, dpi)
    if not boxes:
        return _png(pixels)
    # Drawn on the picture, not into the page: a turned and cut page would lay the drawing out its own way.
    image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
    pen = ImageDraw.Draw(image)
    width = max(2, round(_LINE * effective_dpi(record.width, record.height, dpi) / 72))
    for box in boxes:
        around = box.padded(_AIR).clipped(record.width, record.height)
        pen.rectangle(box_on_image(record, around, dpi), outline=_RED, width=width)
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    return encoded.getvalue()


def crop(source: Path, page: int, box: Box, *, dpi: int = 150, pad: float = 5.0, password: str | None = None) -> bytes:
    """The part of page `page` (1-based) inside `box` and `pad` points around it, as PNG.

    Raises:
        InputError: the file cannot be opened, or the page is broken or not there.
    """
    with cutting(source, password) as cutter:
        return _png(cutter.pixels(page, box, dpi, pad))


@contextmanager
def cutting(source: Path, password: str | None = None) -> Iterator[Cutter]:
    """`source` opened once for many crops: fonts and pictures that they share are read once. Nobody else draws meanwhile.

    Raises:
        InputError: the file cannot be opened.
    """
    with drawing, open_pages(source, password) as document:
        yield Cutter(document, source)


@dataclass
class Cutter:
    """Cuts parts out of the pages of an open document; a page is read once for all its parts that follow each other."""

    document: pymupdf.Document
    source: Path
    _last: _Sheet | None = field(default=None, repr=False)

    def jpeg(self, page: int, box: Box, *, dpi: int, pad: float = 5.0) -> bytes:
        """As `crop`, encoded as JPEG with full colour resolution.

        Raises:
            InputError: no such page, it is broken, or the box lies outside it.
        """
        pixels = self.pixels(page, box, dpi, pad)
        # Read where MuPDF drew it: Pixmap.pil_tobytes makes a copy first.
        image = Image.frombuffer("RGB", (pixels.width, pixels.height), pixels.samples_mv, "raw", "RGB", 0, 1)
        encoded = io.BytesIO()
        image.save(encoded, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
        return encoded.getvalue()

    def pixels(self, page: int, box: Box, dpi: int, pad: float) -> pymupdf.Pixmap:
        """As `crop`, not encoded.

        Raises:
            InputError: no such page, it is broken, or the box lies outside it.
        """
        if self._last is None or self._last.record.number != page:
            self._last = _sheet(self.document, self.source, page)
        record = self._last.record
        clip = pymupdf.Rect(*to_displayed(box.padded(pad).clipped(record.width, record.height), record))
        if clip.is_empty:
            raise InputError(f"nothing to draw: the box {tuple(box)} lies outside page {page} of {self.source.name}")
        return self._last.pixels(clip, dpi)


def box_on_image(page: Page, box: Box, dpi: int) -> tuple[float, float, float, float]:
    """Where `box` is in `render_page(..., dpi=dpi)`: left, top, right, bottom in pixels."""
    x0, y0, x1, y1 = to_displayed(box, page)
    scale = effective_dpi(page.width, page.height, dpi) / 72.0
    return x0 * scale, y0 * scale, x1 * scale, y1 * scale


def effective_dpi(width: float, height: float, dpi: int) -> int:
    """`dpi`, or less where a picture of `width` by `height` points would have too many pixels."""
    square_inches = max(width * height / 72.0**2, 1e-9)
    return max(1, min(dpi, int((_MAX_PIXELS / square_inches) ** 0.5)))


@dataclass(frozen=True)
class _Sheet:
    """A page that was read and can be drawn from."""

    source: Path
    record: Page
    rect: pymupdf.Rect
    drawn: pymupdf.DisplayList

    def pixels(self, clip: pymupdf.Rect, dpi: int) -> pymupdf.Pixmap:
        dpi = effective_dpi(clip.width, clip.height, dpi)
        matrix = pymupdf.Matrix(dpi / 72.0, dpi / 72.0)
        with _telling(self.source, self.record.number):
            pixels: pymupdf.Pixmap
            pixels = self.drawn.get_pixmap(matrix=matrix, colorspace=pymupdf.csRGB, alpha=False, clip=clip)
        pixels.set_dpi(dpi, dpi)
        return pixels


def _sheet(document: pymupdf.Document, source: Path, number: int) -> _Sheet:
    if not 1 <= number <= document.page_count:
        raise InputError(f"{source.name} has no page {number}: it has {document.page_count}")
    with _telling(source, number):
        page = document[number - 1]
        width, height = page.rect.width, page.rect.height
        if page.rotation in (90, 270):
            width, height = height, width
        record = Page(number=number, width=width, height=height, rotation=page.rotation)
        return _Sheet(source, record, page.rect, page.get_displaylist())


@contextmanager
def _telling(source: Path, page: int) -> Iterator[None]:
    """What a broken page makes MuPDF raise, as an error that says so."""
    try:
        yield
    except (pymupdf.mupdf.FzErrorBase, RuntimeError, ValueError) as error:
        raise InputError(f"page {page} of {source.name} is broken and cannot be drawn ({error})") from None


def _png(pixels: pymupdf.Pixmap) -> bytes:
    png: bytes = pixels.tobytes("png")
    return png
