"""MaxSim in numpy alone, for machines on which the compiled kernel was not built.

The vectors are taken in blocks that stay in the cache: widened to float32, one matrix product, and the greatest of each
document's rows at once. The numbers are those of the compiled kernel but for the order of adding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from svrag.retrievers.maxsim.quantise import inverse_lengths

_ROWS = 2048  # of a block: 1 MB of 128 dimensions, what a core's second cache holds

Floats = NDArray[np.float32]
Rows = slice | NDArray[np.int64]
Load = Callable[[Rows], tuple[Floats, Floats | None]]
"""Of these rows: (n, dimension) numbers, and (n,) what their products are to be multiplied by, None for 1."""


def scan(
    codes: NDArray[np.int8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    query: NDArray[np.int8],
    scales: Floats,
) -> Floats:
    """MaxSim over eight-bit codes; arguments are checked in scan.py."""

    def load(rows: Rows) -> tuple[Floats, Floats]:
        numbers = codes[rows].astype(np.float32)
        return numbers, inverse_lengths(numbers)

    return _scan(load, begins, ends, query.astype(np.float32), scales)


def scan_bits(
    bits: NDArray[np.uint8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    query: NDArray[np.int8],
    scales: Floats,
) -> Floats:
    """MaxSim over signs; arguments are checked in scan.py."""
    dimension = query.shape[1]

    def load(rows: Rows) -> tuple[Floats, None]:
        signs = np.unpackbits(bits[rows], axis=1, count=dimension, bitorder="little").astype(np.float32)
        signs *= 2
        signs -= 1
        return signs, None

    return _scan(load, begins, ends, query.astype(np.float32), scales / np.float32(np.sqrt(dimension)))


def exact(
    vectors: NDArray[np.float16] | Floats, begins: NDArray[np.int64], ends: NDArray[np.int64], query: Floats
) -> Floats:
    """MaxSim over vectors as they are; arguments are checked in scan.py."""

    def load(rows: Rows) -> tuple[Floats, None]:
        return vectors[rows].astype(np.float32, copy=False), None

    return _scan(load, begins, ends, query, np.ones(len(query), dtype=np.float32))


@dataclass(frozen=True, slots=True)
class _Block:
    """Documents that are worked on at once, or a part of one that is too long for that."""

    documents: NDArray[np.int64]
    rows: Rows
    offsets: NDArray[np.int64]  # where each document starts in the rows


def _scan(load: Load, begins: NDArray[np.int64], ends: NDArray[np.int64], query: Floats, scales: Floats) -> Floats:
    scores = np.full(len(begins), -np.inf, dtype=np.float32)
    if not len(query):
        scores[ends > begins] = 0
        return scores
    unfinished: Floats | None = None  # of a long document: the best so far for each of the query's tokens
    for block, finished in _blocks(begins, ends):
        numbers, factors = load(block.rows)
        products = numbers @ query.T
        if factors is not None:
            products *= factors[:, None]
        best = _greatest(products, block.offsets)
        if unfinished is not None:
            best = np.maximum(best, unfinished)
        unfinished = None if finished else best
        if finished:
            scores[block.documents] = best @ scales
    return scores


def _blocks(begins: NDArray[np.int64], ends: NDArray[np.int64]) -> Iterator[tuple[_Block, bool]]:
    """Blocks of at most _ROWS rows in the documents' order, and whether each ends a document. None of empty documents."""
    documents = np.flatnonzero(ends > begins)
    begins, ends = begins[documents], ends[documents]
    total = np.cumsum(ends - begins)
    first = 0
    while first < len(documents):
        before = total[first - 1] if first else 0
        last = int(np.searchsorted(total, before + _ROWS, side="right"))
        if last > first:
            yield _block(documents[first:last], begins[first:last], ends[first:last]), True
        else:
            last = first + 1
            begin, end = int(begins[first]), int(ends[first])
            for row in range(begin, end, _ROWS):
                part = slice(row, min(row + _ROWS, end))
                yield _Block(documents[first:last], part, np.zeros(1, dtype=np.int64)), row + _ROWS >= end
        first = last


def _block(documents: NDArray[np.int64], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> _Block:
    lengths = ends - begins
    offsets = np.cumsum(lengths) - lengths
    if np.array_equal(begins[1:], ends[:-1]):
        return _Block(documents, slice(int(begins[0]), int(ends[-1])), offsets)
    return _Block(documents, np.repeat(begins - offsets, lengths) + np.arange(lengths.sum()), offsets)


def _greatest(products: Floats, offsets: NDArray[np.int64]) -> Floats:
    """Of (rows, query tokens) the greatest of each document, (documents, query tokens)."""
    length, left = divmod(len(products), len(offsets))
    if left == 0 and np.array_equal(offsets, np.arange(len(offsets)) * length):
        halved = products.reshape(len(offsets), length, products.shape[1])
        # Halving works on long runs of numbers at once, where a maximum over an axis takes them one short row at a time.
        while (rows := halved.shape[1]) > 1:
            half = rows // 2
            halved = (
                np.maximum(halved[:, :half], halved[:, rows - half :])
                if rows % 2 == 0
                else np.concatenate(
                    [np.maximum(halved[:, :half], halved[:, half + 1 :]), halved[:, half : half + 1]], axis=1
                )
            )
        return halved[:, 0]
    return np.maximum.reduceat(products, offsets, axis=0)
