"""The element-graph encoder, made anew from pretrained towers, open for training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from svrag.errors import InputError
from svrag.retrievers.elements.config import ElementConfig
from svrag.retrievers.elements.model import ElementGraphModel, new_model, with_lora
from svrag.retrievers.elements.prepare import Inputs
from svrag.retrievers.elements.saved import save
from svrag.training.batch import Item
from svrag.training.config import Adapter, ElementModel
from svrag.training.models import lora


class ElementsTrainable:
    """Fulfils `Trainable`."""

    def __init__(self, model: ElementGraphModel, inputs: Inputs, *, all_used: bool) -> None:
        self.network, self.all_used = model, all_used
        towers = [tower for tower in (model.text, model.vision) if tower is not None]
        self.layers = tuple(dict.fromkeys(name for tower in towers for name in tower._no_split_modules or ()))
        self._model, self._inputs, self._towers = model, inputs, towers

    def prepare(self, items: Sequence[Item], *, query: bool) -> dict[str, Tensor]:
        places = [item.place for item in items]
        pictures = [item.picture for item in items if item.picture]
        if not pictures:
            return self._inputs.texts([item.text for item in items], places)
        if self._model.vision is None:
            raise InputError(f"the data has pictures ({pictures[0].key}), but model.vision is none")
        return self._inputs.pictures([picture.open() for picture in pictures], places)

    def checkpoint_activations(self) -> None:
        for tower in self._towers:
            tower.gradient_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        save(self._model, folder)


def open_elements(settings: ElementModel, adapter: Adapter | None, *, seed: int) -> ElementsTrainable:
    """On the CPU, in float32: towers are small.

    Args:
        adapter: on the towers; None trains them whole. Heads and GPE are new, and always trained.

    Raises:
        InputError: a tower cannot be had, or lacks the layers that the adapter names.
    """
    config = ElementConfig(
        settings.vision, settings.text, settings.dimension, settings.longest, settings.facets, settings.tokens
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, inputs = new_model(config, gate=settings.gate)
        if adapter is not None:
            init = "gaussian" if adapter.init == "gaussian" else True
            with_lora(model, adapter.rank, adapter.alpha, dropout=adapter.dropout, targets=adapter.targets, init=init)
    return ElementsTrainable(model, inputs, all_used=model.vision is None and lora.in_every_layer(adapter))
