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
Load = Callable[[Rows, Floats], Floats | None]
"""Puts these rows into an array (n, dimension). Returns what their products are to be multiplied by, (n,); None for 1."""


def scan(
    codes: NDArray[np.int8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    query: NDArray[np.int8],
    scales: Floats,
    threads: int,
) -> Floats:
    """MaxSim over eight-bit codes; arguments are checked in scan.py."""

    def load(rows: Rows, into: Floats) -> Floats:
        into[:] = codes[rows]
        return inverse_lengths(into)

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

    def load(rows: Rows, into: Floats) -> None:
        into[:] = np.unpackbits(bits[rows], axis=1, count=dimension, bitorder="little")
        into *= 2
        into -= 1

    return _scan(load, begins, ends, query.astype(np.float32), scales / np.float32(np.sqrt(dimension)), threads)


def exact(
    vectors: NDArray[np.float16] | Floats | NDArray[np.int8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    query: Floats,
    threads: int,
) -> Floats:
    """MaxSim over vectors as they are, or as their codes have them; arguments are checked in scan.py."""

    def load(rows: Rows, into: Floats) -> Floats | None:
        into[:] = vectors[rows]
        return inverse_lengths(into) if vectors.dtype == np.int8 else None

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

    lengths = ends - begins
    length = int(lengths[0]) if len(lengths) and (lengths == lengths[0]).all() else None
    nothing = np.full((1, len(query)), -np.inf, dtype=np.float32)
    waiting = deque(blocks(lengths, _ROWS))

    def work() -> None:
        # Arrays of this size that were new for each block would cost as much as what is done with them.
        all_numbers = np.empty((_ROWS, query.shape[1]), dtype=np.float32)
        all_products = np.empty((_ROWS, len(query)), dtype=np.float32)
        while waiting:
            try:
                block = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            best = nothing
            for rows, count, offsets in parts(begins[block], ends[block], _ROWS):
                numbers, products = all_numbers[:count], all_products[:count]
                factors = load(rows, numbers)
                _multiply(numbers, columns, products)
                if factors is not None:
                    products *= factors[:, None]
                equal = length if count == len(offsets) * (length or 0) else None
                found = np.maximum.reduceat(products, offsets, axis=0) if equal is None else _folded(products, equal)
                best = found if best is nothing else np.maximum(best, found)
            scores[documents[block]] = best @ scales

    if threads == 1 or len(waiting) == 1:
        work()
    else:
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(work) for _ in range(threads)]:
                done.result()
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


def parts(
    begins: NDArray[np.int64], ends: NDArray[np.int64], most: int
) -> Iterator[tuple[Rows, int, NDArray[np.int64]]]:
    """The rows of a block, how many they are, and where in them each document starts.

    Several times rows of one document where it is longer than `most`.
    """
    if len(begins) == 1:
        begin, end = int(begins[0]), int(ends[0])
        for row in range(begin, end, most):
            last = min(row + most, end)
            yield slice(row, last), last - row, np.zeros(1, dtype=np.int64)
        return
    lengths = ends - begins
    if (begins[1:] == ends[:-1]).all():
        yield slice(int(begins[0]), int(ends[-1])), int(ends[-1] - begins[0]), begins - begins[0]
    else:
        count, offsets = int(lengths.sum()), np.cumsum(lengths) - lengths
        yield np.repeat(begins - offsets, lengths) + np.arange(count), count, offsets


def _multiply(numbers: Floats, columns: Floats, products: Floats) -> None:
    """products = numbers @ columns, in pieces so small that numpy's linear algebra starts no threads of its own.

    Ours would wait for those, and small products skip a copy that great ones make.
    """
    rows, (dimension, tokens) = len(numbers), columns.shape
    piece = 1 << (_SMALL // (dimension * tokens)).bit_length() >> 1
    whole = rows // piece * piece if piece >= 16 else 0
    if whole:
        pieces = products[:whole].reshape(-1, piece, tokens)
        np.matmul(numbers[:whole].reshape(-1, piece, dimension), columns, out=pieces)
    if whole < rows:
        np.matmul(numbers[whole:], columns, out=products[whole:])


def _folded(products: Floats, length: int) -> Floats:
    """Of (rows, query tokens), where all documents have `length` rows, the greatest of each.

    Several rows at once are taken as one long one, which costs far less than each by itself.
    """
    tokens = products.shape[1]
    each = products.reshape(-1, length, tokens)
    whole = length // _FOLD * _FOLD
    if not whole:
        return np.asarray(each.max(axis=1))
    best: Floats = each[:, :whole].reshape(len(each), -1, _FOLD * tokens).max(axis=1)
    best = best.reshape(len(each), _FOLD, tokens).max(axis=1)
    return np.maximum(best, each[:, whole:].max(axis=1)) if whole < length else best
