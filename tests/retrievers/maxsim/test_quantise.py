from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.retrievers.maxsim.quantise import from_int8, to_bits, to_halves, to_int8
from tests.retrievers.maxsim.made import vectors


def test_codes_by_hand() -> None:
    made = to_int8(np.array([[0.5, -1.0, 0.0, 0.25], [0, 0, 0, 0], [2, 2, 2, 2]], dtype=np.float32))
    assert made.tolist() == [[64, -127, 0, 32], [0, 0, 0, 0], [127, 127, 127, 127]]
    assert made.dtype == np.int8


@given(st.sampled_from([0, 1, 50, 4096, 4100]), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_a_vector_keeps_its_direction_and_gets_length_1(count: int, dimension: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = min(count, 100_000 // dimension)
    original = vectors(rng, count, dimension)
    back = from_int8(to_int8(original * rng.uniform(0.01, 100, (count, 1)).astype(np.float32)))
    assert back.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, rtol=1e-5)
    # Each component is off by half a step at most, a step being the greatest component / 127.
    off = np.linalg.norm(back - original, axis=1)
    assert (off <= 2 * np.abs(original).max(axis=1, initial=0) / 127 * np.sqrt(dimension) / 2 + 1e-5).all()


def test_zeros_and_the_smallest_stay_zeros_without_a_warning() -> None:
    nothing = np.array([[0, 0, 0], [1e-40, 0, 0]], dtype=np.float32)
    with np.errstate(all="raise", under="ignore"):
        assert not from_int8(to_int8(nothing)).any()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(wrong: float) -> None:
    made = np.ones((5000, 2), dtype=np.float32)
    made[4999, 1] = wrong
    with pytest.raises(ValueError, match="not finite"):
        to_int8(made)


def test_signs() -> None:
    drawn = np.random.default_rng(0).standard_normal((7, 13)).astype(np.float32)
    bits = to_bits(drawn)
    assert bits.shape == (7, 2)
    for row in range(7):
        for i in range(13):
            assert bits[row, i // 8] >> (i % 8) & 1 == (drawn[row, i] > 0)


def test_only_rows_of_vectors() -> None:
    for function in (to_int8, to_bits, from_int8):
        with pytest.raises(ValueError, match="must be"):
            function(np.zeros(3, dtype=np.float32))  # type: ignore[operator]


def test_halves_are_those_of_numpy() -> None:
    draw = np.random.default_rng(5)
    scale = 2.0 ** draw.integers(-13, 15, size=(1500, 64))
    vectors = (draw.normal(size=(1500, 64)) * scale).clip(-60_000, 60_000).astype(np.float32)
    vectors[0, :6] = [0.0, -0.0, 1 + 2.0**-11, 1 + 3 * 2.0**-11, -1.0, 2.0**-14]  # ties go to even
    vectors[1] = draw.normal(size=64) * 2.0**-20  # what float16 has few bits for
    halves = to_halves(vectors)
    assert halves.dtype == np.float16
    assert np.array_equal(halves.view(np.uint16), vectors.astype(np.float16).view(np.uint16))
    assert to_halves(vectors[:0]).shape == (0, 64)
