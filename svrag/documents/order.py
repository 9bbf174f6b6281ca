"""Reading order of the blocks of one page: columns are found, and each is read before the next.

A column gap is a vertical line that few blocks cross. Blocks that cross it (a title, a figure over both columns) cut the
page into bands; within a band the left side is read before the right, each by the same rule.
"""

from __future__ import annotations

from svrag.documents.blocks import Block

_SLACK = 2.0  # points by which neighbouring columns may overlap
_LEAST_SHARE = 0.12  # of the region's width: a narrower side is a margin note or a list's bullets, not a column


def in_reading_order(blocks: list[Block]) -> list[Block]:
    """`blocks` in the order a reader takes them; running headers first, footers last."""
    heads = [block for block in blocks if block.kind == "page-header"]
    feet = [block for block in blocks if block.kind == "page-footer"]
    body = [block for block in blocks if block.kind not in ("page-header", "page-footer")]
    return [*_by_rows(heads), *_ordered(body), *_by_rows(feet)]


def _ordered(blocks: list[Block]) -> list[Block]:
    if len(blocks) < 2:
        return blocks
    gap = _column_gap(blocks)
    if gap is None:
        return _by_rows(blocks)
    crossing = sorted((b for b in blocks if _crosses(b, gap)), key=lambda b: b.box.y0)
    sides = [b for b in blocks if not _crosses(b, gap)]
    ordered: list[Block] = []
    for cut in [*crossing, None]:
        # A block belongs above the cut when most of it does.
        band = [
            b for b in sides if cut is None or (b.box.y0 + b.box.y1) / 2 < cut.box.y0 + 0.5 * min(10.0, cut.box.height)
        ]
        sides = [b for b in sides if b not in band]
        left = [b for b in band if b.box.x1 <= gap + _SLACK]
        right = [b for b in band if b not in left]
        ordered += [*_ordered(left), *_ordered(right)]
        if cut is not None:
            ordered.append(cut)
    return ordered


def _crosses(block: Block, x: float) -> bool:
    return block.box.x0 < x - _SLACK and block.box.x1 > x + _SLACK


def _column_gap(blocks: list[Block]) -> float | None:
    """The x that parts most side-by-side text from each other at the least height of blocks cut through."""
    left_edge, right_edge = min(b.box.x0 for b in blocks), max(b.box.x1 for b in blocks)
    span = right_edge - left_edge
    best, best_gain = None, 0.0
    for x in {b.box.x0 - 1.0 for b in blocks} | {b.box.x1 + 1.0 for b in blocks}:
        if min(x - left_edge, right_edge - x) < _LEAST_SHARE * span:
            continue
        left = [b for b in blocks if b.box.x1 <= x + _SLACK]
        right = [b for b in blocks if b.box.x0 >= x - _SLACK]
        if not left or not right:
            continue
        beside = _shared_height(left, right)
        crossed = sum(b.box.height for b in blocks if _crosses(b, x))
        gain = beside - 0.25 * crossed
        if beside > 8.0 and gain > best_gain + 0.5:
            best, best_gain = x, gain
    return best


def _shared_height(left: list[Block], right: list[Block]) -> float:
    """Points of height at which there is something on both sides."""
    return sum(max(0.0, min(a.box.y1, b.box.y1) - max(a.box.y0, b.box.y0)) for a in left for b in right)


def _by_rows(blocks: list[Block]) -> list[Block]:
    """Top to bottom; left to right where two stand on the same row."""
    rows: list[list[Block]] = []
    for block in sorted(blocks, key=lambda b: (b.box.y0, b.box.x0)):
        middle = (block.box.y0 + block.box.y1) / 2
        if (
            rows
            and all(middle < other.box.y1 and other.box.y0 < middle for other in rows[-1][:1])
            and block.box.height < 30
        ):
            rows[-1].append(block)
        else:
            rows.append([block])
    return [block for row in rows for block in sorted(row, key=lambda b: b.box.x0)]
