"""A graph position embedding over a retriever that was made without one: added to what its head reads.

The head, which turns hidden states into token vectors, is told of by the retriever's own code. Files beside the
checkpoint or adapter: gpe.safetensors and gpe.json.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.graph.places import Place
from svrag.retrievers.elements.gpe import GraphPositionEmbedding, features_of
from svrag.retrievers.multivector.checkpoint import check_weights, fingerprint

WEIGHTS, SETTINGS = "gpe.safetensors", "gpe.json"


class GraphPositions:
    """A GPE at work before one head. Not to be used by two threads at once.

    Args:
        head: takes hidden states (n, tokens, width). LoRA and the like must be on it already: they replace it.
    """

    def __init__(self, gpe: GraphPositionEmbedding, head: nn.Module) -> None:
        self.gpe = gpe
        self._features: Mapping[str, Tensor] | None = None
        head.register_forward_pre_hook(self._add)

    @contextmanager
    def given(self, features: Mapping[str, Tensor]) -> Iterator[None]:
        """While the model reads the inputs that have these features (`features_of`), on the model's device."""
        self._features = features
        try:
            yield
        finally:
            self._features = None

    def _add(self, head: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self._features is None:
            return None
        return (self.gpe(inputs[0], self._features), *inputs[1:])


def placed(positions: GraphPositions | None, places: Sequence[Place | None] | None) -> AbstractContextManager[None]:
    """While a model reads inputs with these places; does nothing where there are none, or nobody reads them."""
    if positions is None or places is None:
        return nullcontext()
    device = positions.gpe.raw_beta.device
    return positions.given({key: value.to(device) for key, value in features_of(places).items()})


def chosen(places: Sequence[Place | None] | None, rows: Sequence[int]) -> list[Place | None] | None:
    """The places of some inputs."""
    return None if places is None else [places[row] for row in rows]


def positions_beside(folder: Path, model: nn.Module, head: nn.Module | None) -> GraphPositions | None:
    """The GPE in the folder of a checkpoint or adapter, put before a model's head; None where there is none.

    Args:
        head: of `model`; None where hidden states are its token vectors.

    Raises:
        InputError: it is broken or of another width, or the model has no head.
    """
    gpe = load_gpe(folder)
    if gpe is None:
        return None
    if head is None:
        raise InputError(f"the GPE in {folder} belongs to a model with a layer for token vectors: this one has none")
    # A layer with LoRA on it passes on its own.
    if isinstance(head, nn.Linear) and head.in_features != gpe.width:
        raise InputError(
            f"the GPE in {folder} is for width {gpe.width}, not {head.in_features}: it is another model's"
        )
    return GraphPositions(gpe.to(next(model.parameters()).device), head)


def save_gpe(gpe: GraphPositionEmbedding, folder: Path) -> None:
    """Write it beside a checkpoint or adapter."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.detach().cpu().contiguous() for key, value in gpe.state_dict().items()}, folder / WEIGHTS)
    (folder / SETTINGS).write_text(json.dumps({"width": gpe.width, "facets": gpe.facets}) + "\n", "utf-8")


def load_gpe(folder: Path) -> GraphPositionEmbedding | None:
    """What `save_gpe` wrote, in float32; None where it wrote nothing.

    Raises:
        InputError: it is broken.
    """
    if not (folder / SETTINGS).is_file():
        return None
    try:
        settings = json.loads((folder / SETTINGS).read_text("utf-8"))
        gpe = GraphPositionEmbedding(settings["width"], settings["facets"])
        weights = load_file(folder / WEIGHTS)
        own = gpe.state_dict()
        check_weights(str(folder / WEIGHTS), own.keys() - weights.keys(), weights.keys() - own.keys())
        gpe.load_state_dict(weights)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise InputError(f"the GPE in {folder} is broken ({str(error).splitlines()[0]}): save it again") from None
    return gpe.eval()


def fingerprint_with(positions: GraphPositions | None, own: str) -> str:
    """A retriever's fingerprint with its GPE; its own where it has none."""
    if positions is None:
        return own
    return hashlib.sha256(f"{own} {fingerprint(positions.gpe, positions.gpe.facets)}".encode()).hexdigest()[:16]
