"""Margin-MSE: sentence-transformers' where the first document is the teacher's best."""

from __future__ import annotations

import torch
from sentence_transformers.multi_vector_encoder.losses import MultiVectorMarginMSELoss

from svrag.training.batch import Scored
from svrag.training.losses.margin_mse import MarginMSE
from svrag.training.scoring import maxsim_pool
from tests.training.losses.libraries import Given, column, lists


def test_equals_sentence_transformers() -> None:
    queries, columns, documents, pool = lists(5, 4, seed=1)
    teacher = torch.randn(5, 4, generator=torch.Generator().manual_seed(2)).sort(1, descending=True).values
    theirs = MultiVectorMarginMSELoss(Given())([column(queries), *map(column, columns)], teacher)
    ours = MarginMSE(1.0)(Scored(maxsim_pool(queries, documents, pool), teacher, pool >= 0))
    assert torch.allclose(ours.mean(), theirs, rtol=1e-5)


def test_the_teachers_best_may_stand_anywhere_and_have_equals() -> None:
    # Errors are -1, 0 and 2: from the second and third, both best, on average ((1 + 4) / 2 + (9 + 4) / 2) / 2.
    scores, teacher = torch.tensor([[0.0, 5.0, 7.0]]), torch.tensor([[1.0, 5.0, 5.0]])
    assert MarginMSE(1.0)(Scored(scores, teacher, torch.ones(1, 3, dtype=torch.bool))).tolist() == [4.5]


def test_a_constant_added_to_scores_changes_nothing() -> None:
    scores, teacher = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.0, 1.0, 2.0]])
    assert MarginMSE(1.0)(Scored(scores, teacher, torch.ones(1, 3, dtype=torch.bool))).tolist() == [0.0]
