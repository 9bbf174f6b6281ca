"""MaxSim with gradients: how well the token vectors of a question are met by those of a document.

    s(q, d) = sum_i max_j <q_i, d_j>          (Khattab and Zaharia, ColBERT, arXiv 2004.12832, equation 3)

Similarities of all pairs of tokens would be by far the largest tensor of a training step. Here they exist block by
block, and what is kept for the backward pass is which token of the document each token of the question met best.
Search has its own MaxSim over stored codes (svrag.retrievers.multivector); this one is for training.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from svrag.training.batch import TokenBatch

_BLOCK = 1 << 22
"""Similarities held at once: 16 MB in float32."""


def maxsim(queries: TokenBatch, documents: TokenBatch, *, mean: bool = False) -> Tensor:
    """Every query against every document, (queries, documents).

    In float32 whatever the vectors are, under autocast too (float64 stays). Pads count on neither side, so a score does
    not depend on what else is in the batch: similarities to a document's pads are -inf before the maximum, and a
    query's pads add 0. A query or a document without any token scores 0.

    Args:
        mean: over the query's tokens, instead of their sum: scores of long and short queries become comparable, and
            one temperature suits both.
    """
    own, others = _full(queries), _full(documents)
    with torch.autocast(own.device.type, enabled=False):
        best: Tensor = _MaxSim.apply(own, others[None], documents.mask[None])  # type: ignore[no-untyped-call]
        return _total(best, queries.mask, mean)


def maxsim_pool(queries: TokenBatch, documents: TokenBatch, pool: Tensor, *, mean: bool = False) -> Tensor:
    """Each query against the documents of its own pool only, (queries, pool).

    Args:
        pool: (queries, pool) int64, rows of `documents`; where it is -1, the score is 0.
        mean: as in `maxsim`.
    """
    rows = pool.clamp(min=0)
    present = documents.mask[rows] & (pool >= 0)[:, :, None]
    # Indexing with brackets would give the same, with a backward pass that takes longer on a CPU than all else here.
    others = _full(documents).index_select(0, rows.flatten()).reshape(*present.shape, -1)
    own = _full(queries)
    with torch.autocast(own.device.type, enabled=False):
        best: Tensor = _MaxSim.apply(own, others, present)  # type: ignore[no-untyped-call]
        return _total(best, queries.mask, mean)


def _full(tokens: TokenBatch) -> Tensor:
    """Vectors in full precision, 0 at pads: some models leave NaN there, which 0 times anything would keep."""
    vectors = tokens.vectors if tokens.vectors.dtype == torch.float64 else tokens.vectors.float()
    return vectors.masked_fill(~tokens.mask[:, :, None], 0.0)


def _total(best: Tensor, mask: Tensor, mean: bool) -> Tensor:
    """(queries, tokens, documents) to (queries, documents)."""
    total = (best * mask[:, :, None]).sum(1)
    return total / mask.sum(1, keepdim=True).clamp(min=1) if mean else total


class _MaxSim(torch.autograd.Function):
    """(Q, T, d), (G, N, S, d) and (G, N, S) to (Q, T, N), the greatest similarity of each query token to a token of
    each document; G is 1, documents that all queries share, or Q, each query's own.

    The gradient of a maximum is that of the token that has it (the first, of equals). Written as a matrix with one
    entry per maximum, it is multiplied with the vectors of the other side block by block: additions have one order, on
    a GPU too.
    """

    @staticmethod
    def forward(ctx: Any, queries: Tensor, documents: Tensor, mask: Tensor) -> Tensor:
        best = queries.new_zeros(*queries.shape[:2], documents.shape[1])
        where = torch.zeros(best.shape, dtype=torch.int32, device=best.device)
        for some, these in _blocks(queries, documents):
            own = slice(None) if len(documents) == 1 else some
            block, present = documents[own, these], mask[own, these]
            groups, count, length, width = block.shape
            similarity = queries[some].reshape(groups, -1, width) @ block.reshape(groups, -1, width).mT
            similarity = similarity.reshape(groups, -1, count, length)
            similarity.masked_fill_(~present[:, None], -torch.inf)
            values, places = similarity.max(-1)
            values = values.masked_fill(~present.any(-1)[:, None], 0.0)
            best[some, :, these] = values.reshape(best[some, :, these].shape)
            where[some, :, these] = places.reshape(best[some, :, these].shape).int()
        ctx.save_for_backward(queries, documents, mask, where)
        return best

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        queries, documents, mask, where = ctx.saved_tensors
        to_queries, to_documents = torch.zeros_like(queries), torch.zeros_like(documents)
        gradient = gradient * mask.any(-1)[:, None]  # of a document without a token there is none
        with torch.autocast(queries.device.type, enabled=False):
            for some, these in _blocks(queries, documents):
                own = slice(None) if len(documents) == 1 else some
                block = documents[own, these]
                groups, count, length, width = block.shape
                rows = queries[some].reshape(groups, -1, width)
                entries = queries.new_zeros(groups, rows.shape[1], count, length)
                index = where[some, :, these].reshape(groups, -1, count, 1).long()
                entries.scatter_(3, index, gradient[some, :, these].reshape(index.shape))
                entries = entries.reshape(groups, rows.shape[1], -1)
                to_queries[some] += (entries @ block.reshape(groups, -1, width)).reshape(queries[some].shape)
                to_documents[own, these] += (entries.mT @ rows).reshape(block.shape)
        return to_queries, to_documents, None


def _blocks(queries: Tensor, documents: Tensor) -> list[tuple[slice, slice]]:
    """Queries and documents such that the similarities of their tokens fit into a block, or one of each."""
    tokens, length = queries.shape[1], documents.shape[2]
    pairs = max(1, _BLOCK // max(1, tokens * length))
    wide = min(documents.shape[1], pairs)
    high = max(1, pairs // max(1, wide))
    return [
        (slice(i, i + high), slice(j, j + wide))
        for i in range(0, len(queries), high)
        for j in range(0, documents.shape[1], max(1, wide))
    ]
