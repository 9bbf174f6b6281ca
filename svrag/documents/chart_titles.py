"""Charts without a label: the title above and the "Source:" line below are their caption."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from svrag.documents.blocks import Block, PageBlocks
from svrag.documents.caption_signs import Pair, gap_and_side
from svrag.documents.model import Box

_TITLE_GAP, _SOURCE_GAP = 28.0, 30.0  # points
_SOURCE = re.compile(
    r"\s*(Sources?|Notes?|Quelle|Anmerkung|Fuente|Nota|Fonte|Bron|来源|资料来源|注)\b(?!\s*\d)\s*[:.：]?",
    re.IGNORECASE,
)


def with_title(blocks: list[Block], i: int, j: int, confidence: float, dropped: set[int]) -> Pair:
    """A pair without a number, with the bold title above its caption and the source line below its body."""
    free = [k for k in range(len(blocks)) if k not in dropped and k not in (i, j)]
    _take_title(blocks, i, j, free, dropped)
    source = _nearest(blocks, [k for k in free if k not in dropped], blocks[j].box, below=True)
    return Pair(i, j, "", confidence, source if source is not None and _SOURCE.match(blocks[source].text) else None)


def titled_charts(
    blocks: list[Block],
    captions: dict[int, str],
    pairs: dict[int, tuple[float, int]],
    dropped: set[int],
    page: PageBlocks,
    known_sources: set[int],
) -> list[Pair]:
    """Charts and tables without a caption, with the title right above and the source line below as one."""
    paired = {body for _, body in pairs.values()}
    used: set[int] = set(known_sources)
    result = []
    for j, body in enumerate(blocks):
        if body.kind not in ("picture", "table") or j in paired or j in dropped:
            continue
        if body.box.area < 0.03 * page.width * page.height:
            continue
        free = [k for k in range(len(blocks)) if k not in dropped and k not in used and k not in captions]
        source = _nearest(blocks, free, body.box, below=True)
        if source is not None and not _SOURCE.match(blocks[source].text):
            source = None
        title = _nearest(blocks, free, body.box, below=False)
        if title is not None and not _is_chart_title(blocks[title], source is not None):
            title = None
        if title is None:
            continue
        used.update({title} if source is None else {title, source})
        captions[title] = ""
        _take_title(blocks, title, j, [k for k in free if k not in used], dropped)
        result.append(Pair(title, j, "", 0.7, source))
    return result


def _take_title(blocks: list[Block], i: int, j: int, free: Sequence[int], dropped: set[int]) -> None:
    """Add to caption `i` of body `j`, a chart's subtitle, the title right above it."""
    subtitle, body = blocks[i], blocks[j]
    title = _nearest(blocks, free, subtitle.box, below=False)
    if title is None or subtitle.box.y1 > body.box.y0 + 5.0 or not _is_title_of(blocks[title], subtitle, body):
        return
    lines = (*blocks[title].lines, *subtitle.lines)
    blocks[i] = replace(subtitle, box=Box.around([blocks[title].box, subtitle.box]), lines=lines)
    dropped.add(title)


def _is_title_of(title: Block, subtitle: Block, body: Block) -> bool:
    """Bold, no wider than the chart and flush with it or its subtitle; a numbered heading is a section's."""
    if not (title.kind in ("section-header", "title") or title.bold) or len(title.lines) > 4:
        return False
    flush = min(abs(title.box.x0 - other.box.x0) for other in (subtitle, body)) < 8.0
    fits = title.box.width < 1.1 * Box.around([subtitle.box, body.box]).width + 10.0
    return flush and fits and subtitle.box.y0 - title.box.y1 < 14.0 and not title.text[:1].isdigit()


def _nearest(blocks: Sequence[Block], among: Sequence[int], body: Box, *, below: bool) -> int | None:
    """The text block right below or above `body`, in its column."""
    best, best_gap = None, _SOURCE_GAP if below else _TITLE_GAP
    for k in among:
        block = blocks[k]
        if not block.lines or block.kind in ("picture", "table", "page-header", "page-footer", "formula"):
            continue
        gap, side = gap_and_side(block.box, body)
        if side == ("above" if below else "below") and gap < best_gap:
            best, best_gap = k, gap
    return best


def _is_chart_title(block: Block, has_source: bool) -> bool:
    """Short and set apart. Plain text and headers count only where a source line below shows that this is a chart."""
    if len(block.lines) > 4 or len(block.text) > 300:
        return False
    if block.kind in ("section-header", "title"):
        return has_source
    return block.kind == "text" and (block.bold or (has_source and not block.text.endswith(".")))
