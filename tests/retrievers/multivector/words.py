"""An encoder without a model: each word has a direction of its own, each picture that of its size and ink."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from svrag.errors import InputError
from svrag.graph.places import Place
from svrag.retrievers.multivector.encoder import PIECE_WORDS, Places, Progress, Tokens, silent


class WordEncoder:
    """One token per word; a picture is the token "picture" and one for its own pixels."""

    reads_places = True

    def __init__(
        self,
        name: str = "made/words",
        *,
        reads_pictures: bool = False,
        fingerprint: str = "f0",
        reads_words: int = PIECE_WORDS,
    ) -> None:
        self.name = name
        self.revision = "r1"
        self.fingerprint = fingerprint
        self.dimension = 16
        self.reads_pictures = reads_pictures
        self.reads_words = reads_words
        self.placed: list[Place | None] = []
        self.seen: list[str | tuple[int, int]] = []

    def questions(self, texts: Sequence[str]) -> list[Tokens]:
        return [self._tokens(text.lower().split()) for text in texts]

    def passages(self, texts: Sequence[str], on_progress: Progress = silent, *, places: Places = None) -> list[Tokens]:
        self.seen += texts
        self.placed += places or [None] * len(texts)
        return [self._tokens(text.lower().replace(".", "").split()) for text in texts]

    def pictures(
        self, images: Sequence[Image], on_progress: Progress = silent, *, places: Places = None
    ) -> list[Tokens]:
        if not self.reads_pictures:
            raise InputError(f"{self.name} reads texts only")
        self.placed += places or [None] * len(images)
        self.seen += [image.size for image in images]
        return [self._tokens(["picture", hashlib.sha256(image.tobytes()).hexdigest()]) for image in images]

    def vector(self, word: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
        drawn = np.random.default_rng(seed).normal(size=self.dimension).astype(np.float32)
        return drawn / np.linalg.norm(drawn)

    def _tokens(self, words: Sequence[str]) -> Tokens:
        return Tokens(np.stack([self.vector(word) for word in words]), tuple(words))
