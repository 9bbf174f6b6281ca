"""A page as the page reader leaves it: blocks of lines with a layout class, before anything is known of other pages.

Boxes are in points of the page *as displayed*: reading order is a matter of what a reader sees. `to_unrotated` turns them
into the project's coordinates once the document is put together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from svrag.documents.model import Box, Page

BlockKind = Literal[
    "text",
    "title",
    "picture",
    "table",
    "list-item",
    "page-header",
    "page-footer",
    "section-header",
    "footnote",
    "caption",
    "formula",
]


class Word(NamedTuple):
    """A word and its box."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text.

    Attributes:
        size: of the font, in points.
        bold: all of it is.
        words: where they stand, while the page is read; () in its blocks.
    """

    text: str
    box: Box
    size: float
    bold: bool = False
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, or a picture or table with the lines inside it.

    Attributes:
        rows: cells of a table, "" where empty; () for everything else and for tables without a grid.
        found: "layout" for what the layout model found, "image" or "drawing" for what was added from the page's content.
    """

    kind: BlockKind
    box: Box
    lines: tuple[Line, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    header_rows: int = 1
    found: Literal["layout", "image", "drawing", "text"] = "layout"

    @property
    def text(self) -> str:
        return join_lines([line.text for line in self.lines])

    @property
    def size(self) -> float:
        """Font size of most of the text."""
        sizes = sorted(line.size for line in self.lines)
        return sizes[len(sizes) // 2] if sizes else 0.0

    @property
    def bold(self) -> bool:
        return bool(self.lines) and all(line.bold for line in self.lines)


@dataclass(frozen=True, slots=True)
class PageBlocks:
    """A page and its blocks in reading order, boxes as displayed.

    Attributes:
        spare: images and drawings that were taken for no figure; a caption without a body may still claim one.
    """

    page: Page
    blocks: tuple[Block, ...]
    spare: tuple[Box, ...] = ()

    @property
    def width(self) -> float:
        """Width as displayed."""
        return self.page.displayed_size[0]

    @property
    def height(self) -> float:
        """Height as displayed."""
        return self.page.displayed_size[1]


def join_lines(lines: list[str]) -> str:
    """Lines as one text; a word broken by a hyphen at a line's end is made whole."""
    text = ""
    for line in lines:
        line = line.strip()
        if not line:
            continue
        if text.endswith(("\u00ad", "-")) and len(text) > 1 and text[-2].isalpha() and line[:1].islower():
            text = text[:-1] + line
        else:
            text = f"{text} {line}" if text else line
    return text


def to_unrotated(box: Box, page: Page) -> Box:
    """`box` from the page as displayed to the unrotated page."""
    w, h = page.width, page.height
    if page.rotation == 90:
        return Box(box.y0, h - box.x1, box.y1, h - box.x0)
    if page.rotation == 180:
        return Box(w - box.x1, h - box.y1, w - box.x0, h - box.y0)
    if page.rotation == 270:
        return Box(w - box.y1, box.x0, w - box.y0, box.x1)
    return box


def to_displayed(box: Box, page: Page) -> Box:
    """`box` from the unrotated page to the page as displayed; the inverse of `to_unrotated`."""
    w, h = page.width, page.height
    if page.rotation == 90:
        return Box(h - box.y1, box.x0, h - box.y0, box.x1)
    if page.rotation == 180:
        return Box(w - box.x1, h - box.y1, w - box.x0, h - box.y0)
    if page.rotation == 270:
        return Box(box.y0, w - box.x1, box.y1, w - box.x0)
    return box
