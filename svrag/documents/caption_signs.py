"""What shows that a block is a caption or running text, and on which side of a caption a body is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from svrag.documents.blocks import Block
from svrag.documents.labels import caption_label
from svrag.documents.model import Box

Side = Literal["above", "below", "beside"]
"""Where the body is, seen from its caption."""

DEFAULT_SIDES: dict[str, Side] = {"Table": "below"}
"""By kind of label, where a document does not tell; else "above"."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A caption and its body by their index among the page's blocks, the label, and how sure the pairing is.

    `source` is the index of a source line that belongs to the caption, or None.
    """

    caption: int
    body: int
    label: str
    confidence: float
    source: int | None = None


def is_caption(block: Block) -> bool:
    """By class, or by a label at its beginning where a caption can be."""
    if block.kind == "caption":
        return True
    return block.kind in ("text", "section-header", "title", "footnote", "list-item") and bool(label_of(block))


def label_of(block: Block) -> str:
    """The label at its beginning ("Figure 3"); "" for none."""
    return caption_label(block.text, surely_caption=block.kind == "caption")


def is_prose(block: Block) -> bool:
    """Running text, not a label, a number or a legend."""
    if block.kind in ("section-header", "title"):
        return True
    if block.kind not in ("text", "list-item", "footnote") or not block.lines:
        return False
    words = sum(len(line.text.split()) for line in block.lines)
    letters = sum(character.isalpha() for character in block.text)
    return words >= 8 and words >= 4.5 * len(block.lines) and letters > 0.6 * len(block.text.replace(" ", ""))


def gap_and_side(caption: Box, body: Box) -> tuple[float, Side]:
    """Points between caption and body, and the side the body is on."""
    across = min(caption.x1, body.x1) - max(caption.x0, body.x0)
    if across > 0.2 * min(caption.width, body.width):
        above = (body.y0 + body.y1) < (caption.y0 + caption.y1)
        gap = caption.y0 - body.y1 if above else body.y0 - caption.y1
        return max(0.0, gap), "above" if above else "below"
    down = min(caption.y1, body.y1) - max(caption.y0, body.y0)
    if down > 0:
        return max(0.0, caption.x0 - body.x1, body.x0 - caption.x1), "beside"
    return 1e6, "beside"
