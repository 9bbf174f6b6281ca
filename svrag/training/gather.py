"""Documents of all processes as candidates for the questions of each, with gradients that are right.

A question of process 0 pushes away a document of process 1, so the gradient of that document is the sum of what the
losses of all processes say of it: gathering is followed, in the backward pass, by a sum over processes of which each
takes its own part. DDP then averages the gradients of the weights over W processes; with losses multiplied by W over
the questions of all, the weights get the gradient that one process with the whole batch gives them.

`torch.distributed.nn.functional.all_gather` would be the library's way; on gloo it gives wrong gradients where the
gradient is not contiguous, which is why sentence-transformers' `all_gather_padded`, which is built on it, is not used.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from svrag.training.batch import TokenBatch


def gather_documents(documents: TokenBatch, numbers: Tensor) -> tuple[TokenBatch, Tensor, int]:
    """The documents of all processes in the order of their ranks; all processes have to call it.

    Args:
        numbers: (documents,) int64, `Item.number` of each.

    Returns:
        Their vectors in float32 (float64 stays), padded to the longest of all; their numbers; and the row where those
        of this process begin. What was given, and 0, where there is one process.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return documents, numbers, 0
    device = documents.vectors.device
    shapes = [torch.empty(2, dtype=torch.int64, device=device) for _ in range(dist.get_world_size())]
    dist.all_gather(shapes, torch.tensor(documents.mask.shape, device=device))
    counts = [int(shape[0]) for shape in shapes]
    most, longest = max(counts), max(int(shape[1]) for shape in shapes)
    rows, tokens = most - len(numbers), longest - documents.mask.shape[1]

    full = documents.vectors if documents.vectors.dtype == torch.float64 else documents.vectors.float()
    # Pads may be NaN, and NaN times the zero of the padding below would be too.
    full = full.masked_fill(~documents.mask[:, :, None], 0.0)
    vectors = _Gather.apply(F.pad(full, (0, 0, 0, tokens, 0, rows)))  # type: ignore[no-untyped-call]
    mask = _gathered(F.pad(documents.mask, (0, tokens, 0, rows)).to(torch.uint8)).bool()
    everyone = _gathered(F.pad(numbers, (0, rows)))
    real = torch.cat([torch.arange(count, device=device) + rank * most for rank, count in enumerate(counts)])
    return TokenBatch(vectors[real], mask[real]), everyone[real], sum(counts[: dist.get_rank()])


def gather_rows(values: Tensor) -> Tensor:
    """(n, ...) of each process, whose n may differ, one after another; no gradients. All processes have to call it."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return values
    counts = _gathered(torch.tensor([len(values)], device=values.device)).tolist()
    most = max(counts)
    padded = values.new_zeros(most, *values.shape[1:])
    padded[: len(values)] = values
    everyone = _gathered(padded)
    return torch.cat([everyone[rank * most : rank * most + count] for rank, count in enumerate(counts)])


def _gathered(values: Tensor) -> Tensor:
    """(n, ...) of each process, of one shape, to (processes * n, ...)."""
    everyone = values.new_empty(dist.get_world_size() * len(values), *values.shape[1:])
    dist.all_gather_into_tensor(everyone, values.contiguous())
    return everyone


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.count = len(values)
        return _gathered(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        own = gradient.new_empty(ctx.count, *gradient.shape[1:])
        dist.reduce_scatter_tensor(own, gradient.contiguous())
        return own
