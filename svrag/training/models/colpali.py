"""The retrievers of colpali-engine, and the language models that they start from, open for training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from svrag.errors import InputError
from svrag.retrievers.multivector.colpali import read
from svrag.retrievers.multivector.colpali_inputs import ColPaliInputs, TokenVectors, head_name
from svrag.retrievers.multivector.hub import Checkpoint, base_of
from svrag.retrievers.multivector.pictures import readable
from svrag.training.batch import Item
from svrag.training.config import Adapter, RetrieverModel
from svrag.training.models import lora
from svrag.training.models.places import Places


class ColPaliTrainable:
    """Fulfils `Trainable`.

    Args:
        base: what the adapter stands on; None where all weights are trained.
    """

    def __init__(
        self, family: str, model: Any, processor: Any, base: Checkpoint | None, places: Places, *, all_used: bool
    ) -> None:
        self.network, self.all_used = places.network, all_used
        self.layers = tuple(model._no_split_modules or ())
        self._model, self._processor, self._base, self._places = model, processor, base, places
        self._inputs = ColPaliInputs(family, processor, model.config.get_text_config().max_position_embeddings)

    def prepare(self, items: Sequence[Item], *, query: bool) -> dict[str, Tensor]:
        return {**self._prepared(items, query), **self._places.features(items)}

    def _prepared(self, items: Sequence[Item], query: bool) -> dict[str, Tensor]:
        pictures = [item.picture for item in items if item.picture]
        if pictures:
            return self._inputs.pictures([readable(picture.open()) for picture in pictures])
        texts = [item.text for item in items]
        return self._inputs.questions(texts) if query else self._inputs.passages(texts)

    def checkpoint_activations(self) -> None:
        self._model.gradient_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        if self._base is None:
            self._model.save_pretrained(folder)
        else:
            lora.save_adapter(self._model, self._base, folder)
        self._processor.save_pretrained(folder)
        self._places.save(folder)


def open_colpali(
    settings: RetrieverModel, checkpoint: Checkpoint, family: str, adapter: Adapter | None, *, seed: int, dtype: Any
) -> ColPaliTrainable:
    """The model of `checkpoint`, on the CPU. An adapter is trained further as it is.

    Raises:
        InputError: its files do not fit, or the recipe asks for what the family cannot do.
    """
    is_adapter = bool(checkpoint.read("adapter_config.json"))
    if is_adapter and adapter is None:
        raise InputError(f"{settings.name} is an adapter: name its base to train all weights, or leave `adapter` in")
    model, processor, has_head = read(
        settings.name, checkpoint, family, dtype if adapter else torch.float32, without_head=True
    )
    if settings.dimension not in (None, model.dim):
        raise InputError(f"model.dimension is {settings.dimension}, but vectors of {family} have {model.dim} numbers")
    if settings.picture_tokens:
        _limit(processor, settings.picture_tokens, family)
    base: Checkpoint | None = checkpoint
    if not has_head:
        _draw(model.get_submodule(head_name(family)), seed)
    if is_adapter:
        lora.train_again(model)
        base = base_of(checkpoint)
    elif adapter is None:
        lora.train_whole(model)
        base = None
    else:
        # A head that was just drawn is in no base: it has to be in the adapter.
        whole = (head_name(family),) if adapter.head or not has_head else ()
        lora.add(model, adapter, lora.DECODER, seed=seed, whole=whole)
    network, head = TokenVectors(model, family), model.get_submodule(head_name(family))
    width = model.config.get_text_config().hidden_size
    places = Places(settings, checkpoint.folder, network, head, width=width, seed=seed)
    all_used = not is_adapter and lora.in_every_layer(adapter)
    return ColPaliTrainable(family, model, processor, base, places, all_used=all_used)


def _draw(head: Any, seed: int) -> None:
    """As `nn.Linear` begins."""
    generator, bound = torch.Generator().manual_seed(seed), head.in_features**-0.5
    with torch.no_grad():
        for weight in head.parameters():
            weight.copy_(torch.empty(weight.shape).uniform_(-bound, bound, generator=generator))


def _limit(processor: Any, tokens: int, family: str) -> None:
    if not family.startswith("ColQwen"):
        raise InputError(f"model.picture_tokens: {family} cannot be told how many tokens a picture may have")
    pictures = processor.image_processor
    side = pictures.patch_size * pictures.merge_size
    pictures.size["longest_edge"] = tokens * side**2
    pictures.size["shortest_edge"] = min(pictures.size["shortest_edge"], tokens * side**2)
