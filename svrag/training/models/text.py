"""Text retrievers with a vector for each token (ColBERT), and text encoders that become one, open for training.

Saved whole, in the layout of sentence-transformers, with LoRA weights merged into those below: these models are small.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.multivector.checkpoint import quiet_loading
from svrag.retrievers.multivector.hub import Checkpoint
from svrag.retrievers.multivector.text import check, head_of
from svrag.training.batch import Item
from svrag.training.config import Adapter, RetrieverModel
from svrag.training.models import lora
from svrag.training.models.places import Places

_EPS = 1e-12
_QUERY = "is_query"  # key of the inputs that tells the model which of its two ways to read them


class TextVectors(nn.Module):
    """A model of sentence-transformers that gives its token vectors with the mask of those that count."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """As `Trainable.network`."""
        task = "query" if inputs.pop(_QUERY)[0] else "document"
        made = self.model({**inputs, "modality": "text"}, task=task)
        mask = made["attention_mask"].bool()
        vectors = nn.functional.normalize(made["token_embeddings"].float(), dim=-1, eps=_EPS)
        return vectors * mask.unsqueeze(-1), mask


class TextTrainable:
    """Fulfils `Trainable`."""

    def __init__(self, model: Any, places: Places, *, all_used: bool) -> None:
        self.network, self.all_used = places.network, all_used
        self.layers = tuple(model[0].auto_model._no_split_modules or ())
        self._model, self._places = model, places

    def prepare(self, items: Sequence[Item], *, query: bool) -> dict[str, Tensor]:
        """Raises InputError: an item is a picture."""
        if items[0].picture:
            raise InputError(f"the data has pictures ({items[0].picture.key}), but the model reads texts only")
        prompts = self._model.prompts
        names = ("query",) if query else ("document", "passage", "corpus")
        prompt = next((prompts[name] for name in names if name in prompts), None)
        task = "query" if query else "document"
        made = self._model.preprocess([item.text for item in items], prompt=prompt, task=task)
        tensors = {key: value for key, value in made.items() if isinstance(value, Tensor)}
        return {**tensors, _QUERY: torch.full((len(items),), query), **self._places.features(items)}

    def checkpoint_activations(self) -> None:
        self._model[0].auto_model.gradient_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        # A copy, as LoRA weights taken out again would not leave quite the weights that they were merged into.
        model = copy.deepcopy(self._model).cpu()
        lora.merged(model)
        model.save_pretrained(str(folder), create_model_card=False)
        self._places.save(folder)


def open_text(
    settings: RetrieverModel, checkpoint: Checkpoint, adapter: Adapter | None, *, late: bool, seed: int
) -> TextTrainable:
    """The model of `checkpoint`, on the CPU, in float32.

    Args:
        late: it gives vectors of tokens. If not it is a text encoder that becomes such a model: its hidden states are
            the vectors, or, where the recipe names a dimension, what a new layer makes of them.

    Raises:
        InputError: its files do not fit, or the recipe asks for what the family cannot do.
    """
    if settings.picture_tokens:
        raise InputError("model.picture_tokens: the model reads texts only")
    with quiet_loading(settings.name):
        model = _read(settings.name, checkpoint) if late else _made(settings, checkpoint, seed)
    dimension = model.get_embedding_dimension()
    if settings.dimension not in (None, dimension):
        raise InputError(
            f"model.dimension is {settings.dimension}, but vectors of {settings.name} have {dimension} numbers"
        )
    network, head = model[0].auto_model, head_of(model)
    width = int(network.config.hidden_size)
    if adapter is None:
        lora.train_whole(model)
    else:
        # What pools into one vector is used for nothing.
        layers = [name for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
        targets = [name for name in layers if not name.startswith("pooler.")]
        model.requires_grad_(False)
        lora.add(network, adapter, targets, seed=seed)
        if adapter.head and head is not None:
            lora.train_whole(head)
    places = Places(settings, checkpoint.folder, TextVectors(model), head, width=width, seed=seed)
    return TextTrainable(model, places, all_used=lora.in_every_layer(adapter))


def _read(name: str, checkpoint: Checkpoint) -> Any:
    from sentence_transformers import MultiVectorEncoder

    model = MultiVectorEncoder(str(checkpoint.folder), device="cpu", local_files_only=True)
    check(name, checkpoint, model)
    return model.float()


def _made(settings: RetrieverModel, checkpoint: Checkpoint, seed: int) -> Any:
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.base.modules.dense import Dense
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    backbone = Transformer(str(checkpoint.folder), model_kwargs={"local_files_only": True})
    modules: list[Any] = [backbone]
    if settings.dimension is not None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            modules.append(
                Dense(
                    backbone.get_embedding_dimension(),
                    settings.dimension,
                    bias=False,
                    activation_function=None,
                    module_input_name="token_embeddings",
                )
            )
    modules.append(MultiVectorMask())
    return MultiVectorEncoder(modules=modules, device="cpu").float()
