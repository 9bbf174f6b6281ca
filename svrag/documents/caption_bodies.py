"""Bodies that the layout did not see whole: made from the space beside a caption, or joined from parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from svrag.documents.blocks import Block, Line, PageBlocks
from svrag.documents.caption_signs import DEFAULT_SIDES, Side, gap_and_side, is_caption, is_prose
from svrag.documents.labels import kind_of
from svrag.documents.model import Box

_PART_GAP = 30.0  # points between parts of one picture


def from_space(
    blocks: list[Block], i: int, label: str, sides: dict[str, Side], page: PageBlocks, dropped: set[int]
) -> Block | None:
    """A body for caption `i` out of what stands between it and the next prose, or None where there is nothing."""
    caption = blocks[i].box
    kind = kind_of(label)
    usual = sides.get(kind, DEFAULT_SIDES.get(kind, "above"))
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


def join_parts(
    blocks: list[Block], pairs: dict[int, tuple[float, int]], captions: dict[int, str], dropped: set[int]
) -> None:
    """Pictures without a caption beside or above a captioned one, on the same side of its caption, are parts of it."""
    for i, (_, j) in pairs.items():
        if blocks[j].kind != "picture" or not captions[i]:
            continue
        _, side = gap_and_side(blocks[i].box, blocks[j].box)
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
                if gap_and_side(blocks[i].box, block.box)[1] != side and side != "beside":
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
