"""An element-graph encoder as files of ours: config.json, and what was trained in model.safetensors.

Towers that stayed as they were are not copied: the configuration names them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from svrag.errors import InputError
from svrag.retrievers.elements.config import ElementConfig
from svrag.retrievers.elements.model import ElementGraphModel, new_model
from svrag.retrievers.elements.prepare import Inputs
from svrag.retrievers.multivector.checkpoint import check_weights

CONFIG, WEIGHTS = "config.json", "model.safetensors"

_TOWERS = ("text.", "vision.")


def save(model: ElementGraphModel, folder: Path) -> None:
    """Write what `load` makes an equal encoder of.

    Heads, GPE and LoRA always; the towers when their own weights may have been trained.
    """
    towers = [weight for key, weight in model.named_parameters() if key.startswith(_TOWERS) and ".lora_" not in key]
    config = replace(model.config, whole=any(weight.requires_grad for weight in towers))
    folder.mkdir(parents=True, exist_ok=True)
    save_file(_kept(model, config.whole), folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(config.to_json(), "utf-8")


def load(folder: Path) -> tuple[ElementGraphModel, Inputs]:
    """The encoder in a folder, in float32 and training mode; its towers are downloaded where they are not here.

    Raises:
        InputError: files are missing or broken, weights are missing, left over or of other shapes, or a tower cannot
            be had.
    """
    config = _config(folder)
    try:
        weights = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder / WEIGHTS} cannot be read ({error}): save the encoder again") from None
    try:
        model, inputs = new_model(config)
    except InputError as error:
        raise InputError(f"the encoder in {folder}: {error}") from None
    put_in(model, weights, str(folder))
    if not config.whole:
        _freeze(model)
    return model, inputs


def put_in(model: ElementGraphModel, weights: dict[str, Tensor], name: str) -> None:
    """Give a model all the weights that `save` keeps of it.

    Raises:
        InputError: some are missing, left over, or of other shapes.
    """
    own = _kept(model, model.config.whole)
    check_weights(name, own.keys() - weights.keys(), weights.keys() - own.keys())
    for key, value in weights.items():
        if value.shape != own[key].shape:
            raise InputError(
                f"{key} of {name} is {tuple(value.shape)}, not {tuple(own[key].shape)}: it was trained over other "
                "towers than its settings name"
            )
    with torch.no_grad():
        model.load_state_dict(weights, strict=False)


def _kept(model: ElementGraphModel, whole: bool) -> dict[str, Tensor]:
    return {
        key: value.detach().cpu().contiguous()
        for key, value in model.state_dict().items()
        if whole or not key.startswith(_TOWERS) or ".lora_" in key
    }


def _freeze(model: ElementGraphModel) -> None:
    """The towers' own weights stay as they are, unless one asks for their training."""
    for key, weight in model.named_parameters():
        if key.startswith(_TOWERS) and ".lora_" not in key:
            weight.requires_grad_(False)


def _config(folder: Path) -> ElementConfig:
    path = folder / CONFIG
    try:
        settings: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): save the encoder again") from None
    if not isinstance(settings, dict):
        raise InputError(f"{path} does not hold a model's settings: save the encoder again")
    return ElementConfig.from_json(settings)
