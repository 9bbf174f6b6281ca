"""Coverage: how far positives are below the K-th best negative."""

from __future__ import annotations

import math

import pytest
import torch

from svrag.training.batch import Scored
from svrag.training.losses.coverage import Coverage

SCORES = torch.tensor([[2.0, 1.0, 0.9, 0.3, 0.1, 5.0]])
RELEVANCE = torch.tensor([[1.0, 0.5, 0.05, 0.0, 0.0, 0.3]])
ALL = torch.ones(1, 6, dtype=torch.bool)


def test_the_kth_negative_is_the_threshold() -> None:
    """A candidate of relevance 0.3 is neither a positive nor a negative, whatever its score."""
    for depth, theta in ((1, 0.9), (2, 0.3), (3, 0.1)):
        wanted = sum(math.log1p(math.exp(5 * (theta - score))) for score in (2.0, 1.0)) / 2
        assert Coverage(depth)(Scored(SCORES, RELEVANCE, ALL)).tolist() == [pytest.approx(wanted, rel=1e-5)]


@pytest.mark.parametrize("depth", [4, 7])
def test_fewer_negatives_than_k(depth: int) -> None:
    scores = SCORES.clone().requires_grad_()
    value = Coverage(depth)(Scored(scores, RELEVANCE, ALL))
    assert value.tolist() == [0.0]
    (gradient,) = torch.autograd.grad(value.sum(), scores)
    assert not gradient.any()


def test_the_threshold_is_pushed_down() -> None:
    scores = SCORES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(Coverage(2)(Scored(scores, RELEVANCE, ALL)).sum(), scores)
    assert (gradient.sign() == torch.tensor([[-1, -1, 0, 1, 0, 0]])).all()
