"""LoRA (Hu et al., arXiv 2106.09685) on a model, through peft, and its weights into the files that loaders read.

The head is no matter of LoRA's: where it is trained it is trained whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.multivector.hub import Checkpoint
from svrag.training.config import Adapter

_NAME = "default"  # of the adapter: peft could hold several
_PREFIX = "base_model.model."

DECODER = r".*(?:language_model|text_model)\.layers\..*(?:proj\w*|W\w+)"
"""The linear layers of the language model, of whatever family, and none of the picture's encoder: what the published
retrievers were trained with, besides their heads."""


def add(
    model: nn.Module, adapter: Adapter, targets: str | list[str], *, seed: int, whole: tuple[str, ...] = ()
) -> None:
    """LoRA weights into a model, in place; nothing else of it requires gradients afterwards.

    Args:
        targets: of the family, where the recipe names none: pattern of whole names of layers, or ends of names.
        whole: names of layers that are trained as they are and saved with the adapter.

    Raises:
        InputError: the model has no such layers.
    """
    from peft import LoraConfig, get_peft_model

    chosen = targets if adapter.targets is None else adapter.targets
    config = LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        init_lora_weights="gaussian" if adapter.init == "gaussian" else True,
        target_modules=chosen if isinstance(chosen, str) else list(chosen),
        modules_to_save=list(whole) or None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            get_peft_model(model, config, autocast_adapter_dtype=False)  # type: ignore[arg-type]
        except ValueError as error:
            said = next(iter(str(error).splitlines()), "")
            raise InputError(f"adapter.targets: {chosen} names no layer of the model ({said[:160]})") from None
    _as_trained(model)


def in_every_layer(adapter: Adapter | None) -> bool:
    """Whether LoRA is where the family puts it: in layers that texts and pictures both pass, and in no others."""
    return adapter is not None and adapter.targets is None


def train_again(model: Any) -> None:
    """An adapter that was loaded with its model is trained further: its LoRA weights and the layers it holds whole."""
    model.requires_grad_(False)
    model.peft_config[_NAME].inference_mode = False
    for name, weight in model.named_parameters():
        weight.requires_grad_(".lora_" in name or f".modules_to_save.{_NAME}." in name)
    _as_trained(model)


def train_whole(layer: nn.Module) -> None:
    """A layer that is trained as it is."""
    layer.requires_grad_(True)
    _as_trained(layer)


def merged(model: nn.Module) -> None:
    """LoRA weights go into the layers they are over, in place; the model is as before it had any."""
    from peft.tuners.lora import LoraLayer

    for module in list(model.modules()):
        for name, layer in module.named_children():
            if isinstance(layer, LoraLayer):
                layer.merge()
                setattr(module, name, layer.get_base_layer())


def second_factors(network: nn.Module) -> dict[str, Tensor]:
    """Copies of the factors that are 0 in a new adapter: an update is as large as they are."""
    return {name: weight.detach().clone() for name, weight in network.named_parameters() if ".lora_B." in name}


@torch.no_grad()
def blend(network: nn.Module, before: Mapping[str, Tensor], share: float) -> None:
    """Take updates back to a `share` of what they came to since `before`, in place.

    Weights between those before and after fine-tuning often do better than either, on what was learnt and on what was not
    (Wortsman et al., WiSE-FT, arXiv 2109.01903).
    """
    for name, weight in network.named_parameters():
        if name in before:
            weight.copy_(torch.lerp(before[name], weight, share))


def save_adapter(model: Any, base: Checkpoint, folder: Path) -> None:
    """adapter_model.safetensors and adapter_config.json, which names its base."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    save_file(
        {_PREFIX + key.removeprefix(_PREFIX): value.detach().cpu().contiguous() for key, value in weights.items()},
        folder / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    config = model.peft_config[_NAME]
    config.base_model_name_or_path = base.name if base.revision else str(base.folder.resolve())
    config.revision = base.revision or None
    training, config.inference_mode = config.inference_mode, True
    config.save_pretrained(str(folder))
    config.inference_mode = training


def _as_trained(module: nn.Module) -> None:
    """Trained weights are float32, whatever the others are: small steps would be lost in bfloat16."""
    for weight in module.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
