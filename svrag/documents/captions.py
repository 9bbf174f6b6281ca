"""Which caption belongs to which figure or table, on one page, one to one.

A caption is what the layout calls one, or what begins with a label and an end ("Figure 3:"): the model classes four in
ten table captions as text. Captions stand on the side of their figures that the document mostly uses; that is learnt
first. A labelled caption without a body claims an image or drawing nobody took, then what stands between it and the
next prose. Charts without a label take the title above and the "Source:" line below as their caption.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from svrag.documents.blocks import Block, Line, PageBlocks
from svrag.documents.labels import caption_label, kind_of
from svrag.documents.model import Box

Side = Literal["above", "below", "beside"]
"""Where the body is, seen from its caption."""

_EDGE_SHARE = 0.25  # of a picture's height: where a caption taken into it can be
_FARTHEST = 150.0  # points of cost at which a caption and a picture have nothing to do with each other
_WRONG_SIDE, _WRONG_TYPE, _PROSE_BETWEEN, _BESIDE = 60.0, 40.0, 100.0, 40.0
_TITLE_GAP, _SOURCE_GAP, _PART_GAP = 28.0, 30.0, 30.0
_SOURCE = re.compile(
    r"\s*(Sources?|Notes?|Quelle|Anmerkung|Fuente|Nota|Fonte|Bron|来源|资料来源|注)\b(?!\s*\d)\s*[:.：]?",
    re.IGNORECASE,
)
_DEFAULT_SIDES: dict[str, Side] = {"Table": "below"}


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


@dataclass(frozen=True, slots=True)
class Captioned:
    """A page whose captions are paired; `blocks` differ from the page reader's where a body was put together."""

    page: PageBlocks
    blocks: tuple[Block, ...]
    pairs: tuple[Pair, ...]
    labels: tuple[tuple[int, str], ...]
    """All captions by index, with their labels ("" for none)."""


def pair_captions(pages: Sequence[PageBlocks]) -> list[Captioned]:
    """Pair the captions of all pages, with the sides this document uses."""
    pages = [_with_captions_freed(page) for page in pages]
    sides = _learn_sides(pages)
    return [_pair_page(page, sides) for page in pages]


def _with_captions_freed(page: PageBlocks) -> PageBlocks:
    """Captions that the layout took into a picture, at its upper or lower edge, become blocks of their own."""
    blocks: list[Block] = []
    for block in page.blocks:
        blocks += _freed(block) if block.kind == "picture" else [block]
    return replace(page, blocks=tuple(blocks))


def _freed(picture: Block) -> list[Block]:
    box = picture.box
    for line in picture.lines:
        if not caption_label(line.text):
            continue
        below = [other for other in picture.lines if other.box.y0 > line.box.y0 - 0.5 * line.box.height]
        if len(below) == len(picture.lines) <= 3 and box.height < 2.5 * sum(other.box.height for other in below):
            return [replace(picture, kind="caption", box=Box.around(other.box for other in below))]
        if line.box.y0 > box.y1 - _EDGE_SHARE * box.height:
            taken, rest = below, Box(box.x0, box.y0, box.x1, line.box.y0 - 1.0)
        elif line.box.y1 < box.y0 + _EDGE_SHARE * box.height:
            # Above a body only what stands on the caption's own line is surely the caption's.
            taken = [other for other in below if other.box.y0 < line.box.y0 + 0.5 * line.box.height]
            rest = Box(box.x0, line.box.y1 + 1.0, box.x1, box.y1)
        else:
            continue
        caption = Block("caption", Box.around(other.box for other in taken), tuple(taken), found="text")
        body = replace(picture, box=rest, lines=tuple(other for other in picture.lines if other not in taken))
        return [caption, body] if line.box.y0 < rest.y0 else [body, caption]
    return [picture]


def is_caption(block: Block) -> bool:
    """By class, or by a label at its beginning where a caption can be."""
    if block.kind == "caption":
        return True
    return block.kind in ("text", "section-header", "title", "footnote", "list-item") and bool(_label(block))


