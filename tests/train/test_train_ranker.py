"""The fit of the ranker: it finds what made the data, keeps its bounds, and folds do not cut documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from train.train_ranker import FOLDS, PENALTY, SHARPNESS, Listing, fit, folds_of


def listings(weights: list[float], count: int = 300, seed: int = 0) -> list[Listing]:
    """Questions with 12 candidates each; the gold one is drawn by the softmax of its weighed evidence."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        evidence = rng.random((12, len(weights)))
        scores = SHARPNESS * evidence @ np.array(weights)
        chance = np.exp(scores - scores.max())
        gold = np.zeros(12, dtype=bool)
        gold[rng.choice(12, p=chance / chance.sum())] = True
        made.append(Listing(evidence, gold))
    return made


def objective(made: list[Listing], weights: np.ndarray, start: np.ndarray) -> float:
    total = 0.0
    for one in made:
        scores = SHARPNESS * one.evidence @ weights
        total += float(np.log(np.exp(scores).sum()) - np.log(np.exp(scores[one.gold]).sum())) / len(made)
    return total + PENALTY * float(((SHARPNESS * (weights - start)) ** 2).sum())


def test_the_weights_that_made_the_data_are_found() -> None:
    true = [1.0, 0.3, 0.0]
    found = fit(listings(true), [1 / 300] * 300, true)
    assert found == pytest.approx(true, abs=0.15)


def test_no_other_weights_are_better() -> None:
    made, start = listings([0.8, 0.2], count=60), np.array([1.0, 0.0])
    found = fit(made, [1 / 60] * 60, start)
    best = objective(made, found, start)
    rng = np.random.default_rng(1)
    for _ in range(50):
        other = np.maximum(0.0, found + rng.normal(0.0, 0.1, 2))
        assert objective(made, other, start) >= best - 1e-6


def test_weights_are_never_negative_and_what_is_left_out_is_0() -> None:
    made = listings([0.5, 0.5, 0.0])
    against = [Listing(np.hstack([one.evidence, one.evidence[:, :1] * -1]), one.gold) for one in made]
    assert (fit(against, [1 / 300] * 300, [0.5, 0.5, 0.0, 0.0]) >= 0).all()
    assert fit(made, [1 / 300] * 300, [0.5, 0.5, 0.0], without=1)[1] == 0.0


def test_what_the_data_do_not_tell_stays_as_it_was_set() -> None:
    made = [Listing(np.hstack([one.evidence, np.zeros((12, 1))]), one.gold) for one in listings([1.0])]
    assert fit(made, [1 / 300] * 300, [1.0, 0.7])[1] == pytest.approx(0.7)


@dataclass(frozen=True)
class _Question:
    document: str


@dataclass(frozen=True)
class _Example:
    set: str
    question: _Question


def test_questions_on_one_document_share_their_fold() -> None:
    chosen = [_Example("a", _Question(f"{n % 20}.pdf")) for n in range(100)]
    folds = folds_of(chosen)  # type: ignore[arg-type]
    assert len({(e.question.document, fold) for e, fold in zip(chosen, folds, strict=True)}) == 20
    assert set(folds) == set(range(FOLDS))
