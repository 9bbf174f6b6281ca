from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from svrag.retrievers.maxsim import gpu
from svrag.retrievers.maxsim.quantise import to_int8
from svrag.retrievers.maxsim.scan import scan
from tests.retrievers.maxsim.made import starts_of, vectors

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 40), max_size=8),
    st.integers(1, 130),
    st.integers(0, 40),
    st.sampled_from([1 << 26, 2000, 1]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_as_on_the_processor(
    lengths: list[int], dimension: int, tokens: int, block: int, shuffled: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    starts = starts_of(lengths)
    codes, query = to_int8(vectors(rng, int(starts[-1]), dimension)), vectors(rng, tokens, dimension)
    order = rng.permutation(len(lengths)) if shuffled else np.arange(len(lengths))
    begins, ends = starts[:-1][order], starts[1:][order]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu, "_NUMBERS", block)
        found = gpu.scan(torch.from_numpy(codes).to(DEVICE), begins, query, ends=ends)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scan(codes, begins, query, ends=ends), rtol=2e-5, atol=2e-5)


def test_negative_best_matches_are_kept() -> None:
    query = np.ones((3, 64), dtype=np.float32)
    away = to_int8(-(vectors(np.random.default_rng(0), 20, 64) ** 2))
    found = gpu.scan(torch.from_numpy(away).to(DEVICE), starts_of([6, 0, 14]), query)
    assert (found[[0, 2]] < -1).all()
    assert found[1] == -np.inf


def test_what_does_not_fit_is_refused() -> None:
    codes = torch.ones(4, 8, dtype=torch.int8)
    query = np.ones((2, 8), dtype=np.float32)
    for wrong, starts, asked in (
        (codes.float(), [0, 4], query),
        (codes[0], [0, 4], query),
        (codes, [0, 5], query),
        (codes, [0, 4], query[:, :7]),
    ):
        with pytest.raises(ValueError, match=r"must be|not within"):
            gpu.scan(wrong, np.array(starts), asked)