def _label(block: Block) -> str:
    return caption_label(block.text, surely_caption=block.kind == "caption")


def _learn_sides(pages: Sequence[PageBlocks]) -> dict[str, Side]:
    """The side on which figures and tables mostly stand, from the captions that have one body next to them."""
    votes: dict[str, Counter[Side]] = {}
    for page in pages:
        bodies = [block for block in page.blocks if block.kind in ("picture", "table")]
        for block in page.blocks:
            label = _label(block) if is_caption(block) else ""
            near = [
                (gap, side)
                for body in bodies
                for gap, side in [_gap(block.box, body.box)]
                if gap < 40 and side != "beside"
            ]
            if label and near:
                votes.setdefault(kind_of(label), Counter())[min(near)[1]] += 1
    return {kind: counts.most_common(1)[0][0] for kind, counts in votes.items()}


def _pair_page(page: PageBlocks, sides: dict[str, Side]) -> Captioned:
    blocks = list(page.blocks)
    captions = {i: _label(block) for i, block in enumerate(blocks) if is_caption(block)}
    pairs = _best_pairs(blocks, captions, sides)
    for box in page.spare:
        blocks.append(Block("picture", box, _lines_inside(blocks, box), found="drawing"))
    spare = set(range(len(page.blocks), len(blocks)))
    taken = {body for _, body in pairs.values()}
    left = {i: label for i, label in captions.items() if i not in pairs and label}
    pairs |= _best_pairs(blocks, left, sides, among=spare - taken)
    dropped = spare - {body for _, body in pairs.values()}
    for i, label in left.items():
        if i not in pairs:
            made = _from_space(blocks, i, label, sides, page, dropped)
            if made is not None:
                blocks.append(made)
                pairs[i] = (0.7, len(blocks) - 1)
    _join_parts(blocks, pairs, captions, dropped)
    result = [
        Pair(i, j, captions[i], confidence) if captions[i] else _with_title(blocks, i, j, confidence, dropped)
        for i, (confidence, j) in pairs.items()
    ]
    sources = {pair.source for pair in result if pair.source is not None}
    result += _titled_charts(blocks, captions, pairs, dropped, page, sources)
    for pair in result:
        blocks[pair.body] = _typed(blocks[pair.body], pair.label)
    return _without(page, blocks, result, captions, dropped)


def _best_pairs(
    blocks: Sequence[Block], captions: dict[int, str], sides: dict[str, Side], among: set[int] | None = None
) -> dict[int, tuple[float, int]]:
    """Caption index -> (confidence, body index): the cheapest pair first, each block used once."""
    bodies = [i for i, b in enumerate(blocks) if b.kind in ("picture", "table") and (among is None or i in among)]
    costs = sorted(
        (cost, i, j)
        for i, label in captions.items()
        for j in bodies
        if (cost := _cost(blocks, i, j, label, sides)) < _FARTHEST
    )
    pairs: dict[int, tuple[float, int]] = {}
    used: set[int] = set()
    for cost, i, j in costs:
        if i not in pairs and j not in used:
            sure = 0.9 if captions[i] and cost < 60 else 0.7
            pairs[i] = (sure, j)
            used.add(j)
    return pairs


def _cost(blocks: Sequence[Block], i: int, j: int, label: str, sides: dict[str, Side]) -> float:
    """How unlikely it is that caption `i` belongs to body `j`, in points of distance."""
    caption, body = blocks[i], blocks[j]
    gap, side = _gap(caption.box, body.box)
    kind = kind_of(label)
    cost = gap
    if side == "beside":
        cost += _BESIDE
    elif kind and side != sides.get(kind, _DEFAULT_SIDES.get(kind, "above")):
        cost += _WRONG_SIDE
    if (kind == "Table") != (body.kind == "table") and kind not in ("", "Exhibit", "Chart", "Box"):
        cost += _WRONG_TYPE
    between = Box.around([caption.box, body.box])
    for other in blocks:
        if other is caption or other is body or other.box.covered_by(between) < 0.5:
            continue
        if (
            is_prose(other)
            and other.box.covered_by(body.box) < 0.5
            and _stands_between(other.box, caption.box, body.box)
        ):
            cost += _PROSE_BETWEEN
    return cost


