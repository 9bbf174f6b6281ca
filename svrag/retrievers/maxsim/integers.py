"""MaxSim over eight-bit codes with torch's product of whole numbers, for machines on which the kernel was not built.

Processors of today multiply bytes several times as fast as float32, which numpy cannot ask for and torch can: whoever
encodes questions on this machine has it. The rest is numpy's part in portable.py; the numbers are the same.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from svrag.retrievers.maxsim.portable import ROWS, Floats, Rows, maxima


def loaded() -> bool:
    """Whether torch is there already, with fast products of bytes; it is not imported for a search's sake."""
    torch = sys.modules.get("torch")
    fast = platform.machine() in ("x86_64", "AMD64")  # elsewhere torch may have a plain loop only
    return fast and torch is not None and torch.backends.mkldnn.is_available()


def scan(
    codes: NDArray[np.int8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    query: NDArray[np.int8],
    scales: Floats,
    threads: int,
) -> Floats:
    """MaxSim over eight-bit codes; arguments are checked in scan.py."""
    import torch

    columns = torch.from_numpy(np.ascontiguousarray(query.T))

    def worker() -> Callable[[Rows, Floats], None]:
        all_numbers = np.empty((ROWS, query.shape[1]), dtype=np.int8)

        def multiply(rows: Rows, products: Floats) -> None:
            numbers = all_numbers[: len(products)]
            numbers[:] = codes[rows]
            squares = np.einsum("ij,ij->i", numbers, numbers, dtype=np.float32)
            inverse = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
            whole = torch._int_mm(torch.from_numpy(numbers), columns)
            np.multiply(whole.numpy(), inverse[:, None], out=products)

        return multiply

    return maxima(worker, begins, ends, scales, threads)
