"""What holds for every loss: gradients, order, padding, queries with nothing to learn from, the name in a recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest
import torch
from torch import Tensor

from svrag.training.batch import Loss, Scored
from svrag.training.config import LossPart
from svrag.training.losses.choose import loss_of
from svrag.training.losses.coverage import Coverage
from tests.training.made import scored

NAMES = get_args(LossPart.model_fields["name"].annotation)
LOSSES: dict[str, Loss] = {
    **{name: loss_of(LossPart(name=name, candidates="pool", temperature=0.5)) for name in NAMES},
    "coverage": Coverage(2),
}
each = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


@each
def test_gradients_are_those_of_finite_differences(loss: Loss) -> None:
    given = scored(6, 7, seed=1)
    assert loss(given).any()
    assert torch.autograd.gradcheck(
        lambda scores: loss(Scored(scores, given.relevance, given.candidate)), given.scores.requires_grad_()
    )


@each
def test_order_of_queries_and_candidates_changes_nothing(loss: Loss) -> None:
    given = scored(6, 7, seed=2)
    rows, columns = torch.randperm(6), torch.randperm(7)

    def turned(values: Tensor) -> Tensor:
        return values[rows][:, columns]

    other = loss(Scored(turned(given.scores), turned(given.relevance), turned(given.candidate)))
    assert torch.allclose(other, loss(given)[rows])


@each
def test_a_query_does_not_see_the_others(loss: Loss) -> None:
    given = scored(6, 7, seed=3)
    alone = [
        loss(Scored(given.scores[i : i + 1], given.relevance[i : i + 1], given.candidate[i : i + 1])) for i in range(6)
    ]
    assert torch.allclose(torch.cat(alone), loss(given))


@each
def test_padding_changes_nothing_whatever_its_score(loss: Loss) -> None:
    given = scored(6, 7, seed=4)
    scores = torch.cat([given.scores, torch.full((6, 3), 1e4, dtype=torch.float64)], 1).requires_grad_()
    relevance = torch.cat([given.relevance, torch.zeros(6, 3)], 1)
    candidate = torch.cat([given.candidate, torch.zeros(6, 3, dtype=torch.bool)], 1)
    wide = loss(Scored(scores, relevance, candidate))
    assert torch.allclose(wide, loss(given))
    (gradient,) = torch.autograd.grad(wide.sum(), scores)
    assert not gradient[:, 7:].any()
    assert not gradient[:, :7][~given.candidate].any()


def _no_positive(given: Scored) -> Scored:
    return Scored(given.scores, torch.zeros_like(given.relevance), given.candidate)


def _one_candidate(given: Scored) -> Scored:
    only = given.relevance == 1.0
    return Scored(given.scores, given.relevance * only, only & (only.cumsum(1) == 1))


def _all_pads(given: Scored) -> Scored:
    return Scored(given.scores, torch.zeros_like(given.relevance), torch.zeros_like(given.candidate))


def _all_positive(given: Scored) -> Scored:
    return Scored(given.scores, given.candidate.float(), given.candidate)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *((name, change) for name in LOSSES for change in (_one_candidate, _all_pads)),
        *((name, _no_positive) for name in LOSSES if name not in {"kl_distillation", "margin_mse"}),
        *((name, _all_positive) for name in ("infonce", "pairwise", "negatives", "triplet", "coverage")),
    ],
)
def test_nothing_to_learn_is_0_with_no_gradient(name: str, change: Callable[[Scored], Scored]) -> None:
    given = change(scored(6, 7, seed=5))
    values = LOSSES[name](Scored(given.scores.requires_grad_(), given.relevance, given.candidate))
    assert values.tolist() == [0.0] * 6
    (gradient,) = torch.autograd.grad(values.sum(), given.scores)
    assert not gradient.any()


@each
def test_better_scores_lose_less(loss: Loss) -> None:
    given = scored(6, 7, seed=6)
    better = Scored(given.scores - given.scores + 3.0 * given.relevance, given.relevance, given.candidate)
    worse = Scored(-better.scores, given.relevance, given.candidate)
    assert (loss(better) <= loss(worse)).all()
    assert (loss(better) < loss(worse)).sum() >= 5  # one query has too few negatives for coverage


@each
def test_scores_of_any_size_have_finite_losses_and_gradients(loss: Loss) -> None:
    given = scored(6, 7, seed=7, dtype=torch.float32)
    scores = (given.scores * 1e4).requires_grad_()
    values = loss(Scored(scores, given.relevance, given.candidate))
    assert values.dtype == torch.float32
    (gradient,) = torch.autograd.grad(values.sum(), scores)
    assert values.isfinite().all()
    assert gradient.isfinite().all()


def test_temperature_divides_scores() -> None:
    given = scored(6, 7, seed=8)
    for name in NAMES:
        halved = Scored(given.scores / 2, given.relevance, given.candidate)
        if name == "kl_distillation":  # where it divides the teacher's too
            continue
        hot, cold = (loss_of(LossPart(name=name, candidates="pool", temperature=t)) for t in (2.0, 1.0))
        assert torch.allclose(hot(given), cold(halved))
