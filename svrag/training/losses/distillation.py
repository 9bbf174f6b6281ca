"""Distillation by distributions: scores of a query's list are to be distributed like a teacher's.

    L(q) = KL( softmax(T / t) || softmax(s / t) ),    T = (teacher - min) / (max - min)

over the query's own list (Hinton et al., arXiv 1503.02531; for late interaction ColBERTv2, arXiv 2112.01488). The
teacher's scores are brought between 0 and 1 over the list, as PyLate does: cross-encoders give logits of any scale.

sentence-transformers' `MultiVectorDistillKLDivLoss` is the same on such scores times t^2, Hinton's factor, which holds
for temperatures above 1 and below makes the loss vanish (0.0025 at 0.05). It wants the same number of documents in
every list; here lists may differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from svrag.training.batch import Scored
from svrag.training.losses.parts import log_softmax


@dataclass(frozen=True, slots=True)
class KLDistillation:
    """Attributes:
    temperature: t.
    """

    temperature: float

    def __call__(self, scored: Scored) -> Tensor:
        """(queries,); at least 0, and 0 of a list of one. A teacher that tells none apart asks for equal scores."""
        low = scored.relevance.masked_fill(~scored.candidate, torch.inf).amin(1, keepdim=True)
        high = scored.relevance.masked_fill(~scored.candidate, -torch.inf).amax(1, keepdim=True)
        spread = high - low
        teacher = (scored.relevance - low) / spread.where(spread > 0, 1.0)
        target = log_softmax(teacher, scored.candidate, self.temperature)
        student = log_softmax(scored.scores, scored.candidate, self.temperature)
        return kl_div(student, target, reduction="none", log_target=True).sum(1)
