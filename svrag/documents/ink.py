"""Pictures of a scanned page: where there is ink that is not text.

A scan is one image, so neither the file nor the layout model, which looks at text, tells its charts and photographs.
Here the page's image is looked at on a coarse grid: cells that differ from the background and hold no text, joined
where they are close, are a picture with the short labels around it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from svrag.documents.blocks import Line
from svrag.documents.labels import caption_label
from svrag.documents.model import Box

_CELL = 4.0  # points
_CONTRAST = 28  # grey levels off the background
_INKED = 0.04  # share of a cell's pixels
_STEPS = ((3, True), (1, True), (3, False), (1, False))
"""Cells over which ink joins, and whether over rules: the next where one joins what does not belong together."""
_LEAST_SIDE = 40.0  # points
_LEAST_SHARE = 0.02  # of the page
_MOST_SHARE = 0.9  # of the page: more is its background
_RULE_SHARE = 0.55  # of the page's width: a longer line is a rule, not an axis
_ALIKE = 8.0  # grey levels
_EDGE = 12.0  # points
_LABEL_WORDS = 5
_LABEL_GAP = 10.0  # points

Grey = npt.NDArray[np.uint8]
_Mask = npt.NDArray[np.bool_]
_Cell = tuple[int, int]


def picture_boxes(image: Grey, width: float, height: float, lines: Sequence[Line]) -> list[Box]:
    """Boxes of the pictures on a page of `width` x `height` points.

    Args:
        image: the page drawn in grey at any size, (rows, columns).
        lines: its text, boxes in points.
    """
    background = int(np.bincount(image.ravel(), minlength=256).argmax())
    ink = _ink(image, background, width, height)
    inside = [line for line in lines if line.box.area > 0]
    for line in inside:
        x0, y0, x1, y1 = (round(value / _CELL) for value in line.box.padded(1.0))
        ink[max(0, y0) : y1 + 1, max(0, x0) : x1 + 1] = False
    rules = {(int(row), int(column)) for row, column in np.argwhere(_rules(ink))}
    page = width * height
    prose = [line.box for line in inside if len(line.text.split()) > _LABEL_WORDS]

    def is_one(box: Box) -> bool:
        """Not the whole page, and no prose in it: else ink was joined that does not belong together."""
        return box.area <= _MOST_SHARE * page and not any(line.covered_by(box) > 0.5 for line in prose)

    boxes = []
    todo = [({(int(row), int(column)) for row, column in np.argwhere(ink)}, 0)]
    while todo:
        cells, step = todo.pop()
        gap, with_rules = _STEPS[step]
        for group in _joined(cells if with_rules else cells - rules, gap):
            box = _box(group).clipped(width, height)
            if min(box.width, box.height) < _LEAST_SIDE or box.area < _LEAST_SHARE * page:
                continue
            if is_one(box):
                boxes.append(box)
            elif step + 1 < len(_STEPS):
                todo.append((group, step + 1))
    seen = [
        box
        for box in boxes
        if not _is_margin(box, width, height) and not _is_bar(image, background, box, width, height)
    ]
    return [_with_labels(box, inside).clipped(width, height) for box in seen]


def _ink(image: Grey, background: int, width: float, height: float) -> _Mask:
    """Which cells hold something: pixels that differ from the background."""
    marked = np.abs(image.astype(np.int16) - background) > _CONTRAST
    rows, columns = max(1, round(height / _CELL)), max(1, round(width / _CELL))
    # The share of each cell, from sums along both sides: cells need not be whole pixels.
    row_starts = np.linspace(0, image.shape[0], rows, endpoint=False).astype(int)
    column_starts = np.linspace(0, image.shape[1], columns, endpoint=False).astype(int)
    sums = np.add.reduceat(np.add.reduceat(marked, row_starts, axis=0, dtype=np.int32), column_starts, axis=1)
    sizes = np.outer(np.diff([*row_starts, image.shape[0]]), np.diff([*column_starts, image.shape[1]]))
    share: _Mask = sums > _INKED * np.maximum(sizes, 1)
    return share


def _rules(ink: _Mask) -> _Mask:
    """Cells of lines across the page, at most two cells thick: they join what stands above and below them."""
    long = np.zeros_like(ink)
    for row, cells in enumerate(ink):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], cells, [False]))))
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            long[row, first:end] = end - first > _RULE_SHARE * ink.shape[1]
    up, down = np.zeros_like(long), np.zeros_like(long)
    up[1:], down[:-1] = long[:-1], long[1:]
    inner = long & up & down  # the middle of three rows: part of something thick
    thick = inner.copy()
    thick[1:] |= inner[:-1]
    thick[:-1] |= inner[1:]
    return long & ~thick


def _is_margin(box: Box, width: float, height: float) -> bool:
    """A strip along an edge: the decoration of a slide, the shadow of a binding."""
    along = (
        box.x0 < _EDGE or box.x1 > width - _EDGE
        if box.height > box.width
        else box.y0 < _EDGE or box.y1 > height - _EDGE
    )
    return along and _elongation(box) > 4


def _elongation(box: Box) -> float:
    return max(box.width, box.height) / max(1.0, min(box.width, box.height))


def _is_bar(image: Grey, background: int, box: Box, width: float, height: float) -> bool:
    """A long strip mostly of one dark shade: the edge of a scan."""
    if _elongation(box) <= 3:
        return False
    across, down = image.shape[1] / width, image.shape[0] / height
    inner = image[round(box.y0 * down) : round(box.y1 * down), round(box.x0 * across) : round(box.x1 * across)]
    shade = float(np.median(inner))
    alike = float((np.abs(inner.astype(np.int16) - shade) < _ALIKE).mean())
    return background - shade > _CONTRAST and alike > 0.5


def _joined(cells: set[_Cell], gap: int) -> list[set[_Cell]]:
    """The cells in groups: within `gap` of another member, row and column."""
    left = set(cells)
    near = [(i, j) for i in range(-gap, gap + 1) for j in range(-gap, gap + 1) if (i, j) != (0, 0)]
    groups = []
    while left:
        todo = [left.pop()]
        group = set(todo)
        while todo:
            row, column = todo.pop()
            reached = {cell for i, j in near if (cell := (row + i, column + j)) in left}
            left -= reached
            group |= reached
            todo += reached
        groups.append(group)
    return groups


def _box(group: set[_Cell]) -> Box:
    rows, columns = zip(*group, strict=True)
    return Box(min(columns) * _CELL, min(rows) * _CELL, (max(columns) + 1) * _CELL, (max(rows) + 1) * _CELL)


def _with_labels(box: Box, lines: Sequence[Line]) -> Box:
    """The box grown by short lines right beside, above or below it: axis labels, names of bars, legends."""
    labels = [
        line.box
        for line in lines
        if len(line.text.split()) <= _LABEL_WORDS
        and line.size < 0.5 * min(box.width, box.height)
        and not caption_label(line.text)
        and _beside(line.box, box)
    ]
    return Box.around([box, *labels])


def _beside(label: Box, box: Box) -> bool:
    across = min(label.x1, box.x1) - max(label.x0, box.x0)
    down = min(label.y1, box.y1) - max(label.y0, box.y0)
    within_height, within_width = down > 0.6 * label.height, across > 0.6 * label.width
    beside = within_height and -across < _LABEL_GAP and label.width < 0.6 * box.width
    return beside or (within_width and -down < _LABEL_GAP)
