"""The real trainer in two processes, against itself in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist

from svrag.retrievers.multivector.loading import load_multivector
from svrag.training.batch import Example
from svrag.training.run import train
from tests.training.models.families import FAMILIES, QUESTIONS, Stripes, examples, scored
from tests.training.runs import Ran, in_two, recipe, run

LOSSES: dict[str, dict[str, Any]] = {
    "infonce": {},
    "pairwise": {},
    "negatives": {"candidates": "pool"},
    "grcl": {"coverage": 0.3, "coverage_depth": 1},
    "grcl_binary": {"candidates": "pool"},
    "triplet": {"candidates": "pool"},
    "kl_distillation": {"candidates": "pool"},
    "margin_mse": {"candidates": "pool"},
}


def data() -> list[Example]:
    return examples("ColInternVL2")


def learnt(loss: str) -> list[Example]:
    return scored("ColInternVL2") if loss == "kl_distillation" else data()


def mixed() -> list[Example]:
    """Some documents are texts, so that processes have different numbers of passes to make."""
    some = examples("text")[:2]
    return [*some, *data()[2:]]


def together(model: Path, folder: Path) -> dict[str, Ran]:
    """One run for each loss, and some more, two examples a process."""
    ran = {}
    for name, options in LOSSES.items():
        made = recipe(model, folder / name, loss={"name": name, **options}, optimisation={"batch": 2})
        ran[name] = run(made, learnt(name))
    chunked = recipe(model, folder / "chunked", optimisation={"batch": 2, "chunk": 1})
    ran["chunked"] = run(chunked, data())
    accumulated = recipe(
        model, folder / "accumulated", loss={"candidates": "pool"}, optimisation={"batch": 1, "accumulate": 2}
    )
    ran["accumulated"] = run(accumulated, data())
    shared = {"batch": 2, "chunk": 1, "parallel": "fsdp", "steps": 2}
    ran["fsdp chunked"] = run(recipe(model, folder / "fsdp chunked", optimisation=shared), data())
    ran["fsdp chunked mixed"] = run(recipe(model, folder / "fsdp chunked mixed", optimisation=shared), mixed())
    for parallel in ("ddp", "fsdp"):
        options = {"batch": 2, "parallel": parallel, "steps": 2}
        ran[parallel] = run(recipe(model, folder / parallel, optimisation=options), data())
        ran[f"{parallel} mixed"] = run(recipe(model, folder / f"{parallel} mixed", optimisation=options), mixed())
        resumed = recipe(model, folder / f"{parallel} resumed", optimisation=options)
        at = folder / parallel / "checkpoints" / "checkpoint-1"
        ran[f"{parallel} resumed"] = run(resumed, data(), resume=at)
        whole = recipe(model, folder / f"{parallel} whole", optimisation=options, data={"train": pairs(folder)})
        train(whole, tell=lambda _: None)
    return ran


def pairs(folder: Path) -> dict[str, Any]:
    rows = []
    for number, question in enumerate(QUESTIONS):
        if dist.get_rank() == 0:
            Stripes(number).open().save(folder / f"{number}.png")
        rows.append({"query": question, "document": f"{number}.png"})
    path = folder / f"{dist.get_rank()}.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    dist.barrier()
    return {"kind": "pairs", "path": str(path), "pictures": True}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return FAMILIES["ColInternVL2"](tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def two(model: Path, folder: Path) -> list[dict[str, Ran]]:
    return in_two(lambda: together(model, folder), folder)


def assert_same(one: Ran, two: Ran) -> None:
    assert two.losses == pytest.approx(one.losses, rel=1e-5)
    assert len(one.losses) == 2
    assert one.gradient.norm() > 0.01
    assert (two.gradient - one.gradient).norm() / one.gradient.norm() < 1e-5


@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_have_the_loss_and_the_gradient_of_one(
    name: str, model: Path, two: list[dict[str, Ran]], tmp_path: Path
) -> None:
    one = run(recipe(model, tmp_path, loss={"name": name, **LOSSES[name]}), learnt(name))
    for ran in two:
        assert_same(one, ran[name])
    assert torch.equal(two[0][name].weights, two[1][name].weights)


@pytest.mark.parametrize("parallel", ["ddp", "fsdp", "fsdp chunked"])
def test_weights_may_be_copied_or_shared_out_among_processes(
    parallel: str, model: Path, two: list[dict[str, Ran]], tmp_path: Path
) -> None:
    for name, some in ((parallel, data()), (f"{parallel} mixed", mixed())):
        one = run(recipe(model, tmp_path / name), some)
        for ran in two:
            assert_same(one, ran[name])
            assert (ran[name].weights - one.weights).abs().max() < 1e-5


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_runs_in_two_processes_go_on(parallel: str, two: list[dict[str, Ran]]) -> None:
    for ran in two:
        assert torch.equal(ran[parallel].weights, ran[f"{parallel} resumed"].weights)


def test_shared_out_weights_are_whole_in_the_model_that_is_saved(two: list[dict[str, Ran]], folder: Path) -> None:
    answers = []
    for parallel in ("ddp", "fsdp"):
        encoder = load_multivector(str(folder / f"{parallel} whole" / "model"))
        answers.append([tokens.vectors for tokens in encoder.questions(list(QUESTIONS))])
    for copied, shared in zip(*answers, strict=True):
        np.testing.assert_allclose(copied, shared, atol=1e-4)


def test_so_they_have_in_chunks_and_with_accumulated_batches(
    model: Path, two: list[dict[str, Ran]], tmp_path: Path
) -> None:
    whole = run(recipe(model, tmp_path / "whole"), data())
    pools = run(recipe(model, tmp_path / "pools", loss={"candidates": "pool"}), data())
    for ran in two:
        assert_same(whole, ran["chunked"])
        assert_same(pools, ran["accumulated"])
