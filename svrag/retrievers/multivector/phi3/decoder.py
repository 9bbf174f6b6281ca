"""Run a Phi-3 decoder so that a row's result depends on that row alone, and stop after the layer that is wanted.

transformers chooses LongRoPE's short or long factors (Ding et al., 2024) by the longest row of a batch; here each row
is rotated by its own length. A text that is read bit by bit, as one that is being written, is read anew when it becomes
long, as there. Knows nothing of pictures or of heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import DynamicCache, Phi3Model
from transformers.masking_utils import create_causal_mask
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS


def decode(decoder: Phi3Model, embeddings: Tensor, mask: Tensor | None = None, layers: int | None = None) -> Tensor:
    """(batch, tokens, width): hidden states after so many layers, before the final norm.

    Args:
        embeddings: (batch, tokens, width).
        mask: (batch, tokens), 1 where a token is and 0 where padding is, on either side. What comes back at padding
            means nothing.
        layers: all of them and the final norm when None.
    """
    if mask is None:
        mask = torch.ones(embeddings.shape[:2], dtype=torch.long, device=embeddings.device)
    positions = (mask.long().cumsum(dim=1) - 1).clamp(min=0)
    # No token sees the padding that comes after it, and without a mask attention takes much less memory.
    padded_in_front = bool((mask[:, 1:] > mask[:, :-1]).any())
    causal = create_causal_mask(
        config=decoder.config,
        inputs_embeds=embeddings,
        attention_mask=mask if padded_in_front else None,
        past_key_values=None,
    )
    rotation = _rotation(decoder, embeddings, positions)
    hidden = embeddings
    for layer in decoder.layers[:layers]:
        hidden = layer(hidden, attention_mask=causal, position_ids=positions, position_embeddings=rotation)
    return decoder.norm(hidden) if layers is None else hidden


class Reader:
    """A text that the decoder reads bit by bit, remembering what it has read."""

    def __init__(self, decoder: Phi3Model) -> None:
        self._decoder = decoder
        self._read: list[Tensor] = []
        self._length = 0
        self._memory = DynamicCache()
        settings: Mapping[str, Any] = cast(Any, decoder.config.rope_parameters)
        is_long = settings["rope_type"] == "longrope"
        self._turns_long = settings["original_max_position_embeddings"] if is_long else None

    def read(self, embeddings: Tensor) -> Tensor:
        """(1, width): the state after the last of these tokens, (1, tokens, width), and the final norm."""
        before, self._length = self._length, self._length + embeddings.shape[1]
        self._read.append(embeddings)
        if self._turns_long is not None and 0 < before <= self._turns_long < self._length:
            embeddings, before, self._memory = torch.cat(self._read, dim=1), 0, DynamicCache()
        decoder = self._decoder
        positions = torch.arange(before, self._length, device=embeddings.device)[None]
        causal = create_causal_mask(
            config=decoder.config, inputs_embeds=embeddings, attention_mask=None, past_key_values=self._memory
        )
        rotation = _rotation(decoder, embeddings, positions)
        hidden = embeddings
        for layer in decoder.layers:
            hidden = layer(
                hidden,
                attention_mask=causal,
                position_ids=positions,
                past_key_values=self._memory,
                position_embeddings=rotation,
            )
        return decoder.norm(hidden[:, -1])  # type: ignore[no-any-return]


def unit(vectors: Tensor, mask: Tensor | None = None) -> Tensor:
    """(batch, tokens, width): each vector of length 1, at padding 0; in float32, whatever the model computes in."""
    scaled = nn.functional.normalize(vectors.float(), dim=-1, eps=1e-6)
    return scaled if mask is None else scaled * mask.unsqueeze(-1)


def _rotation(decoder: Phi3Model, hidden: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines, (batch, tokens, width of a head) each."""
    settings: Mapping[str, Any] = cast(Any, decoder.config.rope_parameters)
    if settings["rope_type"] != "longrope":
        return decoder.rotary_emb(hidden, positions)  # type: ignore[no-any-return]
    longest = settings["original_max_position_embeddings"]
    frequencies = ROPE_INIT_FUNCTIONS["longrope"]
    short, scale = frequencies(decoder.config, hidden.device)
    long, _ = frequencies(decoder.config, hidden.device, seq_len=longest + 1)
    is_long = positions.amax(dim=1, keepdim=True) >= longest
    angles = positions[..., None].float() * torch.where(is_long, long, short)[:, None, :]
    angles = torch.cat([angles, angles], dim=-1)
    return (angles.cos() * scale).to(hidden.dtype), (angles.sin() * scale).to(hidden.dtype)
