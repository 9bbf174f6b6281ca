"""MaxSim in numpy alone, for machines on which the compiled kernel was not built.

The vectors are taken in blocks that stay in the cache: widened to float32, one matrix product, and the greatest of each
document's rows at once. The numbers are those of the compiled kernel but for the order of adding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from svrag.retrievers.maxsim.quantise import inverse_lengths

_ROWS = 2048  # of a block: 1 MB of 128 dimensions, what a core's second cache holds
_FOLD = 8
_SMALL = (
    64**3
)  # multiplications: up to here OpenBLAS, with which numpy is delivered, works in the thread that calls it

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
    threads: int,
) -> Floats:
    """MaxSim over eight-bit codes; arguments are checked in scan.py."""

    def load(rows: Rows) -> tuple[Floats, Floats]:
        numbers = codes[rows].astype(np.float32)
        return numbers, inverse_lengths(numbers)

    return _scan(load, begins, ends, query.astype(np.float32), scales, threads)


def scan_bits(
    bits: NDArray[np.uint8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    query: NDArray[np.int8],
    scales: Floats,
    threads: int,
) -> Floats:
    """MaxSim over signs; arguments are checked in scan.py."""
    dimension = query.shape[1]

    def load(rows: Rows) -> tuple[Floats, None]:
        signs = np.unpackbits(bits[rows], axis=1, count=dimension, bitorder="little").astype(np.float32)
        signs *= 2
        signs -= 1
        return signs, None

    return _scan(load, begins, ends, query.astype(np.float32), scales / np.float32(np.sqrt(dimension)), threads)


def exact(
    vectors: NDArray[np.float16] | Floats,
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    query: Floats,
    threads: int,
) -> Floats:
    """MaxSim over vectors as they are; arguments are checked in scan.py."""

    def load(rows: Rows) -> tuple[Floats, None]:
        return vectors[rows].astype(np.float32, copy=False), None

    return _scan(load, begins, ends, query, np.ones(len(query), dtype=np.float32), threads)


def _scan(
    load: Load, begins: NDArray[np.int64], ends: NDArray[np.int64], query: Floats, scales: Floats, threads: int
) -> Floats:
    scores = np.full(len(begins), -np.inf, dtype=np.float32)
    columns = np.ascontiguousarray(query.T)
    documents = np.flatnonzero(ends > begins)
    if not len(query):
        scores[documents] = 0
        return scores
    begins, ends = begins[documents], ends[documents]

    def work(block: slice) -> None:
        best = np.full((1, len(query)), -np.inf, dtype=np.float32)
        for rows, offsets in parts(begins[block], ends[block], _ROWS):
            numbers, factors = load(rows)
            products = _products(numbers, columns)
            if factors is not None:
                products *= factors[:, None]
            best = np.maximum(best, _greatest(products, offsets))
        scores[documents[block]] = best @ scales

    if threads == 1 or (ends - begins).sum() <= _ROWS:
        for block in blocks(ends - begins, _ROWS):
            work(block)
    else:
        with ThreadPoolExecutor(threads) as pool:
            deque(pool.map(work, blocks(ends - begins, _ROWS)), maxlen=0)  # raises what a thread raised
    return scores


def blocks(lengths: NDArray[np.int64], most: int) -> Iterator[slice]:
    """Documents of at most `most` rows together, in their order, or one longer one."""
    total = np.cumsum(lengths)
    first = 0
    while first < len(lengths):
        before = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, before + most, side="right")))
        yield slice(first, last)
        first = last


def parts(begins: NDArray[np.int64], ends: NDArray[np.int64], most: int) -> Iterator[tuple[Rows, NDArray[np.int64]]]:
    """The rows of a block, and where in them each document starts; of one longer than `most` in several parts."""
    if len(begins) == 1:
        begin, end = int(begins[0]), int(ends[0])
        for row in range(begin, end, most):
            yield slice(row, min(row + most, end)), np.zeros(1, dtype=np.int64)
        return
    lengths = ends - begins
    offsets = np.cumsum(lengths) - lengths
    if np.array_equal(begins[1:], ends[:-1]):
        yield slice(int(begins[0]), int(ends[-1])), offsets
    else:
        yield np.repeat(begins - offsets, lengths) + np.arange(lengths.sum()), offsets


def _products(numbers: Floats, columns: Floats) -> Floats:
    """numbers @ columns, in pieces so small that numpy's linear algebra starts no threads of its own for them.

    Ours would wait for those, and small products skip a copy that great ones make.
    """
    rows, (dimension, tokens) = len(numbers), columns.shape
    piece = 1 << (_SMALL // max(1, dimension * tokens)).bit_length() >> 1
    if piece < 16:
        return numbers @ columns
    whole = rows // piece * piece
    products = np.empty((rows, tokens), dtype=np.float32)
    np.matmul(numbers[:whole].reshape(-1, piece, dimension), columns, out=products[:whole].reshape(-1, piece, tokens))
    np.matmul(numbers[whole:], columns, out=products[whole:])
    return products


def _greatest(products: Floats, offsets: NDArray[np.int64]) -> Floats:
    """Of (rows, query tokens) the greatest of each document, (documents, query tokens)."""
    documents, (rows, tokens) = len(offsets), products.shape
    length = rows // documents
    if length < _FOLD or not np.array_equal(offsets, np.arange(documents) * length) or length * documents != rows:
        return np.maximum.reduceat(products, offsets, axis=0)
    # Of equal lengths, several rows at once are taken as one long one, which costs far less than each by itself.
    each = products.reshape(documents, length, tokens)
    whole = length // _FOLD * _FOLD
    folded: Floats = each[:, :whole].reshape(documents, -1, _FOLD * tokens).max(axis=1)
    best: Floats = folded.reshape(documents, _FOLD, tokens).max(axis=1)
    np.maximum(best, each[:, whole:].max(axis=1, initial=-np.inf), out=best)
    return best
