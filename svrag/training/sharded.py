"""Weights and optimiser state of a model that FSDP has shared out among processes. All processes have to call these."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

_PREFIX = "network."  # of the model's own names, which checkpoints do not have
_OPTIMISER = "optimizer.pt"


def gathered(model: nn.Module) -> dict[str, Tensor]:
    """The trained weights by their names in the network, whole; empty but for the first process."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    whole = cast(dict[str, Tensor], get_model_state_dict(model, options=options))
    return {name.removeprefix(_PREFIX): weight for name, weight in whole.items()}


def put(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    options = StateDictOptions(full_state_dict=True, strict=False)
    named: dict[str, Any] = {_PREFIX + name: weight for name, weight in weights.items()}
    set_model_state_dict(model, named, options=options)


def save_optimizer(model: nn.Module, optimizer: Any, folder: Path, *, write: bool) -> None:
    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    state = get_optimizer_state_dict(model, optimizer.optimizer, options=options)
    if write:
        torch.save(state, folder / _OPTIMISER)


def load_optimizer(model: nn.Module, optimizer: Any, folder: Path) -> None:
    options = StateDictOptions(full_state_dict=True, ignore_frozen_params=True)
    state = torch.load(folder / _OPTIMISER, weights_only=True)
    set_optimizer_state_dict(model, optimizer.optimizer, optim_state_dict=state, options=options)
