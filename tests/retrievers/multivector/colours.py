"""An encoder that needs no model: a patch's vector is its mean colour, a question's tokens are names of colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Resampling
from PIL.ImageColor import getrgb

from svrag.errors import InputError
from svrag.retrievers.multivector.encoder import PIECE_WORDS, Places, Progress, Tokens, silent

COLOURS = ("red", "lime", "blue", "yellow", "white", "black")


@dataclass(frozen=True)
class ColourEncoder:
    """Words that are no colour match everything alike.

    Attributes:
        patches: in a row and a column of a tile.
        tiles: in a row and a column of a picture; more than one adds a thumbnail.
    """

    patches: int = 8
    tiles: int = 1
    name: str = "tests/colours"
    revision: str = "r1"
    dimension: int = 4
    reads_pictures: bool = True
    reads_places: bool = False
    reads_words: int = PIECE_WORDS

    @property
    def fingerprint(self) -> str:
        return f"colours-{self.patches}-{self.tiles}"

    def questions(self, texts: Sequence[str]) -> list[Tokens]:
        made = []
        for text in texts:
            words = tuple(text.lower().replace("?", " ?").split())
            colours = [(np.array(getrgb(word)) / 127.5 - 1 if word in COLOURS else np.zeros(3)) for word in words]
            made.append(Tokens(_with_ground(np.array(colours)), words))
        return made

    def passages(self, texts: Sequence[str], on_progress: Progress = silent, *, places: Places = None) -> list[Tokens]:
        return self.questions(texts)

    def pictures(
        self, images: Sequence[Image], on_progress: Progress = silent, *, places: Places = None
    ) -> list[Tokens]:
        if not self.reads_pictures:
            raise InputError(f"{self.name} reads texts only")
        made = []
        for n, image in enumerate(images, start=1):
            grids = [self.patches * self.tiles] + [self.patches] * (self.tiles > 1)
            vectors = [colours_of(image, grid) for grid in grids]
            boxes = [boxes_of(grid) for grid in grids]
            prompt = _with_ground(np.zeros((1, 3)))
            nowhere = np.full((1, 4), np.nan, dtype=np.float32)
            tokens = np.concatenate([prompt, *vectors])
            made.append(Tokens(tokens, ("",) * len(tokens), np.concatenate([nowhere, *boxes])))
            on_progress(n, len(images))
        return made


def colours_of(image: Image, grid: int) -> NDArray[np.float32]:
    """(grid * grid, 4): white is (1, 1, 1), black (-1, -1, -1), and a constant behind."""
    small = image.convert("RGB").resize((grid, grid), Resampling.BOX)
    return _with_ground(np.asarray(small, dtype=np.float32).reshape(-1, 3) / 127.5 - 1)


def boxes_of(grid: int) -> NDArray[np.float32]:
    """(grid * grid, 4): the cells, row by row."""
    down, across = (line.ravel() for line in np.mgrid[:grid, :grid])
    return np.stack([across, down, across + 1, down + 1], axis=1).astype(np.float32) / grid


def _with_ground(colours: NDArray[np.floating]) -> NDArray[np.float32]:
    """With one dimension more that is alike in all, of length 1."""
    vectors = np.hstack([colours, np.full((len(colours), 1), 0.2)])
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit
