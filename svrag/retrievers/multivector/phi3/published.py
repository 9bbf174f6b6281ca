"""Weights as the SV-RAG retrievers were published: a base, LoRA weights over it and a head, each in files of its own.

Tensors are read one by one into a model without memory of its own, so that loading takes little more than the model.
Every key has to find its place and every place its key. Knows no model: the renaming comes with the model.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.loads import counted, holds
from svrag.retrievers.multivector.checkpoint import check_weights

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

Rename = Callable[[str], Iterable[str]]
"""From the key of a published tensor to the keys it is split over evenly (along its first dimension): none for one
that the retriever has no use for."""

_Model = TypeVar("_Model", bound=nn.Module)

HEAD_FILE = "custom_text_proj.safetensors"
_HEAD = "custom_text_proj."


def build(make: Callable[[], _Model]) -> _Model:
    """What `make` makes, without memory for its weights; buffers that are not saved are there."""
    from accelerate import init_empty_weights  # type: ignore[import-untyped]

    with init_empty_weights():
        return make()


@contextlib.contextmanager
def published_settings(source: str) -> Iterator[None]:
    """Raises:
    InputError: what is read within lacks a setting, or has one of another kind.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"{source}: its config.json is not that of the published base ({said}): get it again"
        ) from None


def files_of(folder: Path) -> list[Path]:
    """The weights of a base, in one file or in several with an index.

    Raises:
        InputError: there are none, or not all.
    """
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    else:
        names = ["model.safetensors"]
    files = [folder / name for name in names]
    absent = [file.name for file in files if not file.is_file()]
    if absent:
        raise InputError(f"{folder} lacks {absent[0]}: get the checkpoint again")
    return files


def tensors(files: Iterable[Path], device: str = "cpu") -> Iterator[tuple[str, Tensor]]:
    """Key and tensor, one after another.

    Raises:
        InputError: a file is broken.
    """
    for file in files:
        try:
            with safe_open(file, framework="pt", device=device) as stored:
                for key in counted(stored.keys()):
                    yield key, stored.get_tensor(key)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{file} is broken ({error}): get the checkpoint again") from None


def tensor_named(files: Iterable[Path], *names: str) -> Tensor | None:
    """The first tensor of one of these names, without reading others; None where there is none.

    Raises:
        InputError: a file is broken.
    """
    for file in files:
        try:
            with safe_open(file, framework="pt", device="cpu") as stored:
                for name in set(names) & set(stored.keys()):
                    return cast(Tensor, stored.get_tensor(name))
        except (OSError, SafetensorError) as error:
            raise InputError(f"{file} is broken ({error}): get the checkpoint again") from None
    return None


def fill(
    model: _Model,
    stored: Iterable[tuple[str, Tensor]],
    rename: Rename,
    *,
    source: str,
    device: str,
    dtype: torch.dtype,
) -> _Model:
    """The weights into a model from `build`, on `device` in `dtype`.

    Raises:
        InputError: keys without a place, places without a key, or another shape.
    """
    holds(model)
    places = model.state_dict()
    found: dict[str, Tensor] = {}
    unknown = []
    for key, tensor in stored:
        names = list(rename(key))
        for name, part in zip(names, tensor.chunk(len(names)) if names else (), strict=True):
            if name not in places:
                unknown.append(key)
            elif part.shape != places[name].shape:
                raise InputError(
                    f"{source}: {key} is {tuple(part.shape)} where the configuration says {tuple(places[name].shape)}"
                )
            else:
                # A copy, so that parts and files are not kept for as long as the model is.
                found[name] = part.detach().to(device=device, dtype=dtype, copy=True)
    check_weights(source, places.keys() - found.keys(), unknown, head=(_HEAD,))
    model.load_state_dict(found, assign=True)
    model.to(device)  # buffers
    model.requires_grad_(False)
    model.eval()
    return model


def head_of(folder: Path) -> list[tuple[str, Tensor]]:
    """The head that lies beside LoRA weights, under the keys it has in the model; empty when there is none."""
    file = folder / HEAD_FILE
    if not file.is_file():
        return []
    return [(_HEAD + key.removeprefix(_HEAD).removeprefix("base_layer."), tensor) for key, tensor in tensors([file])]


def drawn_head(width: int, dimension: int, generator: torch.Generator) -> list[tuple[str, Tensor]]:
    """A new head, as `nn.Linear` begins: uniform between -1 / sqrt(width) and 1 / sqrt(width)."""
    shapes = {"weight": (dimension, width), "bias": (dimension,)}
    bound = width**-0.5
    return [
        (_HEAD + key, torch.empty(shape).uniform_(-bound, bound, generator=generator)) for key, shape in shapes.items()
    ]


def add_adapter(
    model: PreTrainedModel, folder: Path, rename: Callable[[str], str | None], *, name: str = "default"
) -> PeftModel:
    """The model with the LoRA weights of a folder over it, under a name, switched on.

    They stay apart from the base: `with adapted.disable_adapter():` runs the base, `adapted.load_adapter` puts a
    second one beside it (SV-RAG retrieves with one and answers with another), `adapted.merge_and_unload()` makes one
    model of both.

    Args:
        rename: from a key without "base_model.model." in front to that in `model`; None for one without use.

    Raises:
        InputError: settings or weights are missing or do not fit.
    """
    from peft import LoraConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict

    settings = LoraConfig.from_pretrained(str(folder))
    settings.task_type = None  # forward is the model's own
    settings.inference_mode = True
    found = {}
    first = next(model.parameters())
    prefix = "base_model.model."
    for key, tensor in tensors([folder / "adapter_model.safetensors"]):
        place = rename(key.removeprefix(prefix))
        if place is not None:
            found[prefix + place] = tensor.to(device=first.device, dtype=first.dtype)
    adapted = PeftModel(model, settings, adapter_name=name, low_cpu_mem_usage=True)
    places = get_peft_model_state_dict(adapted, adapter_name=name, save_embedding_layers=False)
    check_weights(f"the adapter in {folder}", places.keys() - found.keys(), found.keys() - places.keys())
    set_peft_model_state_dict(adapted, found, adapter_name=name, low_cpu_mem_usage=True)
    for parameter in adapted.parameters():
        parameter.requires_grad_(False)
    return adapted.eval()
