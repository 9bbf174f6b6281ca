"""SV-RAG's loss: the positive against the hardest negative.

    L(q) = mean_p softplus((max_n s_n - s_p) / t)

over the positives p and negatives n of the query (SV-RAG, arXiv 2411.01106, section 3.1, t = 1 and the negatives of the
batch; ColPali, arXiv 2407.01449, equation 2).

colpali-engine's `ColbertPairwiseCELoss` is the same for one positive per query, but finds the negative as the second of
the two best scores, so it needs two documents in the batch, and two copies of a page in it are a pair to be told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from svrag.training.batch import Scored
from svrag.training.losses.parts import LOWEST, mean_of, negatives, positives


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Attributes:
    temperature: t.
    """

    temperature: float

    def __call__(self, scored: Scored) -> Tensor:
        """(queries,); 0 of a query without a positive or without a negative."""
        scores = scored.scores / self.temperature
        hardest = scores.masked_fill(~negatives(scored), LOWEST).amax(1, keepdim=True)
        return mean_of(softplus(hardest - scores), positives(scored))
