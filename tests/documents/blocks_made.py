"""Blocks and pages that tests of the page parts put together by hand."""

from __future__ import annotations

from svrag.documents.blocks import Block, BlockKind, Line, PageBlocks
from svrag.documents.model import Box, Page

LINE_HEIGHT = 12.0


def block(kind: BlockKind, box: tuple[float, float, float, float], text: str = "", size: float = 10.0) -> Block:
    """A block with one line per line of `text`, set from its top down."""
    x0, y0, x1, _ = box
    lines = tuple(
        Line(line, Box(x0, y0 + i * LINE_HEIGHT, x1, y0 + (i + 1) * LINE_HEIGHT), size, False)
        for i, line in enumerate(text.splitlines())
    )
    return Block(kind, Box(*box), lines)


def page(*blocks: Block, number: int = 1, width: float = 600.0, height: float = 800.0) -> PageBlocks:
    return PageBlocks(Page(number, width, height), tuple(blocks))


PROSE = "The kiln was fired for nine hours at a steady heat before the glaze was put on by hand"
