"""MaxSim by torch, on the device where the codes are: for libraries that fit a GPU's memory.

The numbers are those of scan.py but for the order of adding: whole numbers in float32, which half precision has no room
for, and a maximum over each document's own rows, without padding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from svrag.retrievers.maxsim.arguments import check_query, ranges, rounded_query
from svrag.retrievers.maxsim.portable import blocks, parts

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_NUMBERS = 1 << 26  # of a block in float32: 256 MB


def scan(
    codes: torch.Tensor,
    starts: NDArray[np.int64],
    query: NDArray[np.float32],
    *,
    ends: NDArray[np.int64] | None = None,
) -> NDArray[np.float32]:
    """As `scan.scan`, with `codes` an (n, dimension) int8 tensor on any device.

    Raises:
        ValueError: shapes, types or ranges that do not fit.
    """
    import torch

    if codes.ndim != 2 or codes.dtype != torch.int8 or codes.shape[1] < 1:
        raise ValueError(f"the codes must be (n, dimension) of int8, not {codes.dtype} of shape {tuple(codes.shape)}")
    begins, ends = ranges(starts, ends, len(codes))
    check_query(query, codes.shape[1])
    scores = np.full(len(begins), -np.inf, dtype=np.float32)
    documents = np.flatnonzero(ends > begins)
    begins, ends = begins[documents], ends[documents]
    most = max(1, _NUMBERS // max(codes.shape[1], len(query), 1))
    whole, scales = (torch.from_numpy(part).to(codes.device) for part in rounded_query(query))
    columns = whole.float().T
    for block in blocks(ends - begins, most):
        count = block.stop - block.start
        best = torch.full((count, len(query)), -torch.inf, device=codes.device)
        for rows, number, offsets in parts(begins[block], ends[block], most):
            chosen = rows if isinstance(rows, slice) else torch.from_numpy(rows).to(codes.device)
            numbers = codes[chosen].float()
            products = numbers @ columns
            # A vector of length 1 is its codes by their own length; of a vector of zeros all products are 0.
            products /= numbers.norm(dim=1, keepdim=True).clamp_min(1)
            owners = np.repeat(np.arange(count), np.diff(offsets, append=number))
            index = torch.from_numpy(owners).to(codes.device)[:, None].expand_as(products)
            best.scatter_reduce_(0, index, products, "amax")
        scores[documents[block]] = (best @ scales).cpu().numpy()
    return scores
