"""What a document is called: the title its file tells, else the largest heading of its first page.

A title that a file tells is often what a program left there: a file's name, a filing's number. On the page, stamps and
boxes that say how to cite are headings to the layout model, and none is a title; but what is to be cited is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from svrag.documents.blocks import Block

_MOST = 300  # characters
_LARGE = 12.0  # points: what is no heading must be so large to be a title
_SHORT = 150
_NEARLY = 0.95  # of the largest size: the first of those is the title
_LEFT_BY_A_PROGRAM = re.compile(
    r"\.(docx?|pptx?|indd|pdf|xlsx?|tex|qxd)$|^(untitled|microsoft|slide|document)\b|^\S*_\S*$", re.IGNORECASE
)
_NO_TITLE = re.compile(
    r"\bcitation\b|^for release\b|\d:\d\d(:\d\d)?\s?([AP]M)\b|^([IVX]{1,5}|\d{1,2}|[A-Z])[.)]\s", re.IGNORECASE
)
_TO_CITE = re.compile(r"\bcitation\b[^“\"]*[“\"]([^”\"]{10,})[”\"]", re.IGNORECASE)


def title_of(told: str, first_page: Sequence[Block]) -> str:
    """The title of a document, "" for none.

    Args:
        told: the title in the file's metadata.
        first_page: its blocks, without running headers and footers.
    """
    told = " ".join(told.split())
    if len(told) > 3 and _says_something(told) and not _LEFT_BY_A_PROGRAM.search(told):
        return told[:_MOST]
    texts = [block for block in first_page if _says_something(block.text) and not _NO_TITLE.search(block.text)]
    headings = [block for block in texts if block.kind in ("title", "section-header")]
    if headings:
        return _largest(headings)
    if cited := _TO_CITE.search(" ".join(block.text for block in first_page)):
        return cited[1].rstrip(" .,")[:_MOST]
    large = [b for b in texts if b.kind == "text" and b.size >= _LARGE and len(b.text) <= _SHORT and _is_upright(b)]
    return _largest(large) if large else ""


def _says_something(text: str) -> bool:
    """Whether there are letters enough: a number and a date are no title."""
    return sum(map(str.isalpha, text)) >= 0.4 * len("".join(text.split())) > 0


def _largest(blocks: Sequence[Block]) -> str:
    size = _NEARLY * max(block.size for block in blocks)
    return next(block.text for block in blocks if block.size >= size)[:_MOST]


def _is_upright(block: Block) -> bool:
    """Not the stamp that runs up a page's margin."""
    return block.box.width > block.box.height or len(block.lines) > 1
