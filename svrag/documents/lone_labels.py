"""A label that stands alone on its line, as IEEE sets those of tables ("TABLE II"), takes the title set under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from svrag.documents.blocks import Block
from svrag.documents.caption_signs import is_caption, label_of
from svrag.documents.labels import caption_label
from svrag.documents.model import Box

_MOST_LINES = 4
_GAP = 1.0  # heights of the label's line between it and its title
_ASIDE = 0.5  # heights of that line by which a title may lie off the label's middle or left edge


def with_titles(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks of a page, each lone label and the title under it as one caption."""
    titles: dict[int, int] = {}
    for i, label in enumerate(blocks):
        if is_caption(label) and _alone(label.text):
            under = [j for j, block in enumerate(blocks) if j not in titles.values() and _is_title(block, label)]
            if len(under) == 1:
                titles[i] = under[0]
    joined = []
    for i, block in enumerate(blocks):
        if i in titles:
            title = blocks[titles[i]]
            both = Box.around([block.box, title.box])
            joined.append(replace(block, kind="caption", box=both, lines=(*block.lines, *title.lines)))
        elif i not in titles.values():
            joined.append(block)
    return tuple(joined)


def _alone(text: str) -> bool:
    words = text.strip().rstrip(".:")
    return len(words.split()) == 2 and bool(caption_label(words + ":"))


def _is_title(block: Block, label: Block) -> bool:
    if block.kind not in ("text", "section-header", "title", "caption") or not 0 < len(block.lines) <= _MOST_LINES:
        return False
    if label_of(block) or not _reads_as_title(block.text):
        return False
    height = label.lines[-1].box.height
    gap = block.box.y0 - label.box.y1
    middles = abs(block.box.x0 + block.box.x1 - label.box.x0 - label.box.x1) / 2
    edges = abs(block.box.x0 - label.box.x0)
    return -0.5 * height < gap < _GAP * height and min(middles, edges) < _ASIDE * height


def _reads_as_title(text: str) -> bool:
    """Words, not the first row of a table whose label has no title."""
    letters = sum(character.isalpha() for character in text)
    return len(text.split()) > 1 and letters > 0.8 * len(text.replace(" ", ""))
