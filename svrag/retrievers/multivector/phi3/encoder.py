"""Either model with its processor as an encoder: prompts of like length in batches, vectors without padding.

Knows the protocol of `svrag.retrievers.multivector.encoder`; which model and where it is from is not its business.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from svrag.retrievers.multivector.encoder import Progress, Tokens, silent
from svrag.retrievers.multivector.phi3.prompts import Processor, Prompt

if TYPE_CHECKING:
    from PIL.Image import Image

_SAMPLE = 256  # values of each weight that the fingerprint reads
# Texts and pictures at a time: a page is some thousand tokens, enough for a GPU to be busy with two.
_TEXTS = {"cuda": 32}
_PICTURES = {"cuda": 2}
_TEXTS_ELSEWHERE, _PICTURES_ELSEWHERE = 8, 1
_AHEAD = 4  # prompts made at a time

_Input = TypeVar("_Input")


def best_device() -> tuple[str, torch.dtype]:
    """Where models run on this machine, and in what: bfloat16 where the GPU computes in it, else float32."""
    if torch.cuda.is_available():
        return "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return "mps" if torch.backends.mps.is_available() else "cpu", torch.float32


class Encoder:
    """A `MultiVectorEncoder` around a model that takes what the processor's `batch` gives.

    Args:
        model: gives (batch, tokens, dimension) unit vectors.
    """

    reads_pictures = True

    def __init__(
        self, name: str, revision: str, model: torch.nn.Module, processor: Processor, *, dimension: int, settings: str
    ) -> None:
        self.name = name
        self.revision = revision
        self.model = model
        self.processor = processor
        self.dimension = dimension
        self.fingerprint = _fingerprint(model, f"{settings}\n{processor.describe()}")
        self._device = next(model.parameters()).device
        self._tokenizing = threading.Lock()  # fast tokenizers cannot be used by two threads at once
        self._running = threading.Lock()  # two batches at once would take twice the memory

    def questions(self, texts: Sequence[str]) -> list[Tokens]:
        return self._encoded(texts, self._locked(self.processor.question), len, self._texts, silent)

    def passages(self, texts: Sequence[str], on_progress: Progress = silent) -> list[Tokens]:
        return self._encoded(texts, self._locked(self.processor.passage), len, self._texts, on_progress)

    def pictures(self, images: Sequence[Image], on_progress: Progress = silent) -> list[Tokens]:
        def shape(image: Image) -> float:
            return image.width / image.height

        return self._encoded(images, self.processor.picture, shape, self._pictures, on_progress)

    @property
    def _texts(self) -> int:
        return _TEXTS.get(self._device.type, _TEXTS_ELSEWHERE)

    @property
    def _pictures(self) -> int:
        return _PICTURES.get(self._device.type, _PICTURES_ELSEWHERE)

    def _locked(self, prompt: Callable[[str], Prompt]) -> Callable[[str], Prompt]:
        def alone(text: str) -> Prompt:
            with self._tokenizing:
                return prompt(text)

        return alone

    def _encoded(
        self,
        inputs: Sequence[_Input],
        prompt: Callable[[_Input], Prompt],
        like: Callable[[_Input], float],
        size: int,
        on_progress: Progress,
    ) -> list[Tokens]:
        """In the order of `inputs`; those that are alike go together, so that little is computed for padding."""
        order = sorted(range(len(inputs)), key=lambda i: like(inputs[i]))
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        encoded: dict[int, Tokens] = {}
        with ThreadPoolExecutor(_AHEAD) as pool:
            # The next prompts are made while the model reads these: to scale a page takes as long as to read it.
            following = [pool.submit(prompt, inputs[i]) for i in groups[0]] if groups else []
            for number, group in enumerate(groups, start=1):
                prompts = [made.result() for made in following]
                following = [pool.submit(prompt, inputs[i]) for after in groups[number : number + 1] for i in after]
                with self._running:
                    encoded.update(zip(group, self._run(prompts), strict=True))
                on_progress(len(encoded), len(order))
        return [encoded[i] for i in range(len(inputs))]

    def _run(self, prompts: Sequence[Prompt]) -> Iterator[Tokens]:
        batch = {key: value.to(self._device) for key, value in self.processor.batch(prompts).items()}
        with torch.inference_mode():
            vectors = self.model(**batch).cpu().numpy()
        mask = batch["attention_mask"].cpu().numpy().astype(bool)
        for prompt, row, real in zip(prompts, vectors, mask, strict=True):
            yield Tokens(np.ascontiguousarray(row[real], dtype=np.float32), prompt.words, prompt.boxes)


def _fingerprint(model: torch.nn.Module, settings: str) -> str:
    """16 hex digits of what decides a model's vectors: its settings and some of every weight.

    Weights are compared as bfloat16, so that a GPU and a CPU that keep them in different types agree.
    """
    digest = hashlib.sha256(settings.encode())
    for key, some in _samples(model.state_dict().items()):
        digest.update(key.encode() + some.to(torch.bfloat16).float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _samples(weights: Iterable[tuple[str, torch.Tensor]]) -> Iterator[tuple[str, torch.Tensor]]:
    for key, weight in sorted(weights, key=lambda item: item[0]):
        values = weight.detach().flatten()
        yield f"{key} {tuple(weight.shape)} ", values[:: max(1, len(values) // _SAMPLE)]
