"""Bottleneck adapters (Pfeiffer et al., "AdapterHub", EMNLP 2020) in a BERT of transformers, from their published files.

After the feed-forward part of each layer: h + Up(relu(Down(LN(h + x)))), with the layer's own norm before and after.
adapter_config.json says so; anything else is refused. Knows no particular model.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.multivector.checkpoint import check_weights
from svrag.retrievers.multivector.hub import Checkpoint

WEIGHTS = "pytorch_adapter.bin"
# What must be said where anything is said. Files from before a setting existed lack it.
_EXPECTED: dict[str, object] = {
    "adapter_residual_before_ln": False,
    "cross_adapter": False,
    "inv_adapter": None,
    "is_parallel": False,
    "leave_out": [],
    "ln_after": False,
    "ln_before": False,
    "mh_adapter": False,
    "non_linearity": "relu",
    "original_ln_after": True,
    "original_ln_before": True,
    "output_adapter": True,
    "phm_layer": False,
    "residual_before_ln": True,
    "scaling": 1.0,
    "use_gating": False,
}
# encoder.layer.0.output.adapters.NAME.adapter_down.0.weight; the adapter's name may have any characters.
_KEY = re.compile(r"(?:bert\.)?encoder\.layer\.(\d+)\.output\.adapters\..+\.adapter_(down\.0|up)\.(weight|bias)")


class Bottleneck(nn.Module):
    """Up(relu(Down(x))), (..., width) to (..., width)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, inner)
        self.up = nn.Linear(inner, width)

    def forward(self, states: Tensor) -> Tensor:
        made: Tensor = self.up(torch.relu(self.down(states)))
        return made


class AdaptedOutput(nn.Module):
    """The end of a BERT's layer with an adapter in it; the weights of `output` keep being its own."""

    def __init__(self, output: Any, adapter: Bottleneck) -> None:
        super().__init__()
        self.dense, self.LayerNorm, self.dropout = output.dense, output.LayerNorm, output.dropout
        self.adapter = adapter

    def forward(self, hidden_states: Tensor, input_tensor: Tensor) -> Tensor:
        """As `BertOutput`: what comes out of the wide layer, and what went into the feed-forward part."""
        hidden = self.dropout(self.dense(hidden_states))
        made = self.adapter(self.LayerNorm(hidden + input_tensor)) + hidden
        normed: Tensor = self.LayerNorm(made + input_tensor)
        return normed


def adapted(model: Any, checkpoint: Checkpoint) -> Any:
    """`model`, a BertModel, with the adapter of `checkpoint` in each of its layers (in place).

    Raises:
        InputError: the adapter is of another kind or for another model, weights are missing or left over.
    """
    inner = _inner_width(checkpoint, model.config.hidden_size)
    wanted: dict[str, Tensor] = {}
    for number, layer in enumerate(model.encoder.layer):
        adapter = Bottleneck(model.config.hidden_size, inner)
        layer.output = AdaptedOutput(layer.output, adapter)
        wanted |= {f"{number}.{key}": weight for key, weight in adapter.named_parameters()}
    found = _weights(checkpoint)
    check_weights(f"the adapter {checkpoint.name}", wanted.keys() - found.keys(), found.keys() - wanted.keys())
    with torch.no_grad():
        for key, weight in wanted.items():
            if found[key].shape != weight.shape:
                raise InputError(
                    f"the adapter {checkpoint.name} is for another model: {key} is {tuple(found[key].shape)}, not "
                    f"{tuple(weight.shape)}"
                )
            weight.copy_(found[key])
    return model.eval()


def save_without(model: Any, folder: Path) -> None:
    """The network that the adapter is in, without it, as transformers saves a BertModel."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(str(folder))
    weights = {
        name: weight.detach().cpu().contiguous()
        for name, weight in model.named_parameters()
        if ".output.adapter." not in name
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def save_adapter(model: Any, source: Checkpoint, folder: Path) -> None:
    """The adapter in `model` in AdapterHub's layout, with the settings of the one that it was trained from."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = source.read("adapter_config.json")
    (folder / "adapter_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    name = settings.get("name") or "adapter"
    weights: dict[str, Tensor] = {}
    for number, layer in enumerate(model.encoder.layer):
        adapter: Bottleneck = layer.output.adapter
        prefix = f"bert.encoder.layer.{number}.output.adapters.{name}.adapter_"
        for part, linear in (("down.0", adapter.down), ("up", adapter.up)):
            weights[f"{prefix}{part}.weight"] = linear.weight.detach().cpu().clone()
            weights[f"{prefix}{part}.bias"] = linear.bias.detach().cpu().clone()
    torch.save(weights, folder / WEIGHTS)


def _inner_width(checkpoint: Checkpoint, width: int) -> int:
    """The width of the bottleneck, where the settings are those that are known here."""
    settings = checkpoint.read("adapter_config.json")
    said = settings.get("config")
    if not isinstance(said, dict):
        raise InputError(
            f"{checkpoint.name} is no adapter in AdapterHub's layout: it has no config in adapter_config.json"
        )
    for key, expected in _EXPECTED.items():
        if said.get(key, expected) != expected:
            raise InputError(f"the adapter {checkpoint.name} has {key} {said[key]!r}: only {expected!r} is known here")
    if settings.get("hidden_size", width) != width:
        raise InputError(f"the adapter {checkpoint.name} is for a width of {settings['hidden_size']}, not {width}")
    factor = said.get("reduction_factor")
    if not isinstance(factor, int | float) or not 0 < factor <= width:
        raise InputError(f"the adapter {checkpoint.name} has reduction_factor {factor!r}: one number is known here")
    return int(width // factor)


def _weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Its weights by layer and name in `Bottleneck`; others keep their own names. Read as numbers only."""
    path: Path = checkpoint.folder / WEIGHTS
    if not path.is_file():
        raise InputError(f"the adapter {checkpoint.name} has no {WEIGHTS}: get it again")
    found = torch.load(path, map_location="cpu", weights_only=True)
    return {
        f"{match[1]}.{match[2].removesuffix('.0')}.{match[3]}" if (match := _KEY.fullmatch(key)) else key: weight
        for key, weight in found.items()
    }
