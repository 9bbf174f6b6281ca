"""Where the pictures of a page are: the layout's pictures, embedded images and clusters of drawings, merged.

No one source is enough: the layout model misses about one chart in ten, images and drawings know nothing of what they
show. What is found twice becomes one box; what is only a frame around text, a rule or a background is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import pymupdf

from svrag.documents.blocks import Block
from svrag.documents.model import Box

_LEAST_SIDE = 18.0  # points: smaller is an icon or a bullet
_LEAST_SHARE = 0.01  # of the page
_BACKGROUND = 0.85  # of the page
_MAX_DRAWINGS = 4_000  # clustering takes the square of it in time
_HEADINGS = ("section-header", "title", "page-header", "page-footer")
_PROSE_WORDS = 6  # a line of so many words is prose, not a chart's label


def find_pictures(
    page: pymupdf.Page, blocks: Sequence[Block], images: Sequence[Box], *, scanned: bool, inked: Sequence[Box]
) -> tuple[list[Block], list[Box]]:
    """Pictures as blocks without lines, and the images and drawings that were not taken for any.

    On a scanned page the one large image is the page itself, so what counts is the layout's pictures and `inked`, the
    pictures seen in it.
    """
    bounds = Box(0.0, 0.0, page.rect.width, page.rect.height)
    pictures = [block.box for block in blocks if block.kind == "picture"]
    tables = [block.box for block in blocks if block.kind == "table"]
    if scanned:
        if not pictures and not inked and not any(block.lines for block in blocks):
            pictures = [bounds]  # a page that is nothing but a picture
        seen = [box for box in inked if _is_picture(box, "image", bounds, blocks)]
        free = [box for box in _merged([*pictures, *seen]) if not any(_overlaps(box, table) for table in tables)]
        return [
            _picture(box, "layout") for box in free if _large(box, bounds) or box.area > _BACKGROUND * bounds.area
        ], []
    merged = _merged([box for box in pictures if not any(box.covered_by(table) > 0.8 for table in tables)])
    found = [(box, "layout") for box in merged]
    spare = []
    for box, origin in [*_images(images, bounds), *_drawings(page, bounds)]:
        at = next((i for i, (known, _) in enumerate(found) if _same(box, known)), None)
        if at is not None:
            known, known_origin = found[at]
            union = Box.around([box, known])
            # The layout often sees only the plotted part of a chart; drawings over twice as much are something else,
            # but an image is one thing, however little of it the layout saw.
            if (union.area < 1.8 * known.area or origin == "image") and not _swallows(union, known, blocks):
                found[at] = (union, known_origin)
        elif any(box.covered_by(known) > 0.6 for known, _ in found) or any(_overlaps(box, t) for t in tables):
            continue
        elif _is_picture(box, origin, bounds, blocks):
            found.append((box, origin))
        else:
            spare.append(box)
    return [_picture(box, origin) for box, origin in found], spare


def _picture(box: Box, origin: str) -> Block:
    return Block(
        "picture", box, found="image" if origin == "image" else "drawing" if origin == "drawing" else "layout"
    )


def image_boxes(page: pymupdf.Page) -> list[Box]:
    """Where the images are that the page shows, whether they lie on it or stick out."""
    return [Box(*image["bbox"]) for image in page.get_image_info()]


def _images(images: Sequence[Box], bounds: Box) -> list[tuple[Box, str]]:
    boxes = [image.clipped(bounds.x1, bounds.y1) for image in images]
    return [(box, "image") for box in _merged([b for b in boxes if _large(b, bounds)], gap=2.0)]


def _drawings(page: pymupdf.Page, bounds: Box) -> list[tuple[Box, str]]:
    drawings = page.get_drawings()
    if not 1 < len(drawings) <= _MAX_DRAWINGS:
        return []
    # Backgrounds and rules over the whole width would join everything into one.
    parts = [d for d in drawings if Box(*d["rect"]).area < 0.5 * bounds.area]
    boxes = [Box(*r).clipped(bounds.x1, bounds.y1) for r in page.cluster_drawings(drawings=parts)]
    return [(box, "drawing") for box in boxes if _large(box, bounds)]


def _large(box: Box, bounds: Box) -> bool:
    if min(box.width, box.height) < _LEAST_SIDE or box.area < _LEAST_SHARE * bounds.area:
        return False
    return box.area < _BACKGROUND * bounds.area


def _overlaps(box: Box, table: Box) -> bool:
    return box.covered_by(table) > 0.5 or table.covered_by(box) > 0.5


def _same(box: Box, known: Box) -> bool:
    return box.iou(known) > 0.4 or known.covered_by(box) > 0.7


def _swallows(union: Box, known: Box, blocks: Sequence[Block]) -> bool:
    """Whether growing to `union` takes in a caption or prose that stood outside."""
    return any(
        block.kind in ("caption", "section-header", "title", "table") or (block.kind == "text" and _prose(block))
        for block in blocks
        if block.box.covered_by(union) > 0.6 and block.box.covered_by(known) < 0.3
    )


def _is_picture(box: Box, origin: str, bounds: Box, blocks: Sequence[Block]) -> bool:
    """An image that shows something, or drawings that are more than a frame around text."""
    inside = [block for block in blocks if block.kind != "picture" and block.box.covered_by(box) > 0.6]
    words = sum(block.box.area for block in inside if _prose(block) or block.kind in _HEADINGS)
    if words > 0.25 * box.area:
        return False  # a panel behind text, the shadow of a heading
    return box.area > (0.02 if origin == "image" else 0.03) * bounds.area


def _prose(block: Block) -> bool:
    if block.kind not in ("text", "list-item", "footnote", "section-header", "title"):
        return False
    words = sum(len(line.text.split()) for line in block.lines)
    return words >= _PROSE_WORDS * max(1, len(block.lines)) or (block.kind == "list-item" and words >= _PROSE_WORDS)


def _merged(boxes: Sequence[Box], gap: float = 0.0) -> list[Box]:
    """Boxes of which none overlaps another by much: strips of one image and nested finds become one."""
    result: list[Box] = []
    for box in sorted(boxes, key=lambda b: -b.area):
        at = next(
            (
                i
                for i, known in enumerate(result)
                if box.covered_by(known) > 0.3 or (gap and _touches(box, known, gap))
            ),
            None,
        )
        if at is None:
            result.append(box)
        else:
            result[at] = Box.around([box, result[at]])
    return result


def _touches(a: Box, b: Box, gap: float) -> bool:
    """Whether two boxes of the same width lie edge to edge, as the strips of one image do."""
    same_width = abs(a.x0 - b.x0) < gap and abs(a.x1 - b.x1) < gap
    return same_width and (abs(a.y0 - b.y1) < gap or abs(b.y0 - a.y1) < gap)
