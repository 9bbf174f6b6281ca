"""Triplet margin: the positive is to be better than each negative by a margin.

    L(q) = mean_p mean_n max(0, m + (s_n - s_p) / t)

over the positives p and negatives n among the query's own documents (Schroff et al., FaceNet, arXiv 1503.03832, with
MaxSim in place of the distance). sentence-transformers' `TripletLoss` compares one vector of each text by a distance,
and torch's by a norm: neither takes scores. The term of one pair is torch's `margin_ranking_loss`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from svrag.training.batch import Scored
from svrag.training.losses.parts import mean_over_pairs


@dataclass(frozen=True, slots=True)
class Triplet:
    """Attributes:
    temperature: t.
    margin: m, of scores divided by the temperature.
    """

    temperature: float
    margin: float

    def __call__(self, scored: Scored) -> Tensor:
        """(queries,); 0 of a query without a positive or without a negative."""
        scores = scored.scores / self.temperature
        return mean_over_pairs((self.margin + scores[:, None, :] - scores[:, :, None]).relu(), scored)
