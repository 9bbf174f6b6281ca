"""Margin-MSE: how much better the best document is than each other one is to be what the teacher says.

    L(q) = mean_e ( (s_b - s_e) / t - (T_b - T_e) )^2

over the documents e of the query's own list other than b, the one the teacher T finds best (Hofstätter et al.,
arXiv 2010.02666). The published loss takes the labelled positive for b and one negative; lists of a teacher have no
label, and which document stands first in them means nothing here. Of several equally good ones the mean is taken.

sentence-transformers' `MultiVectorMarginMSELoss` is the same where the positive is the teacher's best and all lists are
of one length. Its mean over queries and documents is this one's over queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from svrag.training.batch import Scored


@dataclass(frozen=True, slots=True)
class MarginMSE:
    """Attributes:
    temperature: t, which brings scores to the teacher's scale.
    """

    temperature: float

    def __call__(self, scored: Scored) -> Tensor:
        """(queries,); 0 of a list of one."""
        teacher = scored.relevance.masked_fill(~scored.candidate, -torch.inf)
        best = scored.candidate & (teacher == teacher.amax(1, keepdim=True))
        # A margin's error is the difference of two such errors; that of a document with itself is 0.
        error = scored.scores / self.temperature - scored.relevance
        squares = (error[:, :, None] - error[:, None, :]).square() * (best[:, :, None] & scored.candidate[:, None, :])
        others = (scored.candidate.sum(1) - 1).clamp(min=1)
        return squares.sum((1, 2)) / (best.sum(1).clamp(min=1) * others)
