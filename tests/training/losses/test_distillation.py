"""Distillation by distributions: sentence-transformers' loss on normalised scores, for lists of any length."""

from __future__ import annotations

import torch
from sentence_transformers.multi_vector_encoder.losses import MultiVectorDistillKLDivLoss
from torch import Tensor

from svrag.training.batch import Scored
from svrag.training.losses.distillation import KLDistillation
from svrag.training.scoring import maxsim_pool
from tests.training.losses.libraries import Given, column, lists
from tests.training.made import scored


def test_equals_sentence_transformers_on_scores_between_0_and_1() -> None:
    queries, columns, documents, pool = lists(5, 4, seed=1)
    teacher = torch.randn(5, 4, generator=torch.Generator().manual_seed(2)) * 7 + 3
    raw = maxsim_pool(queries, documents, pool)
    theirs = MultiVectorDistillKLDivLoss(Given(), similarity_fct=lambda *_, **__: between(raw), temperature=0.5)(
        [column(queries), *map(column, columns)], between(teacher)
    )
    ours = KLDistillation(0.5)(Scored(raw, teacher, pool >= 0))
    assert torch.allclose(ours.mean() * 0.5**2, theirs, rtol=1e-4)


def between(scores: Tensor) -> Tensor:
    low, high = scores.amin(1, keepdim=True), scores.amax(1, keepdim=True)
    return (scores - low) / (high - low)


def test_no_sides_scale_or_zero_changes_anything() -> None:
    given = scored(6, 7, seed=1)
    teacher = Scored(given.scores, given.relevance * 20 - 13, given.candidate)
    student = Scored(given.scores * 30 + 4, given.relevance, given.candidate)
    for scaled in (teacher, student):
        assert torch.allclose(KLDistillation(0.5)(scaled), KLDistillation(0.5)(given), atol=1e-5)


def test_a_list_that_the_teacher_does_not_order_teaches_nothing() -> None:
    candidate = torch.tensor([[True, True, True, False]])
    scores = torch.tensor([[1.0, 0.5, 0.0, 0.0]], requires_grad=True)
    loss = KLDistillation(1.0)(Scored(scores, torch.full((1, 4), 4.2), candidate))
    loss.sum().backward()
    assert loss.item() == 0
    assert scores.grad is not None
    assert not scores.grad.any()


def test_scores_that_are_all_equal_still_learn() -> None:
    scores = torch.zeros(1, 3, requires_grad=True)
    loss = KLDistillation(1.0)(Scored(scores, torch.tensor([[2.0, 1.0, 0.0]]), torch.ones(1, 3, dtype=torch.bool)))
    loss.sum().backward()
    assert loss.item() > 0.01
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert scores.grad[0, 0] < 0 < scores.grad[0, 2]
