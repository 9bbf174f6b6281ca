from __future__ import annotations

import math

import numpy as np
import pytest

from svrag.evaluation.bootstrap import interval, paired


def test_the_interval_of_a_share_is_that_of_the_binomial() -> None:
    values = [1.0] * 60 + [0.0] * 60
    low, high = interval(values)
    spread = 1.96 * math.sqrt(0.25 / 120)
    assert (low, high) == (pytest.approx(0.5 - spread, abs=0.015), pytest.approx(0.5 + spread, abs=0.015))
    assert interval(values) == (low, high)


def test_no_spread_no_width() -> None:
    assert interval([0.25] * 7) == (0.25, 0.25)
    assert interval([1.0]) == (1.0, 1.0)


def test_the_same_run_is_no_difference() -> None:
    values = [1.0, 0.0, 1.0, 0.5]
    same = paired(values, values)
    assert (same.mean, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_a_clear_difference_is_one_and_turns_round() -> None:
    better = [1.0] * 40 + [0.0] * 60
    worse = [1.0] * 20 + [0.0] * 80
    forth, back = paired(better, worse), paired(worse, better)
    assert forth.mean == pytest.approx(0.2)
    assert forth.low > 0
    assert 0 < forth.p < 0.01
    assert (back.mean, back.low, back.high) == pytest.approx((-forth.mean, -forth.high, -forth.low))
    assert back.p == forth.p


def test_p_agrees_with_the_sign_test_where_questions_differ_both_ways() -> None:
    # 12 questions better, 5 worse, 83 the same: the exact two-sided sign test gives 0.143, the bootstrap is close to it.
    difference = paired([1.0] * 12 + [0.0] * 5 + [1.0] * 83, [0.0] * 12 + [1.0] * 5 + [1.0] * 83)
    assert 0.05 < difference.p < 0.2


def test_p_is_calibrated_where_nothing_differs() -> None:
    random = np.random.default_rng(1)
    small = sum(
        paired(random.integers(0, 2, 80).tolist(), random.integers(0, 2, 80).tolist()).p < 0.1 for _ in range(100)
    )
    assert 2 <= small <= 22  # 10 expected
