"""The cached step has the loss and the gradient of the plain one, on one process and on two, with the same dropout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from svrag.training.batch import Chunk, TokenBatch
from svrag.training.cached import cached_backward
from svrag.training.objective import Objective
from svrag.training.vectors import chunks_of, encode
from tests.training.made import OBJECTIVES
from tests.training.small import Small, batch_of, difference, encoder, gradient_of, questions


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_equals_the_plain_step(name: str, dropout: float) -> None:
    objective = Objective(OBJECTIVES[name])
    batch = batch_of(questions(6), 2, placeless=objective.needs_placeless)
    plain, cached = Small(dropout), Small(dropout)
    torch.manual_seed(5)
    loss = objective(batch, *encode(encoder(plain), batch))
    (loss * 0.25).backward()
    after = torch.get_rng_state()
    torch.manual_seed(5)
    same = cached_backward(encoder(cached), batch, objective, Tensor.backward, 0.25)
    assert loss > 0
    assert not same.requires_grad
    assert difference(same, loss.detach()) < 1e-6
    assert difference(gradient_of(cached), gradient_of(plain)) < 1e-5
    assert torch.equal(torch.get_rng_state(), after)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_equals_the_plain_step_on_two_processes(two_processes: list[dict[str, Any]], name: str) -> None:
    """With DDP, and more chunks on one process than on the other."""
    for results in two_processes:
        plain, cached = results[f"plain {name} dropout"], results[f"cached {name} dropout"]
        assert difference(cached[0], plain[0]) < 1e-6
        assert difference(cached[1], plain[1]) < 1e-5
    assert torch.equal(*(results[f"cached {name} dropout"][1] for results in two_processes))


def test_size_of_chunks_changes_nothing() -> None:
    objective = Objective(OBJECTIVES["grcl"])
    gradients = []
    for chunk in (1, 3, 100):
        model = Small()
        cached_backward(encoder(model), batch_of(questions(6), chunk, placeless=True), objective, Tensor.backward, 1.0)
        gradients.append(gradient_of(model))
    assert difference(gradients[0], gradients[2]) < 1e-5
    assert difference(gradients[1], gradients[2]) < 1e-5


def test_one_chunk_at_a_time_has_gradients_and_only_the_last_is_not_alone() -> None:
    """Forward and backward of a chunk follow each other: nothing of one is held when the next begins."""
    model, objective = Small(), Objective(OBJECTIVES["infonce"])
    batch = batch_of(questions(6), 2, placeless=False)
    seen: list[str] = []

    def watched(chunk: Chunk) -> TokenBatch:
        seen.append("forward" if torch.is_grad_enabled() else "vectors")
        return encoder(model)(chunk)

    def backward(loss: Tensor) -> None:
        seen.append("backward")
        loss.backward()

    class Alone:
        def __enter__(self) -> None:
            seen.append("alone")

        def __exit__(self, *_: object) -> None:
            seen.append("end")

    cached_backward(watched, batch, objective, backward, 1.0, alone=Alone)
    count = len(chunks_of(batch))
    assert count > 4
    assert seen == [
        *["vectors"] * count,
        *["alone", "forward", "backward", "end"] * (count - 1),
        "forward",
        "backward",
    ]


def test_gradients_of_pads_do_not_reach_the_model_even_where_they_are_not_numbers() -> None:
    model, objective = Small(), Objective(OBJECTIVES["infonce"])
    batch = batch_of(questions(6), 3, placeless=False)

    def with_nan(chunk: Chunk) -> TokenBatch:
        tokens = encoder(model)(chunk)
        return TokenBatch(tokens.vectors.masked_fill(~tokens.mask[:, :, None], torch.nan), tokens.mask)

    loss = cached_backward(with_nan, batch, objective, Tensor.backward, 1.0)
    assert loss.isfinite()
    assert gradient_of(model).isfinite().all()
    assert gradient_of(model).any()


def test_equals_the_plain_step_in_bf16() -> None:
    """Autocast keeps weights that it has rounded; those from the pass without gradients must not be used with them."""
    objective = Objective(OBJECTIVES["infonce"])
    batch = batch_of(questions(6), 3, placeless=False)
    plain, cached = Small(), Small()
    with torch.autocast("cpu", torch.bfloat16):
        loss = objective(batch, *encode(encoder(plain), batch))
        loss.backward()
        same = cached_backward(encoder(cached), batch, objective, Tensor.backward, 1.0)
    assert difference(same, loss.detach()) < 1e-6
    assert difference(gradient_of(cached), gradient_of(plain)) < 0.02
    assert all(weight.grad is not None for weight in cached.parameters())
