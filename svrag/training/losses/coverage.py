"""Coverage: all strong positives are to come before the K-th best negative, not one of them only.

    L(q) = mean_p softplus(5 (theta - s_p)),    theta = the K-th highest score of a negative

over the candidates p of relevance at least 0.5; negatives are those below 0.1, and what is between counts as neither
(Element Graph for Academic Multimodal Retrieval, schema v2.1, github.com/monkcat/dl_project; K = 5). A smooth count of
the positives that are missing from the best K. Added to another loss; scores are not divided by a temperature.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from svrag.training.batch import Scored
from svrag.training.losses.parts import LOWEST, mean_of, positives

_IRRELEVANT = 0.1
_SHARPNESS = 5.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """Attributes:
    depth: K.
    """

    depth: int

    def __call__(self, scored: Scored) -> Tensor:
        """(queries,); 0 of a query without a positive or with fewer than K negatives."""
        scores = scored.scores
        if scores.shape[1] < self.depth:
            return scores.sum(1) * 0.0
        negative = scored.candidate & (scored.relevance < _IRRELEVANT)
        theta = scores.masked_fill(~negative, LOWEST).topk(self.depth, dim=1).values[:, -1:]
        return mean_of(softplus(_SHARPNESS * (theta - scores)), positives(scored))
