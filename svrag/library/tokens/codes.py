"""How token vectors are written: which files an index has, how wide a vector is in each, and which kernel scans them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svrag.library.tokens.identity import Precision
from svrag.library.tokens.resident import on_gpu

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CODES, HALVES = "codes", "halves"
"""Kinds of files: what is scanned, and float16 for the final ranking."""


def widths(precision: Precision, dimension: int, stage: int) -> dict[str, int]:
    """Bytes of a vector in each kind of file that a segment consists of."""
    kinds = {CODES: (dimension + 7) // 8 if precision == "binary" else dimension}
    if precision == "float16" and stage == 0:
        kinds[HALVES] = 2 * dimension
    return kinds


def encode(vectors: NDArray[np.float32], precision: Precision, stage: int) -> dict[str, bytes]:
    """What is appended to each kind of file for `vectors` (n, dimension)."""
    from svrag.retrievers.maxsim.quantise import to_bits, to_halves, to_int8

    data = {CODES: to_bits(vectors).tobytes() if precision == "binary" else to_int8(vectors).tobytes()}
    if precision == "float16" and stage == 0:
        data[HALVES] = to_halves(vectors).astype("<f2", copy=False).tobytes()
    return data


def decode(codes: bytes | memoryview, precision: Precision, dimension: int) -> NDArray[np.float32]:
    """The vectors (n, dimension) of length 1 that `codes` stand for, as nearly as they tell."""
    import numpy as np

    from svrag.retrievers.maxsim.quantise import from_int8

    if precision == "binary":
        rows = np.frombuffer(codes, dtype=np.uint8).reshape(-1, (dimension + 7) // 8)
        signs = np.unpackbits(rows, axis=1, count=dimension, bitorder="little").astype(np.float32) * 2 - 1
        return np.asarray(signs / np.sqrt(dimension), dtype=np.float32)
    return from_int8(np.frombuffer(codes, dtype=np.int8).reshape(-1, dimension))


def scores(
    rows: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    query: NDArray[np.float32],
    precision: Precision,
) -> NDArray[np.float32]:
    """MaxSim of `query` with each of the units rows[starts[i]:ends[i]]."""
    from svrag.retrievers.maxsim.scan import scan, scan_bits

    if precision == "binary":
        return scan_bits(rows, starts, query, ends=ends)
    copy = on_gpu(rows)
    if copy is not None:
        from svrag.retrievers.maxsim import gpu

        return gpu.scan(copy, starts, query, ends=ends)
    return scan(rows.view("i1"), starts, query, ends=ends)
