"""What every scan is given, checked before anything is read: the compiled kernel trusts these numbers.

All raise ValueError with what does not fit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from svrag.retrievers.maxsim.quantise import to_int8


def check_vectors(array: NDArray[np.generic], *types: type) -> int:
    """How many there are."""
    if array.ndim != 2 or array.dtype.type not in types or array.shape[1] < 1:
        names = " or ".join(type.__name__ for type in types)
        raise ValueError(f"the vectors must be (n, dimension) of {names}, not {array.dtype} of shape {array.shape}")
    if not (array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative):
        raise ValueError("the vectors must lie one behind another, in this machine's order of bytes")
    return len(array)


def ranges(
    starts: NDArray[np.int64], ends: NDArray[np.int64] | None, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each document begins and ends among `rows` vectors."""
    for name, array in (("starts", starts), ("ends", ends)):
        if array is not None and (array.ndim != 1 or array.dtype.kind not in "iu"):
            raise ValueError(f"{name} must be a row of whole numbers, not {array.dtype} of shape {array.shape}")
    if ends is None:
        if not len(starts):
            raise ValueError("starts must have one more number than there are documents")
        starts, ends = starts[:-1], starts[1:]
    if len(starts) != len(ends):
        raise ValueError(f"{len(starts)} starts and {len(ends)} ends")
    starts, ends = np.ascontiguousarray(starts, dtype=np.int64), np.ascontiguousarray(ends, dtype=np.int64)
    if len(starts) and (starts.min() < 0 or ends.max() > rows or (ends < starts).any()):
        raise ValueError(f"a document is not within the {rows} rows, or ends before it starts")
    return starts, ends


def check_query(query: NDArray[np.float32], dimension: int) -> None:
    if query.ndim != 2 or query.dtype.kind != "f" or query.shape[1] != dimension:
        raise ValueError(f"the query must be (tokens, {dimension}) floats, not {query.dtype} of shape {query.shape}")
    if not np.isfinite(query).all():
        raise ValueError("the query has a number that is not finite")


def rounded_query(query: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """The query's codes, (q, dimension), and what each token's products are to be multiplied by, (q,)."""
    query = np.asarray(query, dtype=np.float32)
    return to_int8(query), np.abs(query).max(axis=1, initial=0.0) / np.float32(127)
