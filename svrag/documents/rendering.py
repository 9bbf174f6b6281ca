"""Pictures of pages and of parts of them, drawn when they are asked for; nothing is kept.

Boxes come in the project's coordinates (unrotated page); pictures show the page as a viewer turns it. One is drawn at a
time, whoever asks: MuPDF must not run in two threads of one process.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
        InputError: the file cannot be opened or has no such page.
    """
    with drawing, open_pages(source, password) as document:
        sheet, record = _page(document, source, page)
        pixels = _pixels(sheet, sheet.rect, dpi)
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
        InputError: the file cannot be opened or has no such page.
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


@dataclass(frozen=True)
class Cutter:
    """Cuts parts out of the pages of an open document."""

    document: pymupdf.Document
    source: Path

    def jpeg(self, page: int, box: Box, *, dpi: int, pad: float = 5.0) -> bytes:
        """As `crop`, encoded as JPEG with full colour resolution.

        Raises:
            InputError: no such page, or the box lies outside it.
        """
        pixels = self.pixels(page, box, dpi, pad)
        encoded: bytes = pixels.pil_tobytes("JPEG", quality=_JPEG_QUALITY, subsampling=0)
        return encoded

    def pixels(self, page: int, box: Box, dpi: int, pad: float) -> pymupdf.Pixmap:
        """As `crop`, not encoded.

        Raises:
            InputError: no such page, or the box lies outside it.
        """
        sheet, record = _page(self.document, self.source, page)
        padded = box.padded(pad).clipped(record.width, record.height)
        clip = pymupdf.Rect(*to_displayed(padded, record))
        if clip.is_empty:
            raise InputError(f"nothing to draw: the box {tuple(box)} lies outside page {page} of {self.source.name}")
        return _pixels(sheet, clip, dpi)


def box_on_image(page: Page, box: Box, dpi: int) -> tuple[float, float, float, float]:
    """Where `box` is in `render_page(..., dpi=dpi)`: left, top, right, bottom in pixels."""
    x0, y0, x1, y1 = to_displayed(box, page)
    scale = effective_dpi(page.width, page.height, dpi) / 72.0
    return x0 * scale, y0 * scale, x1 * scale, y1 * scale


def effective_dpi(width: float, height: float, dpi: int) -> int:
    """`dpi`, or less where a picture of `width` by `height` points would have too many pixels."""
    square_inches = max(width * height / 72.0**2, 1e-9)
    return max(1, min(dpi, int((_MAX_PIXELS / square_inches) ** 0.5)))


def _page(document: pymupdf.Document, source: Path, number: int) -> tuple[pymupdf.Page, Page]:
    if not 1 <= number <= document.page_count:
        raise InputError(f"{source.name} has no page {number}: it has {document.page_count}")
    sheet = document[number - 1]
    width, height = sheet.rect.width, sheet.rect.height
    if sheet.rotation in (90, 270):
        width, height = height, width
    return sheet, Page(number=number, width=width, height=height, rotation=sheet.rotation)


def _pixels(sheet: pymupdf.Page, clip: pymupdf.Rect, dpi: int) -> pymupdf.Pixmap:
    return sheet.get_pixmap(dpi=effective_dpi(clip.width, clip.height, dpi), clip=clip, alpha=False)


def _png(pixels: pymupdf.Pixmap) -> bytes:
    png: bytes = pixels.tobytes("png")
    return png