def _gap(caption: Box, body: Box) -> tuple[float, Side]:
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


def _stands_between(other: Box, caption: Box, body: Box) -> bool:
    middle = (other.y0 + other.y1) / 2
    return min(caption.y1, body.y1) <= middle <= max(caption.y0, body.y0)


def is_prose(block: Block) -> bool:
    """Running text, not a label, a number or a legend."""
    if block.kind in ("section-header", "title"):
        return True
    if block.kind not in ("text", "list-item", "footnote") or not block.lines:
        return False
    words = sum(len(line.text.split()) for line in block.lines)
    letters = sum(character.isalpha() for character in block.text)
    return words >= 8 and words >= 4.5 * len(block.lines) and letters > 0.6 * len(block.text.replace(" ", ""))


def _from_space(
    blocks: list[Block], i: int, label: str, sides: dict[str, Side], page: PageBlocks, dropped: set[int]
) -> Block | None:
    """A body for caption `i` out of what stands between it and the next prose, or None where there is nothing."""
    caption = blocks[i].box
    kind = kind_of(label)
    usual = sides.get(kind, _DEFAULT_SIDES.get(kind, "above"))
    for side in (usual, "below" if usual == "above" else "above"):
        x0, x1 = _column(blocks, caption, page.width)
        limit = 0.03 * page.height if side == "above" else 0.97 * page.height
        for j, other in enumerate(blocks):
            if j == i or j in dropped or min(other.box.x1, x1) - max(other.box.x0, x0) < 10:
                continue
            if not (
                is_prose(other)
                or is_caption(other)
                or other.kind in ("page-header", "page-footer", "picture", "table")
            ):
                continue
            if side == "above" and other.box.y1 <= caption.y0 + 2:
                limit = max(limit, other.box.y1)
            elif side == "below" and other.box.y0 >= caption.y1 - 2:
                limit = min(limit, other.box.y0)
        space = Box(x0, limit, x1, caption.y0) if side == "above" else Box(x0, caption.y1, x1, limit)
        inside = [
            j
            for j, b in enumerate(blocks)
            if j != i and j not in dropped and b.lines and b.box.covered_by(space) > 0.7
        ]
        lines = [line for j in inside for line in blocks[j].lines]
        if len(lines) >= (2 if kind == "Table" else 1) or (kind != "Table" and space.height > 60):
            box = Box.around(line.box for line in lines) if kind == "Table" or len(lines) > 8 else space
            if box.height < 12:
                continue
            dropped.update(inside)
            return Block("table" if kind == "Table" else "picture", box, tuple(lines), found="text")
    return None


def _column(blocks: Sequence[Block], caption: Box, width: float) -> tuple[float, float]:
    """The left and right edge of the column a caption stands in, from the prose that overlaps it."""
    overlapping = [b.box for b in blocks if is_prose(b) and min(b.box.x1, caption.x1) - max(b.box.x0, caption.x0) > 20]
    wide = [box for box in overlapping if box.width < 0.6 * width] if caption.width < 0.5 * width else overlapping
    if not wide:
        return min(caption.x0, 0.08 * width) if caption.width > 0.4 * width else caption.x0 - 40, max(
            caption.x1, caption.x0 + 120
        )
    return min(caption.x0, *(box.x0 for box in wide)), max(caption.x1, *(box.x1 for box in wide))


