"""Distillation by distributions: scores of a query's list are to be distributed like a teacher's.

    L(q) = KL( softmax(T / t) || softmax(S / t) ),    T = between(teacher), S = between(scores)
    between(x) = (x - min x) / (max x - min x)

over the query's own list (Hinton et al., arXiv 1503.02531; for late interaction ColBERTv2, arXiv 2112.01488). Both sides
are brought between 0 and 1 over the list: the teacher's as cross-encoders give logits of any scale, the model's as PyLate
does (`Distillation`, `normalize_scores`). Without the latter sums of cosines have to come within one of each other, as the
teacher's do, and a ColBERT ranks worse than before; with it, by the same recipe, better (LOG.md, 2026-11-22).

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
    temperature: t, for scores between 0 and 1.
    """

    temperature: float

    def __call__(self, scored: Scored) -> Tensor:
        """(queries,); at least 0, and 0 where the teacher tells no candidates apart, as in a list of one.

        The two scores of a list of two are 0 and 1 whatever the model says: it has no gradient.
        """
        target, ordered = _between(scored.relevance, scored.candidate)
        student, _ = _between(scored.scores, scored.candidate)
        log_target, log_student = (log_softmax(side, scored.candidate, self.temperature) for side in (target, student))
        return kl_div(log_student, log_target, reduction="none", log_target=True).sum(1).where(ordered, 0.0)


def _between(values: Tensor, candidate: Tensor) -> tuple[Tensor, Tensor]:
    """Each row's candidates from 0 to 1, and whether they differ. (n, m) and (n, m) bool to (n, m) and (n,) bool."""
    low = values.masked_fill(~candidate, torch.inf).amin(1, keepdim=True)
    high = values.masked_fill(~candidate, -torch.inf).amax(1, keepdim=True)
    differ = high > low
    return (values - low) / (high - low).where(differ, 1.0), differ[:, 0]
