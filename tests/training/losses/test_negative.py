"""Negative cross entropy: the explicit term of colpali-engine's, with any number of negatives per query."""

from __future__ import annotations

import math

import pytest
import torch
from colpali_engine.loss import ColbertNegativeCELoss

from svrag.training.batch import Scored
from svrag.training.losses.negative import NegativeCE
from svrag.training.scoring import maxsim_pool
from tests.training.losses.libraries import unpadded


def test_equals_colpali_engine() -> None:
    queries, documents = unpadded(4, 3, seed=1), unpadded(4 * 3, 5, seed=2)
    pool = torch.arange(12).reshape(4, 3)
    theirs = ColbertNegativeCELoss(temperature=0.4, normalize_scores=False, in_batch_term_weight=0.0)(
        queries.vectors, documents.vectors[pool[:, 0]], documents.vectors[pool[:, 1:]]
    )
    relevance = torch.tensor([[1.0, 0.0, 0.0]]).expand(4, 3)
    ours = NegativeCE(0.4)(Scored(maxsim_pool(queries, documents, pool), relevance, pool >= 0))
    assert torch.allclose(ours.mean(), theirs, rtol=1e-5)


def test_any_number_of_negatives() -> None:
    scores = torch.tensor([[1.0, 0.0, 2.0], [1.0, 3.0, 7.0]])
    relevance = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    candidate = torch.tensor([[True, True, True], [True, True, False]])
    wanted = [(math.log(1 + math.exp(-1.0)) + math.log(1 + math.exp(1.0))) / 2, math.log(1 + math.exp(2.0))]
    assert NegativeCE(1.0)(Scored(scores, relevance, candidate)).tolist() == [pytest.approx(w) for w in wanted]
