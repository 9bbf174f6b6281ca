"""Which part of a picture each patch token sees, as boxes (left, top, right, bottom) from 0 to 1. Plain geometry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ALL = (0.0, 0.0, 1.0, 1.0)


def grid(rows: int, columns: int, within: tuple[float, float, float, float] = _ALL) -> NDArray[np.float64]:
    """(rows * columns, 4): the cells of a grid over `within`, row by row."""
    left, top, right, bottom = within
    x = left + (right - left) * np.arange(columns + 1) / max(columns, 1)
    y = top + (bottom - top) * np.arange(rows + 1) / max(rows, 1)
    boxes = np.empty((rows, columns, 4))
    boxes[..., 0], boxes[..., 2] = x[:-1], x[1:]
    boxes[..., 1], boxes[..., 3] = y[:-1, None], y[1:, None]
    return boxes.reshape(-1, 4)


def tiles(rows: int, columns: int, side: int) -> NDArray[np.float64]:
    """((rows * columns + 1) * side * side, 4): tile by tile, then the whole picture once more, in side x side cells.

    A picture that was not cut, 0 x 0, is seen as a whole alone.
    """
    fine = [grid(side, side, (left, top, right, bottom)) for left, top, right, bottom in grid(rows, columns).tolist()]
    return np.concatenate([*fine, grid(side, side)])
