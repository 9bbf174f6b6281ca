"""What repeats from page to page: running headers and footers, and the page numbers printed in them.

A line at the edge of a page is furniture when the same words, digits aside, stand there on other pages too, or when it is
nothing but a page number. What the layout calls a footer but stands only once (slide titles, often) is kept as text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from svrag.documents.blocks import Block, BlockKind, PageBlocks

_EDGE = 0.1  # of the page's height
_NAMED_EDGE = 0.2  # for what the layout calls a header or footer: a source line below a chart is none
_REPEATS = 3
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"(?:page|seite|p\.?)?\s*[-–|]?\s*(\d{1,4}|[ivxlc]{1,6})\s*[-–|]?(?:\s*(?:of|/|von)\s*\d+)?", re.IGNORECASE
)
_NUMBER_AT_END = re.compile(r"(?:^|\s|\|)(\d{1,4})\s*$|^\s*(\d{1,4})(?:\s|\|)")


def drop_furniture(pages: Sequence[PageBlocks]) -> list[PageBlocks]:
    """Pages without running headers and footers, each with the label printed on it where the file has none."""
    seen = Counter(key for page in pages for key in {_key(b) for b in page.blocks if _at_edge(b, page)})
    needed = min(_REPEATS, max(2, len(pages)))
    labels = printed_labels(pages)
    result = []
    for page, label in zip(pages, labels, strict=True):
        kept = []
        for block in page.blocks:
            repeated = _at_edge(block, page) and (
                seen[_key(block)] >= needed or _PAGE_NUMBER.fullmatch(block.text.strip())
            )
            if repeated:
                continue
            if block.kind in ("page-header", "page-footer"):
                block = replace(block, kind=_real_kind(block, page))
            kept.append(block)
        record = page.page if page.page.label else replace(page.page, label=label)
        result.append(replace(page, page=record, blocks=tuple(kept)))
    return result


def printed_labels(pages: Sequence[PageBlocks]) -> list[str]:
    """The page number printed on each page: numbers at the edges that grow by one from page to page.

    "" everywhere unless at least half of the pages (and three) agree on how far the printed number is from the position.
    """
    offsets: Counter[int] = Counter()
    for page in pages:
        offsets.update(
            {number - page.page.number for block in page.blocks if _at_edge(block, page) for number in _numbers(block)}
        )
    if not offsets:
        return [""] * len(pages)
    offset, votes = offsets.most_common(1)[0]
    if votes < max(3, len(pages) / 2):
        return [""] * len(pages)
    numbers = [page.page.number + offset for page in pages]
    return [str(number) if number > 0 else "" for number in numbers]


def _at_edge(block: Block, page: PageBlocks) -> bool:
    if not block.lines or block.kind in ("picture", "table", "caption"):
        return False
    named = block.kind in ("page-header", "page-footer")
    if len(block.lines) > 2 and not named:
        return False
    edge = _NAMED_EDGE if named else _EDGE
    return block.box.y1 < edge * page.height or block.box.y0 > (1 - edge) * page.height


def _key(block: Block) -> str:
    return _DIGITS.sub("#", block.text.lower()).strip()


def _numbers(block: Block) -> list[int]:
    match = _NUMBER_AT_END.search(block.text)
    return [int(match[1] or match[2])] if match else []


def _real_kind(block: Block, page: PageBlocks) -> BlockKind:
    """What a header or footer that stands only once is: a large line on top is a title."""
    others = [b.size for b in page.blocks if b is not block and b.lines]
    usual = sorted(others)[len(others) // 2] if others else 0.0
    large = block.size > 1.15 * usual and len(block.text) < 150
    return "section-header" if large and block.box.y1 < 0.5 * page.height else "text"
