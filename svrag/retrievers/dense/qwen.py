"""Qwen2.5 as a text encoder: its last hidden states, averaged over the tokens of a text (no layer that predicts words).

The way of the astrophysics encoder (title to abstract, LoRA): an instruction model becomes an encoder by fine-tuning;
untuned it is a weak one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.dense.pooled import PooledEncoder, Side
from svrag.retrievers.multivector.adapter import put_on
from svrag.retrievers.multivector.checkpoint import check_weights, load_pretrained, quiet_loading
from svrag.retrievers.multivector.hub import Checkpoint, base_of, locate

DEFAULT = "Qwen/Qwen2.5-0.5B-Instruct"
_LONGEST = 512  # tokens: of abstracts, and more than of any passage here
# Adapters that were trained below the layer that predicts words name the same weights one level deeper.
_RENAMED = {r"^model\.": ""}


class MeanPooled(nn.Module):
    """A transformer, and the mean of its last hidden states over the tokens that are not padding."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, width) of two (n, tokens)."""
        states: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def load(name: str, base: str, adapter: str = "") -> PooledEncoder:
    """The encoder of a Qwen2.5.

    Args:
        base: name on the Hub or folder of the model; of LoRA weights, which name their base themselves, too.
        adapter: name or folder of LoRA weights to put on it.

    Raises:
        InputError: no such model, it is no Qwen2.5, weights are missing or left over.
    """
    from transformers import AutoTokenizer

    below, above = locate(base), locate(adapter) if adapter else None
    if above is None and below.read("adapter_config.json"):
        below, above = base_of(below), below
    with quiet_loading(name):
        model = network(name, below, above)
        tokenizer = AutoTokenizer.from_pretrained(below.folder, local_files_only=True, padding_side="right")
    side = Side(MeanPooled(model), tokenizer, min(_LONGEST, int(model.config.max_position_embeddings)))
    return PooledEncoder(name, side, side, cosine=True)


def network(name: str, base: Checkpoint, adapter: Checkpoint | None) -> Any:
    """The transformer alone, in float32, with LoRA weights in it where there are some.

    Raises: as `load`.
    """
    from transformers import Qwen2Model

    kind = base.read("config.json").get("model_type") or "no model"
    if kind != "qwen2":
        raise InputError(f"{base.name} is {kind}, not a Qwen2.5: name a text encoder by its own name or folder")
    model, missing, unexpected = load_pretrained(Qwen2Model, base.folder, dtype=torch.float32)
    check_weights(name, missing, unexpected)
    return model if adapter is None else put_on(adapter.name, adapter.folder, model, missing, _RENAMED)
