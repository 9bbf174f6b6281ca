"""MaxSim of a question and many documents: for each of its tokens the best match among a document's, summed.

Documents are ranges of the rows of one array, which may be a memory map; it is read once, and what a scan needs besides
does not grow with it. The compiled kernel does it where it was built, numpy where not; both give the same numbers.
Knows nothing of which documents these are, nor of files.

Source: Khattab & Zaharia, "ColBERT", SIGIR 2020.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from svrag.documents.processes import usable_cores
from svrag.retrievers.maxsim import portable
from svrag.retrievers.maxsim.arguments import check_query, check_vectors, ranges, rounded_query

try:
    from svrag.retrievers.maxsim import _scan
except ImportError:  # there was no compiler
    _COMPILED: tuple[str, ...] = ()
else:
    _COMPILED = tuple(_scan.kernels())

_ALONE = 4_000_000
"""Products below which other threads are not worth starting."""
_TURNS = 8
"""Shares of the work for each thread: one that is held up leaves its next ones to others."""

_KINDS = {  # by the types of vectors and query, numbered as in kernel.h
    ("int8", "int8"): 0,
    ("uint8", "int8"): 1,
    ("float16", "float32"): 2,
    ("float32", "float32"): 3,
    ("int8", "float32"): 4,
}


def scan(
    codes: NDArray[np.int8],
    starts: NDArray[np.int64],
    query: NDArray[np.float32],
    *,
    ends: NDArray[np.int64] | None = None,
    threads: int | None = None,
    using: str | None = None,
) -> NDArray[np.float32]:
    """MaxSim over eight-bit codes. The query is rounded to eight bits too, with a scale for each of its tokens.

    Args:
        codes: (n, dimension), as `to_int8` makes them: from -127 to 127.
        starts: (m + 1,): document i is codes[starts[i]:starts[i + 1]]. With `ends`, (m,): codes[starts[i]:ends[i]].
        query: (q, dimension), of any length.
        ends: (m,), where documents do not follow one upon another; they may be in any order and overlap.
        threads: as many as the process may use by default.
        using: one of `kernels()`; the first by default.

    Returns:
        (m,). An empty document has -inf. A document whose best matches are negative keeps them.

    Raises:
        ValueError: shapes, types or ranges that do not fit.
    """
    begins, ends = ranges(starts, ends, check_vectors(codes, np.int8))
    check_query(query, codes.shape[1])
    rounded, scales = rounded_query(query)
    name = _chosen(using)
    if name == "numpy":
        return portable.scan(codes, begins, ends, rounded, scales, _threads(threads))
    return _compiled(name, codes, begins, ends, rounded, scales, threads)


def scan_bits(
    bits: NDArray[np.uint8],
    starts: NDArray[np.int64],
    query: NDArray[np.float32],
    *,
    ends: NDArray[np.int64] | None = None,
    threads: int | None = None,
    using: str | None = None,
) -> NDArray[np.float32]:
    """MaxSim over signs, as `to_bits` makes them: a vector counts as +-1 / sqrt(dimension) in each dimension.

    Args:
        bits: (n, dimension / 8, rounded up).

    The query keeps eight bits: only the documents are down to one. The rest is as in `scan`.
    """
    begins, ends = ranges(starts, ends, check_vectors(bits, np.uint8))
    check_query(query, query.shape[-1])
    if bits.shape[1] != -(-query.shape[1] // 8):
        raise ValueError(f"{bits.shape[1]} bytes a vector do not fit a query of {query.shape[1]} dimensions")
    rounded, scales = rounded_query(query)
    name = _chosen(using)
    if name == "numpy":
        return portable.scan_bits(bits, begins, ends, rounded, scales, _threads(threads))
    return _compiled(name, bits, begins, ends, rounded, scales, threads)


def exact(
    vectors: NDArray[np.float16] | NDArray[np.float32] | NDArray[np.int8],
    starts: NDArray[np.int64],
    query: NDArray[np.float32],
    *,
    ends: NDArray[np.int64] | None = None,
    threads: int | None = None,
    using: str | None = None,
) -> NDArray[np.float32]:
    """MaxSim over vectors as they are, (n, dimension), in float32 arithmetic, the query unrounded.

    Codes of `to_int8` are taken as the vectors they stand for. The best documents of a `scan` scored again so are in a
    better order, as far as the codes tell. The rest is as in `scan`.
    """
    begins, ends = ranges(starts, ends, check_vectors(vectors, np.float16, np.float32, np.int8))
    check_query(query, vectors.shape[1])
    query = np.ascontiguousarray(query, dtype=np.float32)
    name = _chosen(using)
    if name == "numpy":
        return portable.exact(vectors, begins, ends, query, _threads(threads))
    return _compiled(name, vectors, begins, ends, query, np.ones(len(query), dtype=np.float32), threads)


def kernels() -> tuple[str, ...]:
    """What can scan on this machine, fastest first."""
    return (*_COMPILED, "numpy")


def kernel() -> str:
    """What scans by default: "c-amx", "c-avx512vnni", "c-avx2", "c" or "numpy"."""
    return kernels()[0]


def _chosen(using: str | None) -> str:
    if using is not None and using not in kernels():
        raise ValueError(f"this machine has no kernel {using!r}: one of {', '.join(kernels())}")
    return using or kernel()


def _compiled(
    name: str,
    vectors: NDArray[np.generic],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    query: NDArray[np.generic],
    scales: NDArray[np.float32],
    threads: int | None,
) -> NDArray[np.float32]:
    scores = np.empty(len(begins), dtype=np.float32)
    kind, dimension = _KINDS[vectors.dtype.name, query.dtype.name], query.shape[1]

    def share(first: int, last: int) -> None:
        _scan.scan(name, kind, dimension, vectors, begins, ends, first, last, query, scales, scores)

    done = np.cumsum(ends - begins)  # vectors
    threads = _threads(threads)
    if threads == 1 or not len(done) or int(done[-1]) * query.size < _ALONE:
        share(0, len(begins))
        return scores
    shares = np.searchsorted(done, np.linspace(0, done[-1], threads * _TURNS + 1)[1:-1], side="right")
    bounds = np.unique([0, *shares.tolist(), len(begins)]).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, bounds[:-1], bounds[1:]))
    return scores


def _threads(asked: int | None) -> int:
    if asked is not None:
        if asked < 1:
            raise ValueError(f"threads must be 1 or more, not {asked}")
        return asked
    return usable_cores()
