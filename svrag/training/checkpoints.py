"""A run's folder: which checkpoints are whole, which recipe made them, and what went wrong when one cannot be written.

A checkpoint holds the weights that are trained, the optimiser's state, the schedule's, and random generators'.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svrag.errors import InputError
from svrag.training.config import Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = "trained.safetensors"
_RECIPE = "recipe.json"
_MADE_WITH = "made_with.json"  # of `save_resolved`
_STATE = "trainer_state.json"  # the Trainer writes it last
# torch tells of a full disk as a RuntimeError about its file format.
_DISK = re.compile(r"inline_container|iostream|PytorchStreamWriter|write")
_NAME = re.compile(r"checkpoint-(\d+)")
# Parts of a recipe that change nothing about what comes out.
_FREE: Any = {"output": True, "optimisation": {"workers"}, "evaluation": {"batch"}}


def last_checkpoint(folder: Path) -> Path | None:
    """The last whole one in a run's folder of checkpoints; None when there is none."""
    found = [(int(match[1]), path) for path in folder.glob("checkpoint-*") if (match := _NAME.fullmatch(path.name))]
    whole = [(step, path) for step, path in found if all((path / file).is_file() for file in (WEIGHTS, _STATE))]
    return max(whole)[1] if whole else None


def identity(recipe: Recipe, processes: int) -> dict[str, Any]:
    """What a resumed run must have in common with the one that it goes on with."""
    return {**recipe.model_dump(mode="json", exclude=_FREE), "processes": processes}


def write_identity(folder: Path, which: Mapping[str, Any]) -> None:
    (folder / _RECIPE).write_text(json.dumps(which, indent=2) + "\n", "utf-8")


def check_identity(folder: Path, which: Mapping[str, Any]) -> None:
    """Raises:
    InputError: the checkpoint was made by another recipe; names the first key that differs.
    """
    try:
        made = json.loads((folder / _RECIPE).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} does not say which recipe made it ({error}): start anew in another folder"
        ) from None
    for key, (before, now) in _differences(made, which):
        raise InputError(
            f"the checkpoint {folder} was made with {key} = {before}, now it is {now}: set it back, "
            "or start anew in another output.folder"
        )


def check_data(folder: Path, data: str) -> None:
    """Compare the hash of a run's data with the one that was kept when it began; nothing where none was.

    Raises:
        InputError: the data are others.
    """
    try:
        made: object = json.loads((folder / _MADE_WITH).read_text("utf-8"))["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if made != data:
        raise InputError(
            f"data.train has changed since the run in {folder} began: put it back, or start anew in another output.folder"
        )


def _differences(made: Any, now: Any, path: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(made, dict) and isinstance(now, Mapping):
        for key in dict.fromkeys([*made, *now]):
            yield from _differences(made.get(key), now.get(key), f"{path}.{key}" if path else key)
    elif made != now:
        yield path, (made, now)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """While a checkpoint is written: one that could not be is taken away, so that the one before is the last.

    Raises:
        InputError: it could not be written; says how to go on.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _DISK.search(str(error)):
            raise
        free = shutil.disk_usage(folder.parent).free
        shutil.rmtree(folder, ignore_errors=True)
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"cannot write {folder} ({said[:160]}; {free / 1e9:.1f} GB free): make room, then go on with --resume"
        ) from error


def trained(network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network that are trained, by their names in it."""
    return {name: weight.detach() for name, weight in network.named_parameters() if weight.requires_grad}


def save_weights(weights: Mapping[str, Tensor], folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.cpu().contiguous() for name, weight in weights.items()}, folder / WEIGHTS)


def load_weights(folder: Path) -> dict[str, Tensor]:
    """Raises:
    InputError: they are broken.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{folder / WEIGHTS} is broken ({error}): delete {folder}, then --resume takes the one before"
        ) from None


def put_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Into a network that is not sharded.

    Raises:
        InputError: they belong to another model.
    """
    import torch

    own = trained(network)
    if own.keys() != weights.keys():
        odd = sorted(own.keys() ^ weights.keys())[0]
        raise InputError(f"the checkpoint's weights are those of another model: {odd} is in one of them only")
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(weights[name])
