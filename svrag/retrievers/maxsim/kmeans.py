"""k-means of the token vectors of many documents at once, in torch, on the device where they are.

Lloyd's algorithm from greedy k-means++ (Arthur and Vassilvitskii, 2007), which is also what scikit-learn does, document by
document. Documents of a batch take each step together: choosing a first token of every cluster is a long row of small
steps, and costs the same for one document as for dozens. Instead of random numbers there is a sequence that spreads
evenly, the same for all: a document's clusters depend on nothing else than its vectors (and on rounding, where two
clusters are equally near).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from svrag.retrievers.maxsim.pooling import fill_empty

_ROUNDS = 25
_TRIALS = 5
"""Tokens of which the best begins a cluster; scikit-learn takes 2 + log(clusters). Fewer end in a worse place."""
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
_FAR = 1e30
_NUMBERS = 1 << 25  # of a block in float32: 128 MB


@torch.no_grad()
def kmeans(vectors: Tensor, mask: Tensor, wanted: Tensor) -> Tensor:
    """The cluster of each vector, (documents, tokens) int64; -1 at padding. No cluster is empty.

    Args:
        vectors: (documents, tokens, dimension), of whatever length.
        mask: (documents, tokens) bool, False at padding.
        wanted: (documents,) int64, clusters of each: from 1 to its vectors, and 0 of one without any.
    """
    labels = torch.full(mask.shape, -1, device=mask.device)
    counts = mask.sum(1)
    order = torch.argsort(counts)  # documents of similar length together: little is computed for padding
    for rows in _blocks(order, counts):
        longest = int(counts[rows].max())
        if not longest:
            continue
        front = torch.argsort(~mask[rows], dim=1, stable=True)[:, :longest]  # padding may be anywhere
        there = mask[rows].gather(1, front)
        full = vectors[rows].gather(1, front[:, :, None].expand(-1, -1, vectors.shape[2])).float()
        full = full.masked_fill(~there[:, :, None], 0.0)
        some = wanted[rows]
        distances = _distances(full)
        found = _lloyd(distances, there, some, _first(distances, there, some))
        for i in _with_empty(found, there, some):
            found[i, there[i]] = _filled(found[i, there[i]], full[i, there[i]], int(some[i]))
        labels[rows] = labels[rows].scatter(1, front, found.masked_fill(~there, -1))
    return labels


def inertia(vectors: Tensor, labels: Tensor) -> float:
    """Of one document: the sum of squared distances to the means of their clusters. (n, d) and (n,)."""
    member = torch.nn.functional.one_hot(labels).to(vectors.dtype)
    means = (member.mT @ vectors) / member.sum(0)[:, None].clamp(min=1)
    return float((vectors - means[labels]).square().sum())


def _blocks(order: Tensor, counts: Tensor) -> list[Tensor]:
    """Rows such that the similarities of their tokens fit into a block, or single ones."""
    longest = max(1, int(counts.max())) if len(counts) else 1
    return list(torch.split(order, max(1, _NUMBERS // longest**2)))


def _distances(vectors: Tensor) -> Tensor:
    """(documents, tokens, tokens): squared, of each token to each other of its document; rounding may leave less than 0."""
    squares = torch.linalg.vector_norm(vectors, dim=2).square()
    sums: Tensor = squares[:, :, None] + squares[:, None, :]
    return sums.baddbmm_(vectors, vectors.mT, alpha=-2.0)


def _first(distances: Tensor, mask: Tensor, wanted: Tensor) -> Tensor:
    """Greedy k-means++: (documents, most clusters), the token that each begins with.

    Of several tokens, drawn with a chance that grows with the squared distance to what is chosen, the one is taken that
    leaves the least distances.
    """
    documents, tokens = mask.shape
    most = int(wanted.max())
    chosen = torch.zeros(documents, most, dtype=torch.int64, device=mask.device)
    # The first: the one that is nearest to all.
    together = (distances @ mask[:, :, None].to(distances.dtype))[:, :, 0]
    chosen[:, 0] = together.masked_fill(~mask, torch.inf).argmin(1)
    every = torch.arange(documents, device=mask.device)
    lines, begin = distances.view(-1, tokens), every[:, None] * tokens
    # Padding is at no distance of anything, so never drawn: what is no greater stays so.
    closest = distances[every, chosen[:, 0]].clamp_(min=0.0).masked_fill_(~mask, 0.0)
    numbers = torch.arange(most * _TRIALS, dtype=torch.float64, device=mask.device)
    draws = (((numbers + 0.5) * _GOLDEN) % 1.0).float().reshape(most, _TRIALS)
    for step in range(1, most):
        total = closest.cumsum(1)
        drawn = torch.searchsorted(total, draws[step] * total[:, -1:]).clamp_(max=tokens - 1)
        rows = lines.index_select(0, (drawn + begin).flatten()).view(documents, _TRIALS, tokens)
        near = torch.minimum(rows, closest[:, None, :])
        best = near.sum(2).argmin(1)
        chosen[:, step] = drawn[every, best]
        closest = near[every, best].clamp_(min=0.0)  # rounding may have left less
    return chosen


def _lloyd(distances: Tensor, mask: Tensor, wanted: Tensor, first: Tensor) -> Tensor:
    """(documents, tokens) int64 from the tokens that clusters begin with; at padding whatever comes out.

    No centre is made. The squared distance of x to the mean of a cluster is the mean of its squared distances to the
    members, less half of the mean of those that the members have among themselves: sums of rows of `distances`.
    """
    (documents, tokens), most = mask.shape, first.shape[1]
    result = torch.zeros_like(mask, dtype=torch.int64)
    rows = torch.arange(documents, device=mask.device)
    beyond = torch.arange(most, device=mask.device) >= wanted[:, None]
    means = distances[rows[:, None], first]
    among = torch.zeros(documents, most, device=mask.device).masked_fill_(beyond, -_FAR)
    labels = torch.full_like(result, -1)
    for _ in range(_ROUNDS):
        far = torch.empty(len(rows), tokens, most, device=mask.device)
        found = torch.sub(means.mT, among[:, None, :], out=far).argmin(2)  # along rows it is many times faster
        moved = ((found != labels) & mask).any(1)
        labels = found
        result[rows] = found
        left = int(moved.sum())
        if not left:
            break
        if 2 * left <= len(rows):  # those that have settled leave when they are half: the others are copied
            rows, labels, mask, distances = rows[moved], labels[moved], mask[moved], distances[moved]
        # Rows of all documents in one list; padding goes into one cluster more.
        place = (most + 1) * torch.arange(len(rows), device=mask.device)[:, None]
        index = (labels.masked_fill(~mask, most) + place).flatten()
        lines = len(rows) * (most + 1)
        sums = torch.zeros(lines, tokens, device=mask.device).index_add_(0, index, distances.view(-1, tokens))
        sizes = torch.bincount(index, minlength=lines)
        sums /= sizes.clamp(min=1)[:, None]
        own = sums[index, torch.arange(tokens, device=mask.device).repeat(len(rows))]
        inner = torch.zeros(lines, device=mask.device).index_add_(0, index, own) / (2.0 * sizes.clamp(min=1))
        inner.masked_fill_(sizes == 0, -_FAR)  # nothing is near to an empty one
        means, among = sums.view(-1, most + 1, tokens)[:, :most], inner.view(-1, most + 1)[:, :most]
    return result


def _with_empty(labels: Tensor, mask: Tensor, wanted: Tensor) -> list[int]:
    """Documents with a cluster that is empty, as some of their vectors are equal."""
    sizes = torch.zeros(len(labels), int(wanted.max()), device=mask.device).scatter_add_(1, labels, mask.float())
    return torch.nonzero((sizes > 0).sum(1) < wanted)[:, 0].tolist()


def _filled(labels: Tensor, vectors: Tensor, wanted: int) -> Tensor:
    """Of one document: no cluster is empty any more. (n,) and (n, d) to (n,)."""
    member = torch.nn.functional.one_hot(labels, wanted).to(vectors.dtype)
    means = (member.mT @ vectors) / member.sum(0)[:, None].clamp(min=1)
    fit = -(vectors - means[labels]).square().sum(1)
    return torch.from_numpy(fill_empty(labels.cpu().numpy(), fit.cpu().numpy(), wanted)).to(labels.device)
