"""What several losses share: which candidates are positives, and sums that leave out what is masked."""

from __future__ import annotations

from torch import Tensor

from svrag.training.batch import Scored

RELEVANT = 0.5
"""From this relevance on a candidate is a positive, as in the published InfoNCE row of element graphs. Where relevance
is 1 and 0, the choice changes nothing."""

LOWEST = -1e30
"""Stands for minus infinity where all candidates may be masked: the gradient of a softmax over nothing but infinities is
not a number, and 0 times it is not either."""


def positives(scored: Scored) -> Tensor:
    """(queries, candidates) bool."""
    return scored.candidate & (scored.relevance >= RELEVANT)


def negatives(scored: Scored) -> Tensor:
    """(queries, candidates) bool."""
    return scored.candidate & (scored.relevance < RELEVANT)


def mean_of(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of a row's values where the mask is True; 0 where it nowhere is. (n, m) and (n, m) bool to (n,)."""
    return values.where(mask, 0.0).sum(1) / mask.sum(1).clamp(min=1)


def log_softmax(scores: Tensor, candidate: Tensor, temperature: float) -> Tensor:
    """Over the candidates, and 0 elsewhere; (queries, candidates)."""
    return (scores / temperature).masked_fill(~candidate, LOWEST).log_softmax(1).masked_fill(~candidate, 0.0)


def mean_over_pairs(values: Tensor, scored: Scored) -> Tensor:
    """The mean over pairs of a positive and a negative; 0 of a query without any.

    Args:
        values: (queries, candidates, candidates), the positive first.

    Returns:
        (queries,)
    """
    pairs = positives(scored)[:, :, None] & negatives(scored)[:, None, :]
    return mean_of(values.flatten(1), pairs.flatten(1))
