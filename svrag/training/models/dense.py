"""Text encoders with one vector for each text, open for training: any model of sentence-transformers, or a bare network.

One vector is a list of one token vector: MaxSim is then a dot product, and every loss, gathering and caching of the
training stack holds as it is. Saved whole, in the layout of sentence-transformers, with LoRA weights merged into those
below: `load_encoder` reads the folder.
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
from svrag.retrievers.multivector.text import check
from svrag.training.batch import Item
from svrag.training.config import Adapter, RetrieverModel
from svrag.training.models import lora

_QUERY = "is_query"  # key of the inputs that tells the model which of its two ways to read them
_PROMPT = "prompt_length"
# Of checkpoints whose network is all that is used: what pools into one vector, and what predicts words.
_NOT_OF_NETWORK = ("pooler.", "bert.pooler.", "cls.", "lm_head.", "vocab_")


class OneVector(nn.Module):
    """A model of sentence-transformers whose only vector stands as the vector of one token.

    Args:
        cosine: vectors have length 1; otherwise they are as the model makes them.
    """

    def __init__(self, model: Any, *, cosine: bool) -> None:
        super().__init__()
        self.model, self._cosine = model, cosine

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """As `Trainable.network`, (items, 1, dimension) and (items, 1)."""
        task = "query" if inputs.pop(_QUERY)[0] else "document"
        made = self.model({**inputs, "modality": "text"}, task=task)["sentence_embedding"].float()
        vectors = nn.functional.normalize(made, dim=-1) if self._cosine else made
        return vectors[:, None], torch.ones(len(vectors), 1, dtype=torch.bool, device=vectors.device)


class OneVectorTrainable:
    """Fulfils `Trainable`, for models of sentence-transformers that give one vector, dense or sparse."""

    def __init__(self, model: Any, *, cosine: bool, all_used: bool) -> None:
        self.network, self.all_used = OneVector(model, cosine=cosine), all_used
        self._networks = networks_of(model)
        self.layers = tuple(dict.fromkeys(name for one in self._networks for name in one._no_split_modules or ()))
        self._model = model

    def prepare(self, items: Sequence[Item], *, query: bool) -> dict[str, Tensor]:
        """Raises InputError: an item is a picture."""
        if items[0].picture:
            raise InputError(f"the data has pictures ({items[0].picture.key}), but the model reads texts only")
        prompts = self._model.prompts
        names = ("query",) if query else ("document", "passage", "corpus")
        name = next((name for name in names if name in prompts), self._model.default_prompt_name)
        task = "query" if query else "document"
        made = self._model.preprocess([item.text for item in items], prompt=prompts.get(name), task=task)
        tensors = {key: value for key, value in made.items() if isinstance(value, Tensor)}
        if isinstance(made.get(_PROMPT), int):  # pooling may leave the prompt out
            tensors[_PROMPT] = torch.full((len(items),), made[_PROMPT])
        return {**tensors, _QUERY: torch.full((len(items),), query)}

    def checkpoint_activations(self) -> None:
        for network in self._networks:
            network.gradient_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        # A copy, as LoRA weights taken out again would not leave quite the weights that they were merged into.
        model = copy.deepcopy(self._model).cpu()
        lora.merged(model)
        model.save_pretrained(str(folder), create_model_card=False)


def open_dense(
    settings: RetrieverModel, checkpoint: Checkpoint, adapter: Adapter | None, *, seed: int
) -> OneVectorTrainable:
    """The encoder of `checkpoint`, on the CPU, in float32.

    A network without a pooling module gets one: `settings.pooling`, or the mean over the tokens that are no padding.

    Raises:
        InputError: its files do not fit, or the recipe asks for what the family cannot do.
    """
    with quiet_loading(settings.name):
        model = _read(settings, checkpoint)
        check(settings.name, checkpoint, model, ignored=_NOT_OF_NETWORK)
    if settings.similarity is not None:
        model.similarity_fn_name = settings.similarity
    if model.similarity_fn_name not in ("cosine", "dot"):
        raise InputError(
            f"{settings.name} compares by {model.similarity_fn_name}: set model.similarity to cosine or dot"
        )
    make_ready(settings, model)
    all_used = train_parts(model, adapter, seed=seed)
    return OneVectorTrainable(model, cosine=model.similarity_fn_name == "cosine", all_used=all_used)


def is_dense(checkpoint: Checkpoint) -> bool:
    """Whether sentence-transformers saved it with a module that pools into one vector."""
    kinds = [str(module.get("type")).rpartition(".")[2] for module in checkpoint.read_list("modules.json")]
    return "Pooling" in kinds


def networks_of(model: Any) -> list[Any]:
    """The transformers in it: one, or two where questions and documents are read by a network each."""
    from sentence_transformers.base.modules import Transformer

    return [module.auto_model for module in model.modules() if isinstance(module, Transformer)]


def make_ready(settings: RetrieverModel, model: Any) -> None:
    """What the recipe says of texts and vectors.

    Raises:
        InputError: it asks for what models of one vector cannot do.
    """
    from sentence_transformers.base.modules import Transformer

    for key, value in (("picture_tokens", settings.picture_tokens), ("facets", settings.facets)):
        if value:
            raise InputError(f"model.{key}: {settings.name} makes one vector of a text")
    dimension = model.get_embedding_dimension()
    if settings.dimension not in (None, dimension):
        raise InputError(
            f"model.dimension is {settings.dimension}, but vectors of {settings.name} have {dimension} numbers"
        )
    for module in model.modules():
        if isinstance(module, Transformer):
            if settings.longest is not None:
                module.max_seq_length = min([settings.longest, *_places(module.auto_model)])
            if module.tokenizer.pad_token is None:  # of language models that were never batched
                module.tokenizer.pad_token = module.tokenizer.eos_token


def _places(network: nn.Module) -> list[int]:
    """Of how many tokens it has learnt the places; empty where places are computed."""
    tables = (part for name, part in network.named_modules() if name.endswith("position_embeddings"))
    return [
        # RoBERTa begins to count after the number of its padding.
        table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
        for table in tables
        if isinstance(table, nn.Embedding)
    ]


def train_parts(model: Any, adapter: Adapter | None, *, seed: int) -> bool:
    """Puts LoRA into the linear layers of its networks and opens its heads, or opens all; in place.

    Returns:
        Whether every trained weight has a part in every vector: see `Trainable.all_used`.
    """
    from sentence_transformers.base.modules.dense import Dense

    networks = networks_of(model)
    if adapter is None:
        lora.train_whole(model)
        for network in networks:
            for name, weight in network.named_parameters():
                weight.requires_grad_(not name.startswith("pooler."))
        return False
    model.requires_grad_(False)
    for network in networks:
        words = network.get_output_embeddings()  # often the embeddings themselves: LoRA would be merged into both
        layers = [
            name for name, layer in network.named_modules() if isinstance(layer, nn.Linear) and layer is not words
        ]
        lora.add(network, adapter, [name for name in layers if not name.startswith("pooler.")], seed=seed)
    if adapter.head:
        for module in model.modules():
            if isinstance(module, Dense):
                lora.train_whole(module)
    return len(networks) == 1 and adapter.targets is None


def _read(settings: RetrieverModel, checkpoint: Checkpoint) -> Any:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    if checkpoint.read_list("modules.json"):
        if settings.pooling is not None:
            raise InputError(f"model.pooling: {settings.name} says itself how it pools; leave it out")
        model = SentenceTransformer(str(checkpoint.folder), device="cpu", local_files_only=True)
    else:
        network = Transformer(str(checkpoint.folder), model_kwargs={"local_files_only": True})
        pooling = Pooling(network.get_embedding_dimension(), settings.pooling or "mean")
        model = SentenceTransformer(modules=[network, pooling], device="cpu", similarity_fn_name="cosine")
    return model.float()
