"""Which caption belongs to which figure or table, on one page, one to one.

A caption is what the layout calls one, or what begins with a label and an end ("Figure 3:"): the model classes four in
ten table captions as text. Captions stand on the side of their figures that the document mostly uses; that is learnt
first. A labelled caption without a body claims an image or drawing nobody took, then what stands between it and the
next prose. Charts without a label take the title above and the "Source:" line below as their caption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from svrag.documents.blocks import Block, Line, PageBlocks
from svrag.documents.caption_bodies import from_space, join_parts
from svrag.documents.caption_signs import DEFAULT_SIDES, Pair, Side, gap_and_side, is_caption, is_prose, label_of
from svrag.documents.chart_titles import titled_charts, with_title
from svrag.documents.labels import caption_label, kind_of
from svrag.documents.lone_labels import with_titles
from svrag.documents.model import Box

_EDGE_SHARE = 0.25  # of a picture's height: where a caption taken into it can be
_FARTHEST = 150.0  # points of cost at which a caption and a picture have nothing to do with each other
_WRONG_SIDE, _WRONG_TYPE, _PROSE_BETWEEN, _BESIDE = 60.0, 40.0, 100.0, 40.0


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
    pages = [replace(page, blocks=with_titles(page.blocks)) for page in pages]
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


def _learn_sides(pages: Sequence[PageBlocks]) -> dict[str, Side]:
    """The side on which figures and tables mostly stand, from the captions that have one body next to them."""
    votes: dict[str, Counter[Side]] = {}
    for page in pages:
        bodies = [block for block in page.blocks if block.kind in ("picture", "table")]
        for block in page.blocks:
            label = label_of(block) if is_caption(block) else ""
            near = [
                (gap, side)
                for body in bodies
                for gap, side in [gap_and_side(block.box, body.box)]
                if gap < 40 and side != "beside"
            ]
            if label and near:
                votes.setdefault(kind_of(label), Counter())[min(near)[1]] += 1
    return {kind: counts.most_common(1)[0][0] for kind, counts in votes.items()}


def _pair_page(page: PageBlocks, sides: dict[str, Side]) -> Captioned:
    blocks = list(page.blocks)
    captions = {i: label_of(block) for i, block in enumerate(blocks) if is_caption(block)}
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
            made = from_space(blocks, i, label, sides, page, dropped)
            if made is not None:
                blocks.append(made)
                pairs[i] = (0.7, len(blocks) - 1)
    join_parts(blocks, pairs, captions, dropped)
    result = [
        Pair(i, j, captions[i], confidence) if captions[i] else with_title(blocks, i, j, confidence, dropped)
        for i, (confidence, j) in pairs.items()
    ]
    sources = {pair.source for pair in result if pair.source is not None}
    result += titled_charts(blocks, captions, pairs, dropped, page, sources)
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
    gap, side = gap_and_side(caption.box, body.box)
    kind = kind_of(label)
    cost = gap
    if side == "beside":
        cost += _BESIDE
    elif kind and side != sides.get(kind, DEFAULT_SIDES.get(kind, "above")):
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


def _stands_between(other: Box, caption: Box, body: Box) -> bool:
    middle = (other.y0 + other.y1) / 2
    return min(caption.y1, body.y1) <= middle <= max(caption.y0, body.y0)


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
