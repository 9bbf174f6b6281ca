"""The SV-RAG retrievers, Col-InternVL2 and Col-Phi-3-V, and their published bases, open for training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.multivector.colinternvl2 import checkpoint as colinternvl2
from svrag.retrievers.multivector.colphi3v import checkpoint as colphi3v
from svrag.retrievers.multivector.hub import Checkpoint, base_of
from svrag.retrievers.multivector.phi3.prompts import Processor
from svrag.retrievers.multivector.phi3.published import HEAD_FILE
from svrag.retrievers.multivector.pictures import readable
from svrag.training.batch import Item
from svrag.training.config import Adapter, RetrieverModel
from svrag.training.models import lora
from svrag.training.models.places import Places


class TokenVectors(nn.Module):
    """The model's vectors with their mask."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """As `Trainable.network`."""
        return self.model(**inputs), inputs["attention_mask"].bool()


class Phi3Trainable:
    """Fulfils `Trainable`.

    Args:
        base: what the adapter stands on; None where all weights are trained.
    """

    def __init__(self, model: Any, processor: Any, base: Checkpoint | None, places: Places, *, all_used: bool) -> None:
        self.network, self.all_used = places.network, all_used
        self.layers = tuple(model._no_split_modules or ())
        self._model, self._base, self._places = model, base, places
        self._processor: Processor = processor
        self._save_processor: Callable[[Path], None] = processor.save_pretrained

    def prepare(self, items: Sequence[Item], *, query: bool) -> dict[str, Tensor]:
        processor = self._processor
        if items[0].picture:
            prompts = [processor.picture(readable(item.picture.open())) for item in items if item.picture]
        else:
            prompts = [processor.question(item.text) if query else processor.passage(item.text) for item in items]
        return {**processor.batch(prompts), **self._places.features(items)}

    def checkpoint_activations(self) -> None:
        self._model.gradient_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        """As published: the adapter, and its head in a file of its own. A config.json says what becomes a vector."""
        self._places.save(folder)
        if self._base is None:
            self._model.save_pretrained(folder)
            self._save_processor(folder)
            return
        lora.save_adapter(self._model, self._base, folder)
        self._model.config.save_pretrained(folder)
        head = self._model.custom_text_proj
        if head is not None:
            weights = {
                key.removeprefix("base_layer."): value.detach().cpu().contiguous()
                for key, value in head.state_dict().items()
                if "lora_" not in key
            }
            save_file(weights, folder / HEAD_FILE, metadata={"format": "pt"})


def open_phi3(
    settings: RetrieverModel, checkpoint: Checkpoint, family: str, adapter: Adapter | None, *, seed: int, dtype: Any
) -> Phi3Trainable:
    """The model of `checkpoint`, on the CPU. An adapter is trained further as it is.

    Args:
        family: "ColInternVL2" or "ColPhi3V".

    Raises:
        InputError: its files do not fit, or the recipe asks for what the family cannot do.
    """
    is_adapter = bool(checkpoint.read("adapter_config.json"))
    if is_adapter and adapter is None:
        raise InputError(f"{settings.name} is an adapter: name its base to train all weights, or leave `adapter` in")
    if settings.picture_tokens:
        raise InputError(f"model.picture_tokens: {family} cannot be told how many tokens a picture may have")
    base = base_of(checkpoint) if is_adapter else checkpoint
    generator = torch.Generator().manual_seed(seed)
    dtype = dtype if adapter else torch.float32
    model: Any
    processor: Any
    if family == "ColInternVL2":
        model, processor = colinternvl2.read(checkpoint, base, device="cpu", dtype=dtype, new_head=generator)
    else:
        drawn = generator, settings.dimension or 128
        model, processor = colphi3v.read(checkpoint, base, device="cpu", dtype=dtype, new_head=drawn)
    if is_adapter:
        model = model.get_base_model()
    projects = model.custom_text_proj is not None
    width = model.config.text_config.hidden_size
    wide = model.config.dimension if projects else width
    if settings.dimension not in (None, wide):
        raise InputError(
            f"model.dimension is {settings.dimension}, but vectors of {settings.name} have {wide} numbers"
        )
    if adapter is None:
        lora.train_whole(model)
    elif is_adapter:
        lora.train_again(model)
    else:
        lora.add(model, adapter, _targets(model.config), seed=seed)
    head = model.custom_text_proj
    if adapter is not None and adapter.head and projects:
        lora.train_whole(head)
    places = Places(settings, checkpoint.folder, TokenVectors(model), head, width=width, seed=seed)
    all_used = not is_adapter and lora.in_every_layer(adapter)
    return Phi3Trainable(model, processor, base if adapter else None, places, all_used=all_used)


def _targets(config: Any) -> str:
    """What layers there are after the last whose states become vectors is used for nothing."""
    if config.model_type != "colphi3v" or config.layer is None:
        return lora.DECODER
    used = "|".join(map(str, range(config.layer)))
    return lora.DECODER.replace(r"layers\.", rf"layers\.(?:{used})\.")
