"""What the trainer asks of a model, whichever family it is of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from svrag.training.batch import Item

if TYPE_CHECKING:
    from torch import Tensor, nn


class Trainable(Protocol):
    """A retriever that is open for training; get one with `open_for_training`.

    Attributes:
        network: `network(**inputs)` gives vectors, (items, tokens, dimension) float32 of length 1 at real tokens, and
            their mask, (items, tokens) bool. Models of one vector give one token, of whatever length. Weights that are
            trained require gradients and are float32.
        layers: names of classes in it that FSDP shares out one at a time, and that checkpointing computes again.
        all_used: every weight that is trained has a part in every vector, of texts and of pictures.
    """

    @property
    def network(self) -> nn.Module: ...
    @property
    def layers(self) -> tuple[str, ...]: ...
    @property
    def all_used(self) -> bool: ...

    def prepare(self, items: Sequence[Item], *, query: bool) -> dict[str, Tensor]:
        """Inputs of `network`, of items of one kind: all pictures or all texts. Runs in loaders' processes.

        Args:
            query: they are questions, or elements that stand for them.

        Raises:
            InputError: a picture cannot be read, or the model reads no pictures.
        """
        ...

    def checkpoint_activations(self) -> None:
        """From now on activations inside layers are computed again in the backward pass, non-reentrant.

        Reentrant checkpointing would give layers without trained inputs no gradients: under LoRA, all of them.
        """
        ...

    def save(self, folder: Path) -> None:
        """What the family's loader (`load_multivector`, `load_encoder`) reads back to equal vectors."""
        ...
