"""DPR and SPECTER2 open for training: a network for questions and another for passages, all of their weights.

SPECTER2's two share a BERT and have a bottleneck adapter each. Saved as one folder in the layout that `--retriever
FOLDER` reads: question_encoder/ and ctx_encoder/, or base/, proximity/ and adhoc_query/ (dense/dpr.py, specter2.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.dense import bottleneck, dpr, specter2
from svrag.retrievers.dense.loading import DPR, LAYOUTS, checkpoints_in, family_in
from svrag.retrievers.dense.pooled import Side
from svrag.retrievers.multivector.checkpoint import quiet_loading
from svrag.training.batch import Item
from svrag.training.config import Adapter, RetrieverModel
from svrag.training.models import lora

_QUERY = "is_query"  # key of the inputs that tells which of the two networks reads them


class TwoSided(nn.Module):
    """Two networks of (input_ids, attention_mask); an input goes through the one for what it is.

    Args:
        cosine: vectors have length 1; otherwise they are as the networks make them.
    """

    def __init__(self, questions: nn.Module, passages: nn.Module, *, cosine: bool) -> None:
        super().__init__()
        self.questions, self.passages, self._cosine = questions, passages, cosine

    def forward(self, is_query: Tensor, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """As `Trainable.network`, (items, 1, dimension) and (items, 1)."""
        made = (self.questions if is_query[0] else self.passages)(input_ids, attention_mask).float()
        vectors = nn.functional.normalize(made, dim=-1) if self._cosine else made
        return vectors[:, None], torch.ones(len(vectors), 1, dtype=torch.bool, device=vectors.device)


class TwoSidedTrainable:
    """Fulfils `Trainable`.

    Args:
        save: writes both networks into a folder.
    """

    all_used = False  # each vector is of one of the networks
    layers = ("BertLayer",)

    def __init__(self, questions: Side, passages: Side, *, cosine: bool, save: Callable[[Path], None]) -> None:
        self.network = TwoSided(questions.network, passages.network, cosine=cosine)
        self._questions, self._passages, self._save = questions, passages, save
        lora.train_whole(self.network)

    def prepare(self, items: Sequence[Item], *, query: bool) -> dict[str, Tensor]:
        """Raises InputError: an item is a picture."""
        if items[0].picture:
            raise InputError(f"the data has pictures ({items[0].picture.key}), but the model reads texts only")
        side = self._questions if query else self._passages
        texts = [item.text for item in items]
        read = side.tokenizer(texts, padding=True, truncation=True, max_length=side.longest, return_tensors="pt")
        kept = {name: read[name] for name in ("input_ids", "attention_mask")}
        return {**kept, _QUERY: torch.full((len(items),), query)}

    def checkpoint_activations(self) -> None:
        from transformers import BertModel

        for module in self.network.modules():
            if isinstance(module, BertModel):  # classes of DPR around it say that they cannot
                module.gradient_checkpointing_enable({"use_reentrant": False})

    def save(self, folder: Path) -> None:
        self._save(folder)


def open_two_sided(settings: RetrieverModel, adapter: Adapter | None) -> TwoSidedTrainable:
    """The model of this name, on the CPU, in float32.

    Raises:
        InputError: its files do not fit, or the recipe asks for what the family cannot do.
    """
    name = (
        settings.name if settings.name.partition(":")[0] in LAYOUTS else f"{family_in(settings.name)}:{settings.name}"
    )
    family, _, rest = name.partition(":")
    unused = {
        "family": settings.family,
        "dimension": settings.dimension,
        "facets": settings.facets,
        "picture_tokens": settings.picture_tokens,
        "pooling": settings.pooling,
        "similarity": settings.similarity,
    }
    for key, value in unused.items():
        if value:
            raise InputError(f"model.{key}: {settings.name} says itself what it is; leave it out")
    if adapter is not None:
        raise InputError(f"adapter: all weights of {settings.name} are trained; set adapter to null")
    sources = checkpoints_in(name, rest, most=len(LAYOUTS[family]))
    with quiet_loading(settings.name):
        sides = (dpr if family == DPR else specter2).sides(name, *sources)
    questions, passages = (_cut(side, settings.longest) for side in (sides.questions, sides.passages))

    def save(folder: Path) -> None:
        if family == DPR:
            for part, side in zip(LAYOUTS[family], (questions, passages), strict=True):
                _network(side).save_pretrained(str(folder / part))
                side.tokenizer.save_pretrained(str(folder / part))
            return
        base, proximity, adhoc = (folder / part for part in LAYOUTS[family])
        bottleneck.save_without(_network(passages), base)
        passages.tokenizer.save_pretrained(str(base))
        bottleneck.save_adapter(_network(passages), sides.checkpoints[1], proximity)
        bottleneck.save_adapter(_network(questions), sides.checkpoints[2], adhoc)

    return TwoSidedTrainable(questions, passages, cosine=family != DPR, save=save)


def _cut(side: Side, longest: int | None) -> Side:
    return side if longest is None else Side(side.network, side.tokenizer, min(longest, side.longest))


def _network(side: Side) -> Any:
    """The transformer in it."""
    return side.network.get_submodule("model")