def _join_parts(
    blocks: list[Block], pairs: dict[int, tuple[float, int]], captions: dict[int, str], dropped: set[int]
) -> None:
    """Pictures without a caption beside or above a captioned one, on the same side of its caption, are parts of it."""
    for i, (_, j) in pairs.items():
        if blocks[j].kind != "picture" or not captions[i]:
            continue
        _, side = _gap(blocks[i].box, blocks[j].box)
        grown = True
        while grown:
            grown = False
            for part, block in enumerate(blocks):
                if (
                    block.kind != "picture"
                    or part in dropped
                    or part == j
                    or any(part == body for _, body in pairs.values())
                ):
                    continue
                if _gap(blocks[i].box, block.box)[1] != side and side != "beside":
                    continue
                union = Box.around([blocks[j].box, block.box])
                if blocks[j].box.distance(block.box) > _PART_GAP or _cuts_through(
                    union, blocks, {i, j, part}, dropped
                ):
                    continue
                blocks[j] = replace(blocks[j], box=union, lines=(*blocks[j].lines, *block.lines))
                dropped.add(part)
                grown = True
    for i, (_, j) in pairs.items():
        lines, inside = _swallowed(blocks, j, {i}, dropped)
        blocks[j] = replace(blocks[j], lines=lines)
        dropped.update(inside)


def _swallowed(
    blocks: Sequence[Block], j: int, keep: set[int], dropped: set[int]
) -> tuple[tuple[Line, ...], list[int]]:
    """The lines of body `j` and of the small text blocks that lie inside it."""
    lines, inside = list(blocks[j].lines), []
    for k, block in enumerate(blocks):
        if k == j or k in keep or k in dropped or block.kind in ("picture", "table", "caption") or is_caption(block):
            continue
        if block.box.covered_by(blocks[j].box) > 0.8:
            lines += [line for line in block.lines if line not in lines]
            inside.append(k)
    return tuple(lines), inside


def _cuts_through(union: Box, blocks: Sequence[Block], without: set[int], dropped: set[int]) -> bool:
    return any(
        k not in without
        and k not in dropped
        and (is_prose(block) or is_caption(block) or block.kind == "table")
        and block.box.covered_by(union) > 0.3
        for k, block in enumerate(blocks)
    )


def _with_title(blocks: list[Block], i: int, j: int, confidence: float, dropped: set[int]) -> Pair:
    """A pair without a number, with the bold title above its caption and the source line below its body."""
    free = [k for k in range(len(blocks)) if k not in dropped and k not in (i, j)]
    _take_title(blocks, i, j, free, dropped)
    source = _nearest(blocks, [k for k in free if k not in dropped], blocks[j].box, below=True)
    return Pair(i, j, "", confidence, source if source is not None and _SOURCE.match(blocks[source].text) else None)


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


def _titled_charts(
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


def _nearest(blocks: Sequence[Block], among: Sequence[int], body: Box, *, below: bool) -> int | None:
    """The text block right below or above `body`, in its column."""
    best, best_gap = None, _SOURCE_GAP if below else _TITLE_GAP
    for k in among:
        block = blocks[k]
        if not block.lines or block.kind in ("picture", "table", "page-header", "page-footer", "formula"):
            continue
        gap, side = _gap(block.box, body)
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


def _typed(body: Block, label: str) -> Block:
    """What the label says wins over what the layout saw."""
    kind = kind_of(label)
    if kind == "Table" and body.lines:
        return replace(body, kind="table")
    if kind in ("Figure", "Scheme") and not body.rows:
        return replace(body, kind="picture")
    return body


def _lines_inside(blocks: Sequence[Block], box: Box) -> tuple[Line, ...]:
    return tuple(
        line for block in blocks for line in block.lines if line.box.covered_by(box) > 0.7 and not is_caption(block)
    )


def _without(
    page: PageBlocks, blocks: list[Block], pairs: list[Pair], captions: dict[int, str], dropped: set[int]
) -> Captioned:
    """The page without the dropped blocks and with a new body right after or before its caption; indices follow."""
    order = [k for k in range(len(page.blocks)) if k not in dropped]
    for pair in pairs:
        if pair.body >= len(page.blocks):
            order.insert(order.index(pair.caption), pair.body)
    place = {old: new for new, old in enumerate(order)}
    return Captioned(
        page=page,
        blocks=tuple(blocks[k] for k in order),
        pairs=tuple(
            replace(
                p, caption=place[p.caption], body=place[p.body], source=None if p.source is None else place[p.source]
            )
            for p in pairs
        ),
        labels=tuple((place[k], label) for k, label in captions.items() if k in place),
    )
