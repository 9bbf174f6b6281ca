"""The FLOPS regulariser: what keeps sparse vectors sparse.

    FLOPS(w) = sum_j ( mean_i |w_ij| )^2

over the terms j and the texts i of a batch (Paria et al., Minimizing FLOPs to Learn Efficient Sparse Representations,
arXiv 2004.05665, equation 4): the expected products of two texts' terms, which a search has to compute. Terms that many
texts have cost most. Its weight grows as the square of the step until it is full, as in SPLADE (Formal et al.,
arXiv 2107.05720, section 3.3): with all of it at once the model would fall silent before it has learnt anything.

Means are over the batch of a process: the term is not the same for any number of processes, as no mean of squares is.
"""

from __future__ import annotations

from torch import Tensor

from svrag.training.batch import TokenBatch
from svrag.training.config import Sparsity


class FLOPS:
    """Of questions and documents, each with its weight."""

    def __init__(self, part: Sparsity) -> None:
        self._part = part

    def __call__(self, queries: TokenBatch, documents: TokenBatch, step: int) -> Tensor:
        """(), with the weights of a step of the run, counted from 0."""
        part = self._part
        return self.ramp(step) * (part.query * flops(queries) + part.document * flops(documents))

    def ramp(self, step: int) -> float:
        """From 0 to 1, the share of the weights."""
        return min(1.0, (step + 1) / (self._part.ramp + 1)) ** 2


def flops(texts: TokenBatch) -> Tensor:
    """Of (items, 1, terms): ()."""
    return texts.vectors[:, 0].float().abs().mean(0).square().sum()
