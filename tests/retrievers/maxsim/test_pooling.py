from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, ward

from svrag.retrievers.maxsim.pooling import Method, pool, pooled_counts

METHODS: tuple[Method, ...] = ("hierarchical", "kmeans", "rough", "span")
ALIKE = METHODS[:3]
"""Those that look at the vectors."""


def made(seed: int, count: int, dimension: int = 16, directions: int = 0) -> NDArray[np.float32]:
    """Around so many directions, or anywhere."""
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(count, dimension))
    if directions:
        vectors = draw.normal(size=(directions, dimension))[np.arange(count) % directions] + 0.05 * vectors
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def by_hand(vectors: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Means of clusters, of length 1, in the order of their first tokens."""
    order = list(dict.fromkeys(labels.tolist()))
    means = np.stack([vectors[labels == label].astype(np.float64).mean(axis=0) for label in order])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 60), factor=st.integers(1, 12))
def test_so_many_of_length_1_and_always_the_same(method: Method, seed: int, count: int, factor: int) -> None:
    vectors = made(seed, count)
    pooled = pool(vectors, factor, method)
    wanted = min(count, max(1, count // factor))
    assert pooled.shape == (wanted, 16)
    assert pooled.dtype == np.float32
    assert pooled_counts(np.array([count]), factor).tolist() == [wanted]
    np.testing.assert_allclose(np.linalg.norm(pooled, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(pool(vectors, factor, method), pooled)
    if wanted == count:
        np.testing.assert_array_equal(pooled, vectors)


@pytest.mark.parametrize("method", ALIKE)
@pytest.mark.parametrize("directions", [1, 7])
def test_tokens_of_one_direction_become_its_mean(method: Method, directions: int) -> None:
    vectors = made(1, directions * 6, directions=directions)
    wanted = by_hand(vectors, np.arange(len(vectors)) % directions)
    np.testing.assert_allclose(pool(vectors, 6, method), wanted, atol=1e-5)


@pytest.mark.parametrize(("seed", "count", "factor"), [(0, 40, 2), (1, 100, 3), (2, 257, 4), (3, 64, 8)])
def test_hierarchical_is_wards(seed: int, count: int, factor: int) -> None:
    vectors = made(seed, count)
    labels = fcluster(ward(vectors.astype(np.float64)), count // factor, criterion="maxclust")
    np.testing.assert_allclose(pool(vectors, factor, "hierarchical"), by_hand(vectors, labels), atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_equal_tokens_and_tokens_without_length(method: Method) -> None:
    pooled = pool(np.repeat(made(1, 1), 20, axis=0), 4, method)
    assert pooled.shape == (5, 16)
    np.testing.assert_allclose(pooled, np.repeat(made(1, 1), 5, axis=0), atol=1e-6)
    empty = pool(np.zeros((8, 16), np.float32), 4, method)
    assert np.isfinite(empty).all()


@pytest.mark.parametrize("method", METHODS)
def test_long_inputs_are_pooled_in_parts(method: Method) -> None:
    vectors = made(1, 4500, dimension=8)
    pooled = pool(vectors, 500, method)
    assert pooled.shape == (9, 8)
    np.testing.assert_allclose(np.linalg.norm(pooled, axis=1), 1, atol=1e-5)
    alone = pool(vectors[:1500], 500, method)
    np.testing.assert_array_equal(pooled[:3], alone)  # the first of three parts


@pytest.mark.parametrize("factor", [0, -1, 5000])
def test_a_factor_that_makes_no_sense(factor: int) -> None:
    with pytest.raises(ValueError, match="factor is from 1 to 1024"):
        pool(made(1, 5), factor)
