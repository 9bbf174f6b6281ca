"""Negative cross entropy: the positive against each hard negative of the query, one by one.

    L(q) = mean_p mean_n softplus((s_n - s_p) / t)

over the positives p and the negatives n among the query's own documents, any number of each: a logistic loss per pair,
as RankNet's (Burges et al., ICML 2005).

This is the explicit term of colpali-engine's `ColbertNegativeCELoss`, whose other term is `InfoNCE` over the batch. That
class wants the same number of negatives for every query in one tensor, and takes zero vectors for padding, which gives
a document of negative similarities another score when a longer one is beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from svrag.training.batch import Scored
from svrag.training.losses.parts import mean_over_pairs


@dataclass(frozen=True, slots=True)
class NegativeCE:
    """Attributes:
    temperature: t.
    """

    temperature: float

    def __call__(self, scored: Scored) -> Tensor:
        """(queries,); 0 of a query without a positive or without a negative."""
        scores = scored.scores / self.temperature
        return mean_over_pairs(softplus(scores[:, None, :] - scores[:, :, None]), scored)
