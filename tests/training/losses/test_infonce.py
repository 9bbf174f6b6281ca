"""InfoNCE: the libraries' where there is one positive, the written formula where there are several."""

from __future__ import annotations

import math

import pytest
import torch
from colpali_engine.loss import ColbertLoss
from sentence_transformers.multi_vector_encoder.losses import MultiVectorMultipleNegativesRankingLoss

from svrag.training.batch import Scored
from svrag.training.losses.infonce import InfoNCE
from svrag.training.scoring import maxsim
from tests.training.losses.libraries import Given, column, lists, unpadded


@pytest.mark.parametrize("mean", [False, True])
def test_equals_colpali_engine(mean: bool) -> None:
    queries, documents = unpadded(6, 4, seed=1), unpadded(6, 5, seed=2)
    theirs = ColbertLoss(temperature=0.3, normalize_scores=mean)(queries.vectors, documents.vectors)
    scores = maxsim(queries, documents, mean=mean)
    ours = InfoNCE(0.3)(Scored(scores, torch.eye(6), torch.ones(6, 6, dtype=torch.bool)))
    assert torch.allclose(ours.mean(), theirs, rtol=1e-5)


def test_equals_sentence_transformers_with_hard_negatives() -> None:
    queries, columns, documents, _ = lists(5, 3, seed=3)
    theirs = MultiVectorMultipleNegativesRankingLoss(Given(), scale=2.0)([column(queries), *map(column, columns)])
    relevance = torch.eye(5, 15)
    ours = InfoNCE(0.5)(Scored(maxsim(queries, documents), relevance, torch.ones(5, 15, dtype=torch.bool)))
    assert torch.allclose(ours.mean(), theirs, rtol=1e-5)


def test_positives_are_no_negatives_for_each_other() -> None:
    candidate = torch.tensor([[True, True, True, False]])
    given = Scored(torch.tensor([[2.0, 1.0, 0.0, 9.0]]), torch.tensor([[1.0, 1.0, 0.0, 0.0]]), candidate)
    wanted = (math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(-1.0))) / 2
    assert InfoNCE(1.0)(given).tolist() == [pytest.approx(wanted)]
