"""Encoders that are a transformer and a pooling, here without sentence-transformers: texts into one vector each.

Questions and passages may have a network each. Everything is computed in float32, so that a text's vector does not
depend on what it is batched with. Knows no family of models.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from svrag.errors import InputError
from svrag.retrievers.dense.single import Progress, silent
from svrag.retrievers.dense.windows import windows_of
from svrag.retrievers.multivector.batching import in_batches
from svrag.retrievers.multivector.checkpoint import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from svrag.retrievers.multivector.hub import Checkpoint

_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Side:
    """What questions, or passages, go through.

    Attributes:
        network: (input_ids, attention_mask), both (n, tokens), to vectors (n, dimension).
        tokenizer: of transformers.
        longest: tokens that the network reads, special ones among them; texts are cut to them.
    """

    network: nn.Module
    tokenizer: Any
    longest: int


@dataclass(frozen=True, slots=True)
class Sides:
    """Both, and the checkpoints that they were read from, in their family's order."""

    questions: Side
    passages: Side
    checkpoints: tuple[Checkpoint, ...]


class PooledEncoder:
    """A loaded encoder; fulfils `SingleVectorEncoder`.

    Args:
        cosine: whether vectors are divided by their lengths.
        joint: between the heading above a passage and its text, as the model was trained.
    """

    def __init__(self, name: str, questions: Side, passages: Side, *, cosine: bool, joint: str = "\n") -> None:
        self.name = name
        self.cosine = cosine
        self._questions, self._passages = questions, passages
        self._lock = threading.Lock()  # fast tokenizers cannot be used by two threads at once
        device = "cuda" if torch.cuda.is_available() else "cpu"
        for side in (questions, passages):
            side.network.to(device, torch.float32).eval().requires_grad_(False)
        self._device = device
        self._windows = windows_of(name, passages.tokenizer, passages.longest, joint=joint)
        settings = (cosine, joint, questions.longest, passages.longest)
        self.fingerprint = fingerprint(nn.ModuleList([questions.network, passages.network]), settings)
        self.dimension = self._computed(passages, ["a"]).shape[1]
        if self._computed(questions, ["a"]).shape[1] != self.dimension:
            raise InputError(f"{name}: its networks for questions and for passages make vectors of different sizes")

    def questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), dimension)."""
        return self._encoded(self._questions, texts, silent)

    def passages(self, texts: Sequence[str], on_progress: Progress = silent) -> NDArray[np.float32]:
        """(len(texts), dimension)."""
        return self._encoded(self._passages, texts, on_progress)

    def windows(self, text: str, context: str = "") -> list[str]:
        """`text` in pieces that fit the encoder, each after `context`; none without words."""
        return self._windows.cut(text, context)

    def _encoded(self, side: Side, texts: Sequence[str], on_progress: Progress) -> NDArray[np.float32]:
        def make(some: list[int]) -> list[NDArray[np.float32]]:
            return list(self._computed(side, [texts[i] for i in some]))

        made = in_batches([len(text) for text in texts], _AT_ONCE, make, on_progress)
        return np.stack(made) if made else np.empty((0, self.dimension), dtype=np.float32)

    def _computed(self, side: Side, texts: list[str]) -> NDArray[np.float32]:
        with self._lock, torch.inference_mode():
            read = side.tokenizer(
                texts, padding=True, truncation=True, max_length=side.longest, return_tensors="pt"
            ).to(self._device)
            made = side.network(read["input_ids"], read["attention_mask"])
            if self.cosine:
                made = nn.functional.normalize(made, dim=-1)
            vectors: NDArray[np.float32] = made.cpu().numpy()
        if not np.isfinite(vectors).all():
            raise InputError(f"{self.name} computed vectors that are no numbers: its weights are broken")
        return vectors
