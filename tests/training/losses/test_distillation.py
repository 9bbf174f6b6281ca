"""Distillation by distributions: sentence-transformers' loss on normalised scores, for lists of any length."""

from __future__ import annotations

import torch
from sentence_transformers.multi_vector_encoder.losses import MultiVectorDistillKLDivLoss

from svrag.training.batch import Scored
from svrag.training.losses.distillation import KLDistillation
from svrag.training.scoring import maxsim_pool
from tests.training.losses.libraries import Given, column, lists
from tests.training.made import scored


def test_equals_sentence_transformers() -> None:
    queries, columns, documents, pool = lists(5, 4, seed=1)
    teacher = torch.randn(5, 4, generator=torch.Generator().manual_seed(2)) * 7 + 3
    low, high = teacher.amin(1, keepdim=True), teacher.amax(1, keepdim=True)
    theirs = MultiVectorDistillKLDivLoss(Given(), temperature=0.5)(
        [column(queries), *map(column, columns)], (teacher - low) / (high - low)
    )
    ours = KLDistillation(0.5)(Scored(maxsim_pool(queries, documents, pool), teacher, pool >= 0))
    assert torch.allclose(ours.mean() * 0.5**2, theirs, rtol=1e-4)


def test_the_teachers_scale_and_zero_change_nothing() -> None:
    given = scored(6, 7, seed=1)
    scaled = Scored(given.scores, given.relevance * 20 - 13, given.candidate)
    assert torch.allclose(KLDistillation(0.5)(scaled), KLDistillation(0.5)(given), atol=1e-6)


def test_a_teacher_that_tells_none_apart_asks_for_equal_scores() -> None:
    candidate = torch.tensor([[True, True, True, False]])
    teacher = torch.full((1, 4), 4.2)
    assert KLDistillation(1.0)(Scored(torch.full((1, 4), 0.5), teacher, candidate)).item() < 1e-6
    assert KLDistillation(1.0)(Scored(torch.tensor([[1.0, 0.0, 0.0, 0.0]]), teacher, candidate)).item() > 0.01
