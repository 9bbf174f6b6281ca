"""Pictures into tiles and texts into prompts, as Col-InternVL2 was trained on them.

A picture is stretched to the grid of square tiles nearest to its shape and read tile by tile, and once more as a whole
(InternVL 1.5, arXiv 2404.16821, section 3.1). Questions are read as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from svrag.retrievers.multivector.layout import tiles
from svrag.retrievers.multivector.phi3.prompts import (
    Prompt,
    Vocabulary,
    around,
    crops,
    normalised,
    padded,
    pixels_of,
    save,
    saved,
)

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_TILES = 20
"""Without the one of the whole picture."""

LONGEST = 4096
"""Tokens of a question or text; what is longer is cut. The decoder was first trained on so many."""

IMAGE_TOKEN = "<IMG_CONTEXT>"
_BEFORE, _AFTER = "<img>", "</img>\nDescribe the image."
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def tile_grid(width: int, height: int, tile: int = 448, most: int = MOST_TILES) -> tuple[int, int]:
    """Columns and rows of tiles for a picture of this size in pixels: of the shape nearest to its own.

    Of grids of one shape it is the smallest, or a larger one that the picture fills by more than half.
    """
    best, distance = (1, 1), float("inf")
    grids = [(i, j) for i in range(1, most + 1) for j in range(1, most + 1) if i * j <= most]
    for columns, rows in sorted(grids, key=lambda shape: shape[0] * shape[1]):
        away = abs(width / height - columns / rows)
        fills = width * height > 0.5 * tile * tile * columns * rows
        if away < distance or (away == distance and fills):
            best, distance = (columns, rows), away
    return best


class ColInternVL2Processor:
    """`Processor` of `ColInternVL2`.

    Args:
        tile: width and height of a tile in pixels.
        tokens: of a tile, a square number.
        most_tiles: of a picture, without the one of the whole.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, tile: int = 448, tokens: int = 256, most_tiles: int = MOST_TILES
    ) -> None:
        """Raises:
        InputError: the tokenizer has no tokens for pictures.
        """
        self.vocabulary = vocabulary
        self.tile, self.tokens, self.most_tiles = tile, tokens, most_tiles
        self.image_token = vocabulary.number(IMAGE_TOKEN)
        self._before = [vocabulary.begin, *vocabulary.ids(_BEFORE)]
        self._after = vocabulary.ids(_AFTER)
        self._words = vocabulary.words(self._before), vocabulary.words(self._after)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> ColInternVL2Processor:
        """What `save_pretrained` wrote.

        Raises:
            InputError: it is not there.
        """
        return cls(Vocabulary.of(Path(folder)), **saved(Path(folder)))

    def save_pretrained(self, folder: str | Path) -> None:
        save(Path(folder), self.vocabulary, self._settings())

    def question(self, text: str) -> Prompt:
        """As it is: the model was trained on questions without an instruction."""
        ids = [self.vocabulary.begin, *self.vocabulary.ids(self.vocabulary.cut(text, LONGEST - 1))]
        return Prompt(tuple(ids), self.vocabulary.words(ids))

    def passage(self, text: str) -> Prompt:
        """Like a question: the model was trained on no documents but pictures."""
        return self.question(text)

    def picture(self, image: Image) -> Prompt:
        pixels, (columns, rows) = self.tiles(image)
        cut = (rows, columns) if len(pixels) > 1 else (0, 0)
        seen = tiles(*cut, math.isqrt(self.tokens))
        ids, words, boxes = around(seen, self.image_token, self._before, self._after, self._words)
        return Prompt(ids, words, pixels, boxes=boxes)

    def tiles(self, image: Image) -> tuple[Tensor, tuple[int, int]]:
        """(tiles, 3, tile, tile), the whole picture last unless it is the only one; columns and rows of the others."""
        picture = image.convert("RGB")
        size = self.tile
        columns, rows = tile_grid(*picture.size, size, self.most_tiles)
        tiles = crops(pixels_of(_resized(picture, columns * size, rows * size)), size)
        if len(tiles) > 1:
            tiles = torch.cat([tiles, pixels_of(_resized(picture, size, size))[None]])
        return normalised(tiles, _MEAN, _DEVIATION), (columns, rows)

    def batch(self, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        inputs = padded(prompts, self.vocabulary.pad, left=False)
        pixels = [prompt.pixels for prompt in prompts if prompt.pixels is not None]
        return {**inputs, "pixel_values": torch.cat(pixels)} if pixels else inputs

    def describe(self) -> str:
        return f"{self._settings()} {_BEFORE}{IMAGE_TOKEN}{_AFTER} {LONGEST} {_MEAN} {_DEVIATION}"

    def _settings(self) -> dict[str, int]:
        return {"tile": self.tile, "tokens": self.tokens, "most_tiles": self.most_tiles}


def _resized(picture: Image, width: int, height: int) -> Image:
    """Bicubic, first along the side that shrinks more.

    In one step, different versions of Pillow begin with different sides and so round differently.
    """
    if picture.height * width > picture.width * height and picture.height > height:
        return picture.resize((picture.width, height)).resize((width, height))
    return picture.resize((width, picture.height)).resize((width, height))
