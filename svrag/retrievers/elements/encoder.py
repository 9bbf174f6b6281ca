"""An element-graph encoder that answers: questions without a place, elements' texts and pictures with theirs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from svrag.errors import InputError
from svrag.retrievers.elements.model import ElementGraphModel
from svrag.retrievers.elements.over import chosen
from svrag.retrievers.elements.prepare import Inputs
from svrag.retrievers.elements.saved import load as load_saved
from svrag.retrievers.loads import holds
from svrag.retrievers.multivector.batching import in_batches, texts_in_batches
from svrag.retrievers.multivector.checkpoint import device_and_dtype, fingerprint
from svrag.retrievers.multivector.encoder import PIECE_WORDS, Places, Progress, Tokens, silent
from svrag.retrievers.multivector.hub import Checkpoint
from svrag.retrievers.multivector.pictures import readable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_TEXTS_AT_ONCE = {"cuda": 256}
_PICTURES_AT_ONCE = {"cuda": 64}
_ELSEWHERE = 16
_WORD_TOKENS = 5 / 3  # of scientific English, generously


class ElementGraphEncoder:
    """A loaded encoder; fulfils `MultiVectorEncoder`. May be shared between threads.

    Args:
        model: on its device, in its data type, in evaluation mode.
    """

    def __init__(self, name: str, revision: str, model: ElementGraphModel, inputs: Inputs) -> None:
        self.name = name
        self.revision = revision
        self.model = model
        self.inputs = inputs
        self.dimension = model.config.dimension
        self.reads_pictures = model.vision is not None
        self.reads_places = model.gpe is not None
        self.reads_words = min(PIECE_WORDS, int(inputs.longest / _WORD_TOKENS))
        self.fingerprint = fingerprint(model, (model.config.facets, inputs.describe()))
        self._device = next(model.parameters()).device
        self._lock = threading.Lock()  # fast tokenizers cannot be used by two threads at once

    def questions(self, texts: Sequence[str]) -> list[Tokens]:
        """Without a place in a graph: a question has none."""

        def make(some: list[int]) -> list[Tokens]:
            return self._read([texts[i] for i in some], None)

        at_once = _TEXTS_AT_ONCE.get(self._device.type, _ELSEWHERE)
        return in_batches([len(text) for text in texts], at_once, make, silent)

    def passages(self, texts: Sequence[str], on_progress: Progress = silent, *, places: Places = None) -> list[Tokens]:
        """Elements' texts, cut to what the model reads."""

        def make(some: list[int]) -> list[Tokens]:
            return self._read([texts[i] for i in some], chosen(places, some))

        at_once = _TEXTS_AT_ONCE.get(self._device.type, _ELSEWHERE)
        return texts_in_batches(texts, at_once, make, self.dimension, on_progress)

    def pictures(
        self, images: Sequence[Image], on_progress: Progress = silent, *, places: Places = None
    ) -> list[Tokens]:
        """Figures, tables, equations; pages too, though it was not trained on them.

        Raises:
            InputError: it reads texts only.
        """
        if not self.reads_pictures:
            raise InputError(f"{self.name} reads texts only: it was made without a vision tower")

        def make(some: list[int]) -> list[Tokens]:
            with self._lock:
                seen = [readable(images[i]) for i in some]
                vectors = self._run(self.inputs.pictures(seen, chosen(places, some)))
            return [
                Tokens(own, ("",) * len(own), self.inputs.boxes(image.size))
                for own, image in zip(vectors, seen, strict=True)
            ]

        return in_batches([0] * len(images), _PICTURES_AT_ONCE.get(self._device.type, _ELSEWHERE), make, on_progress)

    def _read(self, texts: list[str], places: Places) -> list[Tokens]:
        with self._lock:
            batch = self.inputs.texts(texts, places)
            vectors = self._run(batch)
            ids = [row[mask.bool()] for row, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)]
            return [Tokens(own, self.inputs.words(of)) for own, of in zip(vectors, ids, strict=True)]

    def _run(self, batch: dict[str, Tensor]) -> list[NDArray[np.float32]]:
        """Of each row, (tokens, dimension)."""
        with torch.inference_mode():
            vectors, masks = self.model(**{key: value.to(self._device) for key, value in batch.items()})
            found = [own[mask].cpu().numpy() for own, mask in zip(vectors, masks, strict=True)]
        if not all(np.isfinite(own).all() for own in found):
            raise InputError(f"{self.name} computed vectors that are no numbers: its weights or data type are broken")
        return found


def made(name: str, revision: str, model: ElementGraphModel, inputs: Inputs) -> ElementGraphEncoder:
    """An encoder of a model that was read, on the best device there is."""
    device, dtype = device_and_dtype()
    holds(model)
    return ElementGraphEncoder(name, revision, model.to(device, dtype).eval(), inputs)


def load(name: str, checkpoint: Checkpoint) -> ElementGraphEncoder:
    """The encoder that `svrag.retrievers.elements.saved` wrote.

    Raises:
        InputError: files are missing or do not fit.
    """
    return made(name, checkpoint.revision, *load_saved(checkpoint.folder))
