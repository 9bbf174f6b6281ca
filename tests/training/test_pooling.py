"""Pooling inside a step: means of a partition, gradients to every token, the same draw for all, and a run that learns."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from svrag.retrievers.maxsim import pooling as indexing
from svrag.training.batch import TokenBatch
from svrag.training.cached import cached_backward
from svrag.training.config import LossPart, Pooling
from svrag.training.objective import Objective
from svrag.training.pooling import DocumentPooling, pooled
from svrag.training.run import trainer_of
from svrag.training.vectors import encode
from tests.training.made import tokens
from tests.training.models.families import FAMILIES, examples
from tests.training.runs import recipe, run
from tests.training.small import Small, batch_of, difference, encoder, gradient_of, questions

Method = Literal["span", "hierarchical", "kmeans"]
METHODS: tuple[Method, ...] = ("span", "hierarchical", "kmeans")


@pytest.mark.parametrize("method", METHODS)
# Always the same examples: k-means of a padded batch may draw another of equally near tokens (as with 534, 2, 19).
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 999), factor=st.integers(2, 7), length=st.integers(1, 20))
def test_means_are_means_of_a_partition_and_those_of_indexing(
    method: Method, seed: int, factor: int, length: int
) -> None:
    documents = tokens(4, length, seed=seed)
    found = pooled(documents, factor, method)
    for i in range(4):
        own = documents.vectors[i][documents.mask[i]]
        wanted = min(len(own), max(1, len(own) // factor))
        means = found.vectors[i][found.mask[i]]
        assert len(means) == wanted
        labels = torch.from_numpy(indexing.clusters(own.numpy(), wanted, method)) if len(own) else torch.empty(0)
        assert sorted(set(labels.tolist())) == list(range(wanted))
        expected = normalize(torch.stack([own[labels == j].mean(0) for j in range(wanted)]), dim=-1)
        torch.testing.assert_close(means, expected, atol=1e-5, rtol=1e-4)
        stored = torch.from_numpy(indexing.pool(own.numpy(), factor, method))
        near = stored @ means.T
        assert near.max(0).values.min() > 1 - 1e-5  # the same vectors, in another order
        assert near.max(1).values.min() > 1 - 1e-5


def test_a_span_is_of_neighbours() -> None:
    labels = indexing.clusters(torch.zeros(10, 3).numpy(), 3, "span")
    assert labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("method", METHODS)
def test_factor_1_is_the_identity(method: Method) -> None:
    documents = tokens(3, 5, seed=1)
    assert pooled(documents, 1, method) is documents


@pytest.mark.parametrize("method", METHODS)
def test_gradients_are_those_of_finite_differences(method: Method) -> None:
    documents = tokens(2, 7, seed=4, dtype=torch.float64)
    weights = torch.randn(2, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def value(vectors: torch.Tensor) -> torch.Tensor:
        found = pooled(TokenBatch(vectors, documents.mask), 2, method)
        return (found.vectors * weights[:, : found.vectors.shape[1]] * found.mask[:, :, None]).sum()

    assert torch.autograd.gradcheck(value, (documents.vectors.clone().requires_grad_(),), eps=1e-6)


def test_every_token_has_a_gradient() -> None:
    documents = tokens(3, 9, seed=2)
    vectors = documents.vectors.clone().requires_grad_()
    found = pooled(TokenBatch(vectors, documents.mask), 3, "kmeans")
    found.vectors[found.mask].square().mul(torch.arange(6.0)).sum().backward()
    assert vectors.grad is not None
    assert (vectors.grad[documents.mask].norm(dim=1) > 1e-6).all()
    assert (vectors.grad[~documents.mask] == 0).all()


def test_documents_without_a_token_stay_so() -> None:
    documents = tokens(2, 4, seed=3)
    found = pooled(TokenBatch(documents.vectors, torch.zeros_like(documents.mask)), 2, "kmeans")
    assert not found.mask.any()


def test_the_factor_of_a_step_depends_on_the_seed_and_the_step_alone() -> None:
    part = Pooling(least=1, most=6)
    draws = [DocumentPooling(part, 5).factor(step) for step in range(600)]
    assert draws == [DocumentPooling(part, 5).factor(step) for step in range(600)]
    assert draws != [DocumentPooling(part, 6).factor(step) for step in range(600)]
    assert {draws.count(factor) // 50 for factor in range(1, 7)} <= {1, 2}  # each about 100 times


@pytest.mark.parametrize("method", METHODS)
def test_cached_steps_pool_as_plain_ones_do(method: Method) -> None:
    objective = partial(
        Objective(
            LossPart(name="infonce", temperature=0.2, score="mean"),
            pooling=DocumentPooling(Pooling(method=method, least=3, most=3), 0),
        ),
        step=7,
    )
    some = questions(4)
    gradients = []
    for cached in (False, True):
        model = Small().double()
        made = batch_of(some, 3, placeless=False)
        if cached:
            cached_backward(_double(model), made, objective, torch.Tensor.backward, 0.25)
        else:
            (objective(made, *encode(_double(model), made)) * 0.25).backward()
        gradients.append(gradient_of(model))
    assert gradients[0].norm() > 1e-3
    assert difference(*gradients) < 1e-6


def _double(model: torch.nn.Module):  # type: ignore[no-untyped-def]
    """In float64, so that both steps see the same clusters."""
    from svrag.training.batch import Chunk

    def read(chunk: Chunk) -> TokenBatch:
        inputs = {key: value.double() if value.is_floating_point() else value for key, value in chunk.inputs.items()}
        return encoder(model)(Chunk(inputs, chunk.rows))

    return read


def test_the_metrics_are_means_over_all_factors(tmp_path: Path) -> None:
    model, data = FAMILIES["text"](tmp_path), examples("text")

    def measured(least: int, most: int) -> float:
        made = recipe(
            model,
            tmp_path / f"{least} {most}",
            pooling={"method": "span", "least": least, "most": most},
            data={"held_out": {"kind": "pairs", "path": "none"}},
        )
        trainer, _ = trainer_of(made, data, held_out=data, tell=lambda _: None)
        return trainer.evaluate()["eval_mrr"]

    alone = [measured(factor, factor) for factor in (1, 5)]
    assert alone[0] != alone[1]
    both = [*alone, *(measured(factor, factor) for factor in (2, 3, 4))]
    assert measured(1, 5) == pytest.approx(sum(both) / 5)


def test_a_run_learns_with_pooled_documents(tmp_path: Path) -> None:
    model, data = FAMILIES["text"](tmp_path), examples("text")
    learnt = run(
        recipe(
            model,
            tmp_path / "run",
            pooling={"method": "span", "least": 2, "most": 2},
            optimisation={"steps": 8, "rate": 3e-3},
        ),
        data,
    )
    assert learnt.losses[-1] < learnt.losses[0] - 0.01
    plain = run(recipe(model, tmp_path / "plain", optimisation={"steps": 1}), data)
    assert learnt.losses[0] != pytest.approx(plain.losses[0], abs=1e-4)  # its documents were pooled
