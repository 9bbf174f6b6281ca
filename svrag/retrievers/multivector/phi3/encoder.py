"""Either model with its processor as an encoder: prompts of like length in batches, vectors without padding.

Knows the protocol of `svrag.retrievers.multivector.encoder`; which model and where it is from is not its business.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch

from svrag.retrievers.elements.over import GraphPositions, chosen, fingerprint_with, placed
from svrag.retrievers.multivector.batching import in_batches, texts_in_batches
from svrag.retrievers.multivector.checkpoint import fingerprint
from svrag.retrievers.multivector.encoder import PIECE_WORDS, Places, Progress, Tokens, silent
from svrag.retrievers.multivector.phi3.prompts import Processor, Prompt

if TYPE_CHECKING:
    from PIL.Image import Image

# Texts and pictures at a time: a page is some thousand tokens, enough for a GPU to be busy with two.
_TEXTS = {"cuda": 32}
_PICTURES = {"cuda": 2}
_TEXTS_ELSEWHERE, _PICTURES_ELSEWHERE = 8, 1
_AHEAD = 4  # pictures prepared at a time


class Encoder:
    """A `MultiVectorEncoder` around a model that takes what the processor's `batch` gives.

    Args:
        model: gives (batch, tokens, dimension) unit vectors.
        settings: of the model, those that decide its vectors.
        positions: a GPE before its head.

    Attributes:
        running: held while the model runs; whoever changes something of it for a while holds it, too.
        tokenizing: held while the processor's tokenizer is used.
    """

    reads_pictures = True
    reads_words = PIECE_WORDS

    def __init__(
        self,
        name: str,
        revision: str,
        model: torch.nn.Module,
        processor: Processor,
        *,
        dimension: int,
        settings: str,
        positions: GraphPositions | None = None,
    ) -> None:
        self.name = name
        self.revision = revision
        self.model = model
        self.processor = processor
        self.dimension = dimension
        self.fingerprint = fingerprint_with(positions, fingerprint(model, (settings, processor.describe())))
        self.reads_places = positions is not None
        self._positions = positions
        self._device = next(model.parameters()).device
        self._texts = _TEXTS.get(self._device.type, _TEXTS_ELSEWHERE)
        self.tokenizing = threading.Lock()  # fast tokenizers cannot be used by two threads at once
        self.running = threading.Lock()  # two batches at once would take twice the memory

    def questions(self, texts: Sequence[str]) -> list[Tokens]:
        sizes = [len(text) for text in texts]

        def make(some: Sequence[int]) -> list[Tokens]:
            return self._read(self.processor.question, [texts[i] for i in some], None)

        return in_batches(sizes, self._texts, make, silent)

    def passages(self, texts: Sequence[str], on_progress: Progress = silent, *, places: Places = None) -> list[Tokens]:
        def make(some: list[int]) -> list[Tokens]:
            return self._read(self.processor.passage, [texts[i] for i in some], chosen(places, some))

        return texts_in_batches(texts, self._texts, make, self.dimension, on_progress)

    def pictures(
        self, images: Sequence[Image], on_progress: Progress = silent, *, places: Places = None
    ) -> list[Tokens]:
        # Those of one shape have as many tokens.
        order = sorted(range(len(images)), key=lambda i: images[i].width / images[i].height)
        size = _PICTURES.get(self._device.type, _PICTURES_ELSEWHERE)
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        encoded: dict[int, Tokens] = {}
        with ThreadPoolExecutor(_AHEAD) as pool:
            # The next are prepared while the model reads these: to scale a page takes as long as a GPU reads it.
            following = [pool.submit(self.processor.picture, images[i]) for group in groups[:1] for i in group]
            for number, group in enumerate(groups, start=1):
                prompts = [prepared.result() for prepared in following]
                after = [i for group in groups[number : number + 1] for i in group]
                following = [pool.submit(self.processor.picture, images[i]) for i in after]
                encoded.update(zip(group, self._run(prompts, chosen(places, group)), strict=True))
                on_progress(len(encoded), len(order))
        return [encoded[i] for i in range(len(images))]

    def _read(self, prompt: Callable[[str], Prompt], texts: Sequence[str], places: Places) -> list[Tokens]:
        with self.tokenizing:
            prompts = [prompt(text) for text in texts]
        return self._run(prompts, places)

    def _run(self, prompts: Sequence[Prompt], places: Places) -> list[Tokens]:
        with self.running, torch.inference_mode(), placed(self._positions, places):
            batch = {key: value.to(self._device) for key, value in self.processor.batch(prompts).items()}
            vectors = self.model(**batch).cpu().numpy()
            mask = batch["attention_mask"].bool().cpu().numpy()
        return [
            Tokens(np.ascontiguousarray(row[real], dtype=np.float32), prompt.words, prompt.boxes)
            for prompt, row, real in zip(prompts, vectors, mask, strict=True)
        ]
