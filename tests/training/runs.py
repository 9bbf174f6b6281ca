"""Runs of the real trainer on tiny models and examples in memory, in one process or in two that are forked."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, multiprocessing
from transformers import TrainerCallback

from svrag.training.batch import Example
from svrag.training.config import Recipe
from svrag.training.run import trainer_of

# The Trainer collects garbage at each start: what has been imported need not be looked through every time.
gc.freeze()


def recipe(model: Path, folder: Path, **parts: dict[str, Any] | None) -> Recipe:
    """Of a model in a folder; `parts` go over what is said here. Its data are never read."""
    made: dict[str, Any] = {
        "model": {"kind": "retriever", "name": str(model)},
        "adapter": {"rank": 4, "alpha": 8, "dropout": 0.0},
        "data": {"train": {"kind": "pairs", "path": "none"}},
        "loss": {"name": "infonce", "temperature": 0.1, "score": "mean"},
        "optimisation": {"steps": 2, "batch": 4, "rate": 1e-3, "clip": 1e9, "precision": "float32"},
        "output": {"folder": str(folder), "log_every": 1, "keep": 9, "tensorboard": False},
    }
    for name, part in parts.items():
        made[name] = {**made.get(name, {}), **part} if part is not None else None
    if made["loss"]["name"] in ("kl_distillation", "margin_mse"):
        made["data"] = {"train": {"kind": "lists", "path": "none"}}
    return Recipe.model_validate(made)


@dataclass(frozen=True)
class Ran:
    """Losses of all steps, the gradient of the first, one number after the other, and the weights afterwards."""

    losses: list[float]
    gradient: Tensor
    weights: Tensor


class _First(TrainerCallback):
    """Keeps the gradients of the first step."""

    gradient = torch.empty(0)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 0:
            self.gradient = flat(weight.grad for weight in trained(kwargs["model"]) if weight.grad is not None)


def trained(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [weight for weight in model.parameters() if weight.requires_grad]


def flat(weights: Any) -> Tensor:
    whole = (weight.full_tensor() if hasattr(weight, "full_tensor") else weight for weight in weights)
    return torch.cat([weight.detach().flatten().clone() for weight in whole])


def run(recipe: Recipe, examples: Sequence[Example], resume: Path | None = None) -> Ran:
    trainer, _ = trainer_of(recipe, examples, tell=lambda _: None)
    first = _First()
    trainer.add_callback(first)
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    return Ran(losses_of(trainer.state.log_history), first.gradient, flat(trained(trainer.model)))


def losses_of(history: Sequence[dict[str, float]]) -> list[float]:
    return [step["loss"] for step in history if "loss" in step]


def in_two(work: Callable[[], Any], folder: Path) -> list[Any]:
    """What `work` returns in each of two processes that know of each other, as under torchrun.

    They are forked, as importing takes long: they begin with all that this one has imported.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    multiprocessing.start_processes(_work, args=(work, folder, port), nprocs=2, start_method="fork")
    return [torch.load(folder / f"result {rank}.pt", weights_only=False) for rank in range(2)]


def _work(rank: int, work: Callable[[], Any], folder: Path, port: int) -> None:
    from accelerate.state import AcceleratorState, GradientState, PartialState

    torch.set_num_threads(1)
    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    os.environ.update({key: str(value) for key, value in told.items()})
    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT=str(port))
    torch.save(work(), folder / f"result {rank}.pt")
    torch.distributed.destroy_process_group()
