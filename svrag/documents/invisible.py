"""Text that a page's file holds and its reader does not see: what hides there is not read.

Looked for are text that is neither filled nor stroked (render mode 3), transparent, smaller than anybody reads, of the
colour of what it stands on, or drawn over by a picture or a shape. The text that a scan was given is not among them: it
lies unseen over or under a picture of the whole page, and says what that shows. What lies off the page is no text of it
to begin with. Knows nothing of blocks; not seen through are text under a picture of the whole page, and clipped text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pymupdf

from svrag.documents.model import Box

_DRAWN = pymupdf.mupdf.FZ_STEXT_FILLED | pymupdf.mupdf.FZ_STEXT_STROKED
_OPAQUE = 13  # of 255: less is not seen
_SMALLEST = 1.5  # points
_PALE = 0.75  # of white: text at least so bright may be lost on its page
_INK = 12  # of 255: how much ink must differ from what is around it
_LEAST_INK = 0.02  # of a text's box
_LOOKING_DPI = 72
_COVER_AREA = 60.0  # square points; what is smaller covers no line of text
_COVERS = ("fill-image", "fill-path", "fill-shade")
_MOST_COVERS = 500
_COVERED = 0.9  # of a text's box
_SAME_TEXT = 0.7  # of a span's box: it is the piece of text that was drawn there
_PAGE_FILLING = 0.85


class Unseen:
    """Says of each span of a page's text whether it is not seen, and keeps count. One for each page, upright.

    Args:
        images: where images are on it.
        draw: whether the page may be drawn to look at it; without, colours and shapes hide nothing.
    """

    def __init__(self, page: pymupdf.Page, images: Sequence[Box], *, draw: bool = True) -> None:
        self._page = page
        self._draw = draw
        whole = Box(*page.rect)
        # A scan with its text, in one picture or in strips.
        self._scan = sum(whole.intersection(image) for image in images) > _PAGE_FILLING * whole.area
        self._reasons: Counter[str] = Counter()
        self._pixels: np.ndarray[Any, np.dtype[np.uint8]] | None = None
        self._covered: list[tuple[Box, str]] | None = None

    def hides(self, span: Mapping[str, Any]) -> bool:
        """Whether `span`, of `Page.get_text("dict")`, is not seen."""
        why = self._why(span)
        if why:
            self._reasons[why] += 1
        return bool(why)

    def warning(self) -> str:
        """What was left out, for people; "" when nothing was."""
        if not self._reasons:
            return ""
        return f"invisible text left out ({', '.join(sorted(self._reasons))})"

    def _why(self, span: Mapping[str, Any]) -> str:
        if not span["text"].strip():
            return ""
        if not span["char_flags"] & _DRAWN:
            return "" if self._scan else "not drawn"
        if span["alpha"] < _OPAQUE:
            return "transparent"
        if span["size"] < _SMALLEST:
            return "too small to read"
        box = Box(*span["bbox"])
        cover = "" if self._scan else self._cover(box)
        if cover == "picture":
            return "behind a picture"
        if (cover or _brightness(span["color"]) > _PALE) and not self._inked(box):
            return "behind a shape" if cover else "in the colour of the page"
        return ""

    def _inked(self, box: Box) -> bool:
        """Whether something stands out in `box` of the page as it is drawn."""
        if not self._draw:
            return True
        if self._pixels is None:
            drawn = self._page.get_pixmap(dpi=_LOOKING_DPI, colorspace=pymupdf.csGRAY, alpha=False)
            self._pixels = np.frombuffer(drawn.samples, np.uint8).reshape(drawn.height, drawn.stride)[:, : drawn.width]
        x0, y0, x1, y1 = (round(value) for value in box)
        part = self._pixels[max(0, y0) : max(y1, y0 + 1), max(0, x0) : max(x1, x0 + 1)].astype(np.int16)
        if not part.size:
            return False
        return float((np.abs(part - np.median(part)) > _INK).mean()) > _LEAST_INK

    def _cover(self, box: Box) -> str:
        """What is drawn over the text in `box`: "picture", "shape" (or a picture that may let through), or ""."""
        if self._covered is None:
            self._covered = _covered(self._page)
        here = [cover for text, cover in self._covered if box.covered_by(text.padded(2.0)) > _SAME_TEXT]
        return here[0] if here and all(here) else ""


def _covered(page: pymupdf.Page) -> list[tuple[Box, str]]:
    """Each piece of text as it is drawn, and what is drawn over it later; nothing at all where nothing is."""
    drawn = [(kind, Box(*box)) for kind, box in page.get_bboxlog()]
    over = [i for i, (kind, box) in enumerate(drawn) if kind in _COVERS and box.area > _COVER_AREA]
    texts = [i for i, (kind, _) in enumerate(drawn) if kind.endswith("-text") and over and i < over[-1]]
    if not texts:
        return []
    boxes = np.array([drawn[i][1] for i in texts])
    order = np.array(texts)
    areas = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-6)
    found = [""] * len(texts)
    solid = [Box(*image["bbox"]) for image in page.get_image_info() if not image["has-mask"]]
    for i in over[-_MOST_COVERS:]:
        kind, box = drawn[i]
        across = np.minimum(boxes[:, 2], box.x1) - np.maximum(boxes[:, 0], box.x0)
        down = np.minimum(boxes[:, 3], box.y1) - np.maximum(boxes[:, 1], box.y0)
        inside = (across > 0) & (down > 0) & (across * down > _COVERED * areas) & (order < i)
        picture = kind == "fill-image" and any(image.iou(box) > 0.9 for image in solid)
        for n in np.flatnonzero(inside):
            found[n] = "picture" if picture or found[n] == "picture" else "shape"
    return [(drawn[i][1], cover) for i, cover in zip(texts, found, strict=True)]


def _brightness(color: int) -> float:
    """Of sRGB 0xRRGGBB, in [0, 1]."""
    return (0.299 * (color >> 16 & 255) + 0.587 * (color >> 8 & 255) + 0.114 * (color & 255)) / 255
