"""MaxSim: equal to its definition token by token, to the library's, and its gradients to finite differences."""

from __future__ import annotations

import pytest
import torch
from sentence_transformers.util import maxsim as library_maxsim
from torch import Tensor

from svrag.training import scoring
from svrag.training.batch import TokenBatch
from svrag.training.scoring import maxsim, maxsim_pool
from tests.training.made import tokens


def by_definition(query: Tensor, document: Tensor) -> float:
    """Of the real tokens alone."""
    return float(sum(max(float(q @ d) for d in document) for q in query))


@pytest.fixture(params=[1 << 24, 40], ids=["one block", "many blocks"])
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_BLOCK", request.param)


@pytest.mark.usefixtures("_block")
def test_equals_its_definition() -> None:
    queries, documents = tokens(5, 4, seed=1), tokens(7, 6, seed=2)
    wanted = torch.tensor(
        [
            [by_definition(q[m], d[n]) for d, n in zip(documents.vectors, documents.mask, strict=True)]
            for q, m in zip(queries.vectors, queries.mask, strict=True)
        ]
    )
    assert torch.allclose(maxsim(queries, documents), wanted, atol=1e-6)
    assert torch.allclose(maxsim(queries, documents, mean=True), wanted / queries.mask.sum(1, keepdim=True), atol=1e-6)

    pool = torch.tensor([[0, 3], [6, -1], [2, 2], [-1, -1], [5, 0]])
    own = wanted.gather(1, pool.clamp(min=0)).where(pool >= 0, 0.0)
    assert torch.allclose(maxsim_pool(queries, documents, pool), own, atol=1e-6)


def test_equals_the_library() -> None:
    queries, documents = tokens(5, 4, seed=1), tokens(7, 6, seed=2)
    theirs = library_maxsim(queries.vectors, documents.vectors, a_mask=queries.mask, b_mask=documents.mask)
    assert torch.allclose(maxsim(queries, documents), theirs, atol=1e-6)


@pytest.mark.usefixtures("_block")
@pytest.mark.parametrize("mean", [False, True])
def test_gradients_are_those_of_finite_differences(mean: bool) -> None:
    queries, documents = tokens(4, 3, seed=3, dtype=torch.float64), tokens(5, 4, seed=4, dtype=torch.float64)
    documents.mask[1] = False  # one without any token
    queries.mask[2] = False
    pool = torch.tensor([[0, 1, 4], [3, -1, 3], [1, 2, 0], [4, 4, 2]])
    given = (queries.vectors.requires_grad_(), documents.vectors.requires_grad_())
    assert torch.autograd.gradcheck(
        lambda q, d: maxsim(TokenBatch(q, queries.mask), TokenBatch(d, documents.mask), mean=mean), given
    )
    assert torch.autograd.gradcheck(
        lambda q, d: maxsim_pool(TokenBatch(q, queries.mask), TokenBatch(d, documents.mask), pool, mean=mean), given
    )


def test_negative_similarities_keep_their_value_beside_longer_documents() -> None:
    query = TokenBatch(torch.tensor([[[1.0, 0.0]]]), torch.ones(1, 1, dtype=torch.bool))
    documents = TokenBatch(
        torch.tensor([[[-1.0, 0.0], [0.0, 0.0]], [[-0.6, 0.8], [-0.8, 0.6]]]),
        torch.tensor([[True, False], [True, True]]),
    )
    assert maxsim(query, documents).tolist() == [[-1.0, pytest.approx(-0.6)]]


def test_pads_change_nothing_even_where_they_are_not_numbers() -> None:
    queries, documents = tokens(3, 4, seed=5), tokens(3, 5, seed=6)
    wanted = maxsim(queries, documents)
    for some in (queries, documents):
        some.vectors[~some.mask] = torch.nan
        some.vectors.requires_grad_()
    scores = maxsim(queries, documents)
    assert torch.equal(scores, wanted)
    scores.sum().backward()
    for some in (queries, documents):
        assert some.vectors.grad is not None
        assert not some.vectors.grad[~some.mask].any()
        assert some.vectors.grad.isfinite().all()


def test_nothing_but_pads_scores_0() -> None:
    queries, documents = tokens(2, 4, seed=5), tokens(3, 5, seed=6)
    queries.mask[0] = False
    documents.mask[1] = False
    scores = maxsim(queries, documents, mean=True)
    assert not scores[0].any()
    assert scores[1, 1] == 0
    assert scores[1, [0, 2]].all()


def test_scores_are_float32_under_autocast_and_for_bf16_vectors() -> None:
    queries, documents = tokens(3, 4, seed=5), tokens(3, 5, seed=6)
    wanted = maxsim(queries, documents)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(maxsim(queries, documents), wanted)
    small = TokenBatch(queries.vectors.bfloat16().requires_grad_(), queries.mask)
    scores = maxsim(small, documents)
    assert scores.dtype == torch.float32
    assert torch.allclose(scores, wanted, atol=0.05)
    scores.sum().backward()
    assert small.vectors.grad is not None
    assert small.vectors.grad.dtype == torch.bfloat16


def test_order_of_items_changes_nothing() -> None:
    queries, documents = tokens(4, 4, seed=7), tokens(6, 5, seed=8)
    rows, columns = torch.randperm(4), torch.randperm(6)
    turned = maxsim(
        TokenBatch(queries.vectors[rows], queries.mask[rows]),
        TokenBatch(documents.vectors[columns], documents.mask[columns]),
    )
    assert torch.allclose(turned, maxsim(queries, documents)[rows][:, columns], atol=1e-6)


def test_similarities_are_never_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept for the backward pass has no dimension of the documents' tokens."""
    monkeypatch.setattr(scoring, "_BLOCK", 1000)
    queries, documents = tokens(8, 8, seed=9), tokens(8, 64, seed=10)
    largest = 0

    def kept(tensor: Tensor) -> Tensor:
        nonlocal largest
        largest = max(largest, tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(kept, lambda tensor: tensor):
        maxsim(TokenBatch(queries.vectors.requires_grad_(), queries.mask), documents)
    assert 0 < largest <= documents.vectors.numel() < 8 * 8 * 8 * 64
