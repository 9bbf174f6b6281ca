"""Where on a picture a question's tokens found their match: maps of products, from vectors and boxes alone.

Only `Tokens.boxes` says where a picture's tokens look, so it is the same for every family of models, those that read a
picture in tiles and once more as a whole included. Nothing here draws; see `svrag.search.drawing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from svrag.errors import InputError
from svrag.retrievers.multivector.encoder import Tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_CELLS = 256  # in a row or column
_SAME_SIZE = 0.7  # boxes of at least this share of another's area are of one size with it


def grid_of(picture: Tokens) -> tuple[int, int]:
    """Rows and columns of the map that shows each of the picture's finer tokens in a cell of its own.

    Raises:
        InputError: no token sees a part of the picture.
    """
    _, boxes = _seeing(picture)
    width, height = np.median(boxes[:, 2] - boxes[:, 0]), np.median(boxes[:, 3] - boxes[:, 1])
    return _cells(height), _cells(width)


def similarity_maps(question: Tokens, picture: Tokens, rows: int, columns: int) -> NDArray[np.float32]:
    """(question tokens, rows, columns): the product of each question token with the picture token that sees a cell.

    Where a tile's tokens and those of the whole picture see the same cell, the finer ones count: the coarser say
    nothing about where within them. Tokens of one size that overlap are averaged. A token sees the cells whose centre
    is in its box; cells that none sees are NaN.

    Raises:
        InputError: no token sees a part of the picture.
    """
    vectors, boxes = _seeing(picture)
    products = question.vectors @ vectors.T
    maps = np.full((len(products), rows, columns), np.nan, dtype=np.float32)
    first = np.ceil(boxes[:, :2] * (columns, rows) - 0.5).astype(int).clip(0)
    last = np.ceil(boxes[:, 2:] * (columns, rows) - 0.5).astype(int)
    for level in _coarse_to_fine(boxes):
        total = np.zeros_like(maps)
        count = np.zeros((rows, columns), dtype=np.float32)
        for i in level:
            cells = slice(first[i, 1], last[i, 1]), slice(first[i, 0], last[i, 0])
            total[:, *cells] += products[:, i, None, None]
            count[cells] += 1
        seen = count > 0
        maps[:, seen] = total[:, seen] / count[seen]
    return maps


def lifted(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """By how much each product exceeds what is usual for its question token on this picture: the median of its map.

    Stop words and the tokens that models append to questions match everything a little; that says nothing of where.
    """
    usual: NDArray[np.float32] = np.nanmedian(maps, axis=(1, 2), keepdims=True)
    return maps - usual


def question_map(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, columns): by how much the token of the question that stands out most in a cell does so there.

    The greatest over the tokens, as MaxSim too counts matches one by one. A mean drowns the one word that a figure's
    title answers to in all those it does not (github.com/illuin-tech/colpali/issues/110). Of many tokens one is above
    its median anywhere, so the greatest is taken, too, as what exceeds the usual.
    """
    greatest: NDArray[np.float32] = np.fmax.reduce(lifted(maps), axis=0)
    above: NDArray[np.float32] = lifted(greatest[None])[0]
    return above


def best_matches(question: Tokens, picture: Tokens) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(tokens,) the terms of MaxSim, and (tokens, 4) the boxes of the picture's tokens that they come from.

    All of the picture's tokens take part, as in a search; a box is NaN where a token of the prompt matched best.

    Raises:
        InputError: what was encoded is no picture.
    """
    boxes = _boxes(picture)
    products = question.vectors @ picture.vectors.T
    return products.max(axis=1), boxes[products.argmax(axis=1)]


def _boxes(picture: Tokens) -> NDArray[np.float32]:
    if picture.boxes is None:
        raise InputError("no map of a text: only pictures have places to show")
    return picture.boxes


def _seeing(picture: Tokens) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors and boxes of the tokens that see a part of the picture."""
    boxes = _boxes(picture)
    sees = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if not sees.any():
        raise InputError("no token of the picture says where it looks: this model's matches cannot be shown")
    return picture.vectors[sees], boxes[sees]


def _coarse_to_fine(boxes: NDArray[np.float32]) -> list[list[int]]:
    """Indices of boxes of one size together, the largest first."""
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    levels: list[list[int]] = []
    for i in np.argsort(-areas, kind="stable").tolist():
        if not levels or areas[i] < _SAME_SIZE * areas[levels[-1][0]]:
            levels.append([])
        levels[-1].append(i)
    return levels


def _cells(side: float) -> int:
    return int(np.clip(round(1 / side), 1, _MOST_CELLS))
