"""A graph position embedding that is trained with a retriever it was put over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.elements.gpe import FEATURES, GraphPositionEmbedding, features_of
from svrag.retrievers.elements.over import GraphPositions, load_gpe, save_gpe
from svrag.training.batch import Item
from svrag.training.config import RetrieverModel


class WithPlaces(nn.Module):
    """A network whose inputs tell places too.

    Args:
        network: as `Trainable.network`, without places.
        head: its layer that makes token vectors.
    """

    def __init__(self, network: nn.Module, gpe: GraphPositionEmbedding, head: nn.Module) -> None:
        super().__init__()
        self.network, self.gpe = network, gpe
        self._positions = GraphPositions(gpe, head)

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """As `Trainable.network`."""
        features = {key: inputs.pop(key) for key in FEATURES}
        with self._positions.given(features):
            made: tuple[Tensor, Tensor] = self.network(**inputs)
            return made


class Places:
    """The GPE of a retriever, or none.

    Attributes:
        network: the retriever's, with the GPE in it where there is one.
    """

    def __init__(
        self,
        settings: RetrieverModel,
        folder: Path,
        network: nn.Module,
        head: nn.Module | None,
        *,
        width: int,
        seed: int,
    ) -> None:
        """The GPE in the checkpoint's folder goes on; else there is a new one if the recipe names facets.

        Args:
            head: LoRA and the like are on it already; None where hidden states are the token vectors.
            width: of what the head reads.

        Raises:
            InputError: the model has no head to put it before, or the one in the folder is broken or another model's.
        """
        self.network = network
        self._gpe = load_gpe(folder)
        if self._gpe is None and settings.facets:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                self._gpe = GraphPositionEmbedding(width, settings.facets, settings.gate)
        if self._gpe is None:
            return
        if head is None:
            raise InputError("model.facets need a layer for token vectors: give the model one with model.dimension")
        if self._gpe.width != width:
            raise InputError(f"the GPE in {folder} is for width {self._gpe.width}, not {width}: it is another model's")
        self.network = WithPlaces(network, self._gpe.train(), head)

    def features(self, items: Sequence[Item]) -> dict[str, Tensor]:
        """What `network` takes besides its other inputs. Told of items without places too: every weight is used."""
        return features_of([item.place for item in items]) if self._gpe else {}

    def save(self, folder: Path) -> None:
        if self._gpe:
            save_gpe(self._gpe, folder)
