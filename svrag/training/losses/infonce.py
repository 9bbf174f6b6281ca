"""ColBERT's InfoNCE: the positive against all other candidates.

    L(q) = mean_p -log( exp(s_p / t) / (exp(s_p / t) + sum_n exp(s_n / t)) )

over the positives p of the query and its negatives n (van den Oord et al., arXiv 1807.03748; with MaxSim: Khattab and
Zaharia, ColBERT, arXiv 2004.12832; ColPali, arXiv 2407.01449).

With one positive per query this is colpali-engine's `ColbertLoss`, and sentence-transformers'
`MultiVectorMultipleNegativesRankingLoss` with scale 1 / t. Both need exactly one positive, in a column known beforehand,
and take all other documents for negatives; here a query may have several, which are no negatives for each other, and
documents that are also its own are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from svrag.training.batch import Scored
from svrag.training.losses.parts import LOWEST, mean_of, negatives, positives


@dataclass(frozen=True, slots=True)
class InfoNCE:
    """Attributes:
    temperature: t.
    """

    temperature: float

    def __call__(self, scored: Scored) -> Tensor:
        """(queries,); 0 of a query without a positive or without a negative."""
        scores = scored.scores / self.temperature
        # -log(e^p / (e^p + e^n)) = softplus(n - p), where e^n is the sum over the negatives.
        negative = scores.masked_fill(~negatives(scored), LOWEST).logsumexp(1, keepdim=True)
        return mean_of(softplus(negative - scores), positives(scored))
