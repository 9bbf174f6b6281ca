"""GRCL: cross entropy with the graph's relevance as its targets."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from svrag.training.batch import Scored
from svrag.training.losses.grcl import GRCL
from svrag.training.losses.infonce import InfoNCE
from tests.training.made import scored


def test_equals_cross_entropy_with_soft_targets() -> None:
    given = scored(6, 7, seed=1)
    everything = Scored(given.scores, given.relevance, torch.ones(6, 7, dtype=torch.bool))
    targets = given.relevance.double() / given.relevance.sum(1, keepdim=True)
    theirs = cross_entropy(given.scores / 0.07, targets, reduction="none")
    assert torch.allclose(GRCL(0.07, binary=False)(everything), theirs)


def test_binarised_at_one_half() -> None:
    relevance = torch.tensor([[1.2, 0.5, 0.49, -1.0]])
    scores, candidate = torch.randn(1, 4), torch.ones(1, 4, dtype=torch.bool)
    wanted = GRCL(0.07, binary=False)(Scored(scores, torch.tensor([[1.0, 1.0, 0.0, 0.0]]), candidate))
    assert torch.equal(GRCL(0.07, binary=True)(Scored(scores, relevance, candidate)), wanted)


def test_one_positive_is_infonce() -> None:
    given = scored(6, 7, seed=2)
    one = Scored(given.scores, (given.relevance == 1.0).float(), given.candidate)
    for binary in (False, True):
        assert torch.allclose(GRCL(0.5, binary)(one), InfoNCE(0.5)(one))


def test_relevance_below_0_counts_as_none() -> None:
    given = scored(6, 7, seed=3)
    below = Scored(given.scores, given.relevance.where(given.relevance > 0, -1.0), given.candidate)
    assert torch.allclose(GRCL(1.0, binary=False)(below), GRCL(1.0, binary=False)(given))
