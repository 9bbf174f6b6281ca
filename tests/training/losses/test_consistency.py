"""Consistency: a divergence that moves only the scores without places."""

from __future__ import annotations

import torch
from torch.distributions import Categorical, kl_divergence

from svrag.training.batch import Scored
from svrag.training.losses.consistency import Consistency
from tests.training.made import scored


def test_equals_torchs_divergence() -> None:
    given, other = scored(6, 7, seed=1), scored(6, 7, seed=2).scores
    everything = Scored(given.scores, given.relevance, torch.ones(6, 7, dtype=torch.bool))
    theirs = kl_divergence(Categorical(logits=given.scores / 0.3), Categorical(logits=other / 0.3))
    assert torch.allclose(Consistency(0.3)(everything, other), theirs)


def test_equal_scores_up_to_a_constant_are_consistent() -> None:
    given = scored(6, 7, seed=1)
    assert torch.allclose(Consistency(0.3)(given, given.scores + 2.0), torch.zeros(6, dtype=torch.float64), atol=1e-12)


def test_gradients() -> None:
    given, other = scored(6, 7, seed=1), scored(6, 7, seed=2).scores.requires_grad_()
    assert torch.autograd.gradcheck(lambda without: Consistency(0.3)(given, without), other)
    with_place = given.scores.requires_grad_()
    Consistency(0.3)(Scored(with_place, given.relevance, given.candidate), other).sum().backward()
    assert with_place.grad is None
    assert other.grad is not None
    assert not other.grad[~given.candidate].any()


def test_no_candidates_are_consistent() -> None:
    given, other = scored(6, 7, seed=1), scored(6, 7, seed=2).scores
    nothing = Scored(given.scores, given.relevance, torch.zeros_like(given.candidate))
    assert Consistency(0.3)(nothing, other).tolist() == [0.0] * 6
