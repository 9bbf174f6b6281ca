"""A model whose weights are shared out among processes: FSDP2, torch's `fully_shard`.

Called here rather than through accelerate, which does nothing of the kind on CPUs, so that it can be tested on them.
All processes have to call these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from svrag.training.batch import Chunk

_PICTURES = "pixel_values"  # key of the inputs of pictures, in every family
_PREFIX = "network."  # of the model's own names, which checkpoints do not have
_OPTIMISER = "optimizer.pt"


def share_out(model: nn.Module, layers: Collection[str], device: torch.device) -> None:
    """In place. Weights of a layer are fetched from all processes while it runs; the others for the whole pass.

    Args:
        layers: names of their classes.
        device: that the weights go to.
    """
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for module in [module for module in model.modules() if type(module).__name__ in layers]:
        fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)


def passes(chunks: Sequence[Chunk], spare: Callable[[bool], Mapping[str, Tensor]]) -> list[tuple[int | None, Chunk]]:
    """The passes that this process makes of its chunks, each with the number of its chunk, None where it is for nothing.

    Weights are exchanged in every pass, forward and backward, so all processes need as many passes, of texts and then of
    pictures. Who has fewer makes some for nothing.

    Args:
        spare: inputs of one picture, or of one text.
    """
    seen = [_PICTURES in chunk.inputs for chunk in chunks]
    device = chunks[0].rows.device
    most = torch.tensor([seen.count(False), seen.count(True)], device=device)
    dist.all_reduce(most, dist.ReduceOp.MAX)
    made: list[tuple[int | None, Chunk]] = []
    for kind, count in zip((False, True), most.tolist(), strict=True):
        mine = [number for number, picture in enumerate(seen) if picture is kind]
        made += [(number, chunks[number]) for number in mine]
        if len(mine) < count:
            filling = Chunk(spare(kind), torch.zeros(1, dtype=torch.int64)).to(device)
            made += [(None, filling)] * (count - len(mine))
    return made


def encode(
    model: nn.Module, chunks: Sequence[Chunk], spare: Callable[[bool], Mapping[str, Tensor]]
) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
    """What the model makes of each chunk, and a 0 that has to be added to the loss: all `passes` have gradients then.

    Args:
        model: of a list of inputs.
        spare: as for `passes`.
    """
    order = passes(chunks, spare)
    made = model([chunk.inputs for _, chunk in order])
    nothing = torch.zeros((), device=chunks[0].rows.device)
    found: dict[int, tuple[Tensor, Tensor]] = {}
    for (number, _), tokens in zip(order, made, strict=True):
        if number is None:
            nothing = nothing + 0.0 * tokens[0].sum()
        else:
            found[number] = tokens
    return [found[number] for number in range(len(chunks))], nothing


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
