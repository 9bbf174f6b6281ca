"""Graph-relevance contrastive loss (GRCL): scores are to be distributed like the relevance that the graph gives.

    L(q) = -sum_e w(e) log softmax(s / t)(e),    w(e) = max(g(q, e), 0) / sum_e' max(g(q, e'), 0)

over the candidates e, g being graph relevance (Element Graph for Academic Multimodal Retrieval, schema v2.1,
github.com/monkcat/dl_project; t = 0.07). Its InfoNCE row is the same with g binarised: 1 from 0.5 on, else 0.

A cross entropy with soft targets, which no loss of colpali-engine or sentence-transformers for token vectors has.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from svrag.training.batch import Scored
from svrag.training.losses.parts import log_softmax, positives


@dataclass(frozen=True, slots=True)
class GRCL:
    """Attributes:
    temperature: t.
    binary: whether relevance is binarised.
    """

    temperature: float
    binary: bool

    def __call__(self, scored: Scored) -> Tensor:
        """(queries,); 0 of a query to which nothing is relevant."""
        graded = scored.relevance.clamp(min=0.0) * scored.candidate
        weights = positives(scored).to(graded.dtype) if self.binary else graded
        total = weights.sum(1)
        crossed = -(weights * log_softmax(scored.scores, scored.candidate, self.temperature)).sum(1)
        return torch.where(total > 0, crossed / total.where(total > 0, 1.0), 0.0)
