"""Pairwise cross entropy: colpali-engine's, and where that goes wrong."""

from __future__ import annotations

import math

import pytest
import torch
from colpali_engine.loss import ColbertPairwiseCELoss

from svrag.training.batch import Scored
from svrag.training.losses.pairwise import Pairwise
from svrag.training.scoring import maxsim
from tests.training.losses.libraries import unpadded


@pytest.mark.parametrize("mean", [False, True])
def test_equals_colpali_engine(mean: bool) -> None:
    queries, documents = unpadded(6, 4, seed=1), unpadded(6, 5, seed=2)
    theirs = ColbertPairwiseCELoss(temperature=0.7, normalize_scores=mean)(queries.vectors, documents.vectors)
    scores = maxsim(queries, documents, mean=mean)
    ours = Pairwise(0.7)(Scored(scores, torch.eye(6), torch.ones(6, 6, dtype=torch.bool)))
    assert torch.allclose(ours.mean(), theirs, rtol=1e-5)


def test_the_hardest_negative_of_several_positives() -> None:
    given = Scored(
        torch.tensor([[2.0, 1.0, 0.5, -1.0]]), torch.tensor([[1.0, 1.0, 0.0, 0.0]]), torch.ones(1, 4, dtype=torch.bool)
    )
    wanted = (math.log(1 + math.exp(-1.5)) + math.log(1 + math.exp(-0.5))) / 2
    assert Pairwise(1.0)(given).tolist() == [pytest.approx(wanted)]


def test_a_batch_of_one_document_has_no_pair() -> None:
    assert Pairwise(1.0)(Scored(torch.ones(1, 1), torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bool))).tolist() == [
        0.0
    ]
