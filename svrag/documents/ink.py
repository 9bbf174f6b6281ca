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
_GAPS = (3, 1)  # cells over which ink joins; the second where the first joins all of the page
_LEAST_SIDE = 40.0  # points
_LEAST_SHARE = 0.02  # of the page
_MOST_SHARE = 0.9  # of the page: more is its background
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
    ink = _ink(image, width, height)
    inside = [line for line in lines if line.box.area > 0]
    for line in inside:
        x0, y0, x1, y1 = (round(value / _CELL) for value in line.box.padded(1.0))
        ink[max(0, y0) : y1 + 1, max(0, x0) : x1 + 1] = False
    page = width * height
    cells = {(int(row), int(column)) for row, column in np.argwhere(ink)}
    boxes = []
    for group in _joined(cells, _GAPS[0]):
        whole = _box(group).clipped(width, height)
        parts = [whole] if whole.area <= _MOST_SHARE * page else map(_box, _joined(group, _GAPS[1]))
        boxes += [
            box
            for box in parts
            if min(box.width, box.height) >= _LEAST_SIDE and _LEAST_SHARE * page <= box.area <= _MOST_SHARE * page
        ]
    return [_with_labels(box, inside).clipped(width, height) for box in boxes]


def _ink(image: Grey, width: float, height: float) -> _Mask:
    """Which cells hold something: pixels that differ from the page's commonest grey."""
    background = int(np.bincount(image.ravel(), minlength=256).argmax())
    marked = np.abs(image.astype(np.int16) - background) > _CONTRAST
    rows, columns = max(1, round(height / _CELL)), max(1, round(width / _CELL))
    # The mean over each cell, from sums along both sides: cells need not be whole pixels.
    row_starts = np.linspace(0, image.shape[0], rows, endpoint=False).astype(int)
    column_starts = np.linspace(0, image.shape[1], columns, endpoint=False).astype(int)
    sums = np.add.reduceat(np.add.reduceat(marked, row_starts, axis=0, dtype=np.int32), column_starts, axis=1)
    sizes = np.outer(np.diff([*row_starts, image.shape[0]]), np.diff([*column_starts, image.shape[1]]))
    share: _Mask = sums > _INKED * np.maximum(sizes, 1)
    return share


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
    return (within_height and -across < _LABEL_GAP) or (within_width and -down < _LABEL_GAP)
