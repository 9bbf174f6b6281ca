"""Pages that are images: told from pages of text, read by OCR, and drawn anew for the layout model.

The model works on text lines. What tesseract reads is laid invisibly over the page's image, and that page is what the
model is given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pymupdf

from svrag.documents import ocr
from svrag.documents.blocks import Line, Word
from svrag.documents.ink import picture_boxes
from svrag.documents.model import Box

_LOOKING_DPI = 72
_MAX_OCR_PIXELS = 12_000_000
_FEW_WORDS = 25  # with a picture over most of the page: a stamp on a scan
UNREADABLE = re.compile(r"[\ufffd\x00-\x08\x0e-\x1f\ue000-\uf8ff]")
"""Signs that stand for letters a file does not tell."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A page read from its image.

    Attributes:
        lines: what stands on it, in points of the page.
        drawn: its image with the words invisibly over it, for the layout model.
        inked: where its ink is no text: the pictures.
    """

    lines: list[Line]
    drawn: pymupdf.Page
    inked: list[Box]


def is_scan(page: pymupdf.Page, lines: list[Line], images: list[Box]) -> bool:
    """No words to speak of where there is something to see, or words that cannot be read."""
    text = "".join(line.text for line in lines)
    letters = sum(character.isalnum() for character in text)
    if len(UNREADABLE.findall(text)) > 0.3 * max(1, len(text)):
        return True
    if letters < 8:
        return bool(images or page.get_bboxlog())
    if len(text.split()) >= _FEW_WORDS:
        return False
    whole = Box(*page.rect)
    return max((image.intersection(whole) for image in images), default=0.0) > 0.6 * whole.area


def is_all_image(page: pymupdf.Page, images: list[Box]) -> bool:
    """A scan, in one piece or in strips, that somebody has given a text layer: its pictures are in the image."""
    whole = Box(*page.rect)
    return sum(whole.intersection(image) for image in images) > 0.85 * whole.area


def read_scan(page: pymupdf.Page) -> Scan:
    """`page` as tesseract reads it.

    Raises:
        OcrError: tesseract is missing, failed, or took longer than its limit.
    """
    image = page.get_pixmap(dpi=_ocr_dpi(page), colorspace=pymupdf.csGRAY, alpha=False)
    lines = [_scaled(line, page) for line in ocr.read_lines(image.tobytes("png"))]
    return Scan(lines, _redrawn(page, image, lines), _inked(page, image, lines))


def inked(page: pymupdf.Page, lines: list[Line]) -> list[Box]:
    """Where the ink of a page that is one image is none of its `lines`: the pictures in the image."""
    image = page.get_pixmap(dpi=_LOOKING_DPI, colorspace=pymupdf.csGRAY, alpha=False)
    return _inked(page, image, lines)


def _ocr_dpi(page: pymupdf.Page) -> int:
    """150, or less where the page is so large that the image would be."""
    inches = page.rect.width * page.rect.height / 72.0**2
    return max(30, min(ocr.DPI, int((_MAX_OCR_PIXELS / max(inches, 1e-6)) ** 0.5)))


def _scaled(line: Line, page: pymupdf.Page) -> Line:
    """From an image taken for 150 dpi to the page, for pages drawn at less."""
    factor = ocr.DPI / _ocr_dpi(page)

    def scaled(box: Box) -> Box:
        return Box(*(value * factor for value in box)).clipped(page.rect.width, page.rect.height)

    words = tuple(Word(word.text, scaled(word.box)) for word in line.words)
    return replace(line, box=scaled(line.box), words=words)


def _inked(page: pymupdf.Page, image: pymupdf.Pixmap, lines: list[Line]) -> list[Box]:
    grey = np.frombuffer(image.samples, np.uint8).reshape(image.height, image.stride)[:, : image.width]
    return picture_boxes(grey, page.rect.width, page.rect.height, lines)


def _redrawn(page: pymupdf.Page, image: pymupdf.Pixmap, lines: list[Line]) -> pymupdf.Page:
    """A new page with the old one's image and `lines` as invisible text at their places.

    The letters are only there for the model to see where text is; the text itself stays in `lines`. A copy of the page
    itself will not do: a stamp on a scan is visible text, beside which the model does not look at the invisible.
    """
    target = pymupdf.open().new_page(width=page.rect.width, height=page.rect.height)
    target.insert_image(target.rect, pixmap=image)
    for line in lines:
        for word in line.words:
            letters = word.text.encode("latin-1", errors="replace").decode("latin-1")
            natural = pymupdf.get_text_length(letters, fontsize=1.0) or 1.0
            size = max(2.0, min(word.box.width / natural, line.size * 1.3))
            base = line.box.y1 - 0.2 * line.box.height
            target.insert_text((word.box.x0, base), letters, fontsize=size, render_mode=3)
    return target
