"""k-means of many documents at once: a partition, as good as scikit-learn's, and the same whatever stands beside."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from torch import Tensor

from svrag.retrievers.maxsim.kmeans import inertia, kmeans


def made(seed: int, counts: list[int], dimension: int = 8) -> tuple[Tensor, Tensor]:
    """Vectors of length 1 around a third as many directions, and their mask with padding anywhere."""
    draw = torch.Generator().manual_seed(seed)
    longest = max([*counts, 1]) + 2
    vectors = torch.full((len(counts), longest, dimension), 7.0)  # padding is not 0
    mask = torch.zeros(len(counts), longest, dtype=torch.bool)
    for i, count in enumerate(counts):
        directions = torch.randn(max(1, count // 3), dimension, generator=draw)
        chosen = directions[torch.randint(len(directions), (count,), generator=draw)]
        places = torch.randperm(longest, generator=draw)[:count].sort().values
        vectors[i, places] = torch.nn.functional.normalize(
            chosen + 0.3 * torch.randn(count, dimension, generator=draw), dim=1
        )
        mask[i, places] = True
    return vectors, mask


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(0, 40), min_size=1, max_size=6), factor=st.integers(1, 7), seed=st.integers(0, 99))
def test_each_document_is_parted_into_so_many_clusters_none_empty(counts: list[int], factor: int, seed: int) -> None:
    vectors, mask = made(seed, counts)
    wanted = torch.tensor([min(count, max(1, count // factor)) for count in counts])
    labels = kmeans(vectors, mask, wanted)
    assert labels.shape == mask.shape
    assert (labels[~mask] == -1).all()
    for row, there, number in zip(labels, mask, wanted.tolist(), strict=True):
        assert sorted(set(row[there].tolist())) == list(range(number))


def test_equal_vectors_fill_as_many_clusters_as_are_wanted() -> None:
    vectors = torch.ones(2, 12, 4)
    vectors[1, 6:] = -1.0
    labels = kmeans(vectors, torch.ones(2, 12, dtype=torch.bool), torch.tensor([5, 5]))
    assert [len(set(row.tolist())) for row in labels] == [5, 5]


def test_what_stands_beside_a_document_changes_nothing() -> None:
    vectors, mask = made(3, [50, 7, 31])
    wanted = torch.tensor([12, 2, 8])
    together = kmeans(vectors, mask, wanted)
    for i in range(3):
        alone = kmeans(vectors[i : i + 1], mask[i : i + 1], wanted[i : i + 1])
        assert torch.equal(alone[0], together[i])


def test_every_vector_is_in_the_cluster_whose_mean_is_nearest() -> None:
    vectors, mask = made(5, [60])
    labels = kmeans(vectors, mask, torch.tensor([15]))[0][mask[0]]
    own = vectors[0][mask[0]]
    means = torch.stack([own[labels == i].mean(0) for i in range(15)])
    torch.testing.assert_close(torch.cdist(own, means).argmin(1), labels)


@pytest.mark.parametrize("factor", [2, 4, 6])
def test_within_two_percent_of_the_inertia_of_scikit_learn(factor: int) -> None:
    counts = [40 + 10 * i for i in range(12)]
    vectors, mask = made(1, counts, dimension=16)
    wanted = torch.tensor([count // factor for count in counts])
    labels = kmeans(vectors, mask, wanted)
    ours = theirs = 0.0
    for row, there, found, number in zip(vectors, mask, labels, wanted.tolist(), strict=True):
        own = row[there]
        ours += inertia(own, found[there])
        other = KMeans(number, random_state=0, n_init=1).fit(own.numpy())
        theirs += float(other.inertia_)
        assert inertia(own, torch.from_numpy(other.labels_.astype(np.int64))) == pytest.approx(
            other.inertia_, rel=1e-3
        )
    assert ours < 1.02 * theirs
