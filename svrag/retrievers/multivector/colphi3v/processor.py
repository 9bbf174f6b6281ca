"""Pages into views and texts into prompts, as Col-Phi-3-V was trained on them.

A page is set on a black square; the square is read as a whole and in crops at the size that Phi-3-vision's HD
transform gives (arXiv 2404.14219, section 6). Questions end in ten padding tokens that the model may use at will, as
in ColBERT's query augmentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from svrag.retrievers.multivector.layout import grid
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

MOST_CROPS = 16

LONGEST = 4096
"""Tokens of a question or text; what is longer is cut. The decoder was first trained on so many."""

_BEFORE, _AFTER = "<|user|>\n", "\nDescribe the image.<|end|>\n<|assistant|>\n"
_PASSAGE = "<|user|>\n", "<|end|>\n<|assistant|>\n"
_QUESTION, _AUGMENTATION = "Query: ", 10
_MEAN, _DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP
_PLACE = -1  # number of a picture's token


def hd_size(width: int, height: int, crop: int = 336, most: int = MOST_CROPS) -> tuple[int, int, int, int]:
    """Width and height to which a picture at least as wide as high is scaled, and rows above and below for whole crops."""
    ratio = width / height
    columns = max(n for n in range(1, most + 1) if n == 1 or n * int(np.ceil(n / ratio)) <= most)
    scaled = int(columns * crop / ratio)
    spare = -scaled % crop
    return columns * crop, scaled, spare // 2, spare - spare // 2


def hd_transform(image: Image, crop: int = 336, most: int = MOST_CROPS) -> Image:
    """The picture at a size that takes whole crops of `crop` pixels, at most `most`, on white where it falls short."""
    from PIL import Image as images
    from PIL import ImageOps

    upright = image.width < image.height
    lying = image.transpose(images.Transpose.TRANSPOSE) if upright else image
    width, height, above, below = hd_size(*lying.size, crop, most)
    scaled = lying.resize((width, height), images.Resampling.BILINEAR)
    filled = ImageOps.expand(scaled, (0, above, 0, below), (255, 255, 255))
    return filled.transpose(images.Transpose.TRANSPOSE) if upright else filled


class ColPhi3VProcessor:
    """`Processor` of `ColPhi3V`.

    Args:
        crop: width and height of a view in pixels.
        side: a view is side x side tokens.
        most_crops: of a picture.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, crop: int = 336, side: int = 12, most_crops: int = MOST_CROPS
    ) -> None:
        self.vocabulary = vocabulary
        self.crop, self.side, self.most_crops = crop, side, most_crops
        # The released processor begins each of the two pieces of text anew.
        self._before = [vocabulary.begin, *vocabulary.ids(_BEFORE)]
        self._after = [vocabulary.begin, *vocabulary.ids(_AFTER)]
        self._words = vocabulary.words(self._before), vocabulary.words(self._after)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> ColPhi3VProcessor:
        """What `save_pretrained` wrote.

        Raises:
            InputError: it is not there.
        """
        return cls(Vocabulary.of(Path(folder)), **saved(Path(folder)))

    def save_pretrained(self, folder: str | Path) -> None:
        save(Path(folder), self.vocabulary, self._settings())

    def question(self, text: str) -> Prompt:
        vocabulary = self.vocabulary
        pads = vocabulary.tokenizer.pad_token * _AUGMENTATION
        # Twice the token for the beginning: the released processor writes it and has its tokenizer add it.
        ids = [vocabulary.begin]
        room = LONGEST - 2 * _AUGMENTATION
        ids += vocabulary.ids(f"{vocabulary.tokenizer.bos_token}{_QUESTION}{vocabulary.cut(text, room)}{pads}\n")
        return Prompt(tuple(ids), vocabulary.words(ids))

    def passage(self, text: str) -> Prompt:
        """In the conversation in which the model was trained to read pages, in the place of the picture and its order."""
        before, after = _PASSAGE
        vocabulary = self.vocabulary
        text = vocabulary.cut(text, LONGEST - 1 - len(vocabulary.ids(before + after)))
        ids = [vocabulary.begin, *vocabulary.ids(f"{before}{text}{after}")]
        return Prompt(tuple(ids), vocabulary.words(ids))

    def picture(self, image: Image) -> Prompt:
        pixels, (rows, columns) = self.views(self.squared(image))
        seen = self._boxes(rows, columns, *image.size)
        ids, words, boxes = around(seen, _PLACE, self._before, self._after, self._words)
        return Prompt(ids, words, pixels, (rows * self.crop, columns * self.crop), boxes)

    def squared(self, image: Image) -> Image:
        """The picture in the middle of a black square."""
        from PIL import ImageOps

        width, height = image.size
        across, down = _margins(width, height)
        side = max(width, height)
        edges = (across, down, side - width - across, side - height - down)
        return ImageOps.expand(image.convert("RGB"), edges)

    def views(self, image: Image) -> tuple[Tensor, tuple[int, int]]:
        """(1 + crops, 3, crop, crop), the whole picture first and its crops in the order of reading; their rows and
        columns."""
        size = self.crop
        pixels = normalised(pixels_of(hd_transform(image, size, self.most_crops)), _MEAN, _DEVIATION)
        whole = nn.functional.interpolate(pixels[None], (size, size), mode="bicubic", align_corners=False)
        return torch.cat([whole, crops(pixels, size)]), (pixels.shape[1] // size, pixels.shape[2] // size)

    def batch(self, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        inputs = padded(prompts, self.vocabulary.pad, left=True)
        pixels = [prompt.pixels for prompt in prompts if prompt.pixels is not None]
        if not pixels:
            return inputs
        values = nn.utils.rnn.pad_sequence(pixels, batch_first=True)
        return {**inputs, "pixel_values": values, "image_sizes": torch.tensor([prompt.size for prompt in prompts])}

    def describe(self) -> str:
        prompts = f"{_BEFORE}{_AFTER}{_PASSAGE}{_QUESTION}{_AUGMENTATION}"
        return f"{self._settings()} {prompts} {LONGEST} {_MEAN} {_DEVIATION}"

    def _boxes(self, rows: int, columns: int, width: int, height: int) -> NDArray[np.float64]:
        """(tokens of the picture, 4): NaN for separators, and for tokens that see nothing but the black around it."""
        none = np.full((1, 4), np.nan)
        square = np.concatenate(
            [self._ended(columns * self.side, rows * self.side), none, self._ended(*[self.side] * 2)]
        )
        across, down = _margins(width, height)
        side = max(width, height)
        boxes = (square * side - [across, down, across, down]) / [width, height, width, height]
        boxes = boxes.clip(0.0, 1.0)
        boxes[~((boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3]))] = np.nan
        return np.asarray(boxes)

    @staticmethod
    def _ended(columns: int, rows: int) -> NDArray[np.float64]:
        """Boxes of a grid, with one of NaN after each row for its separator."""
        cells = grid(rows, columns).reshape(rows, columns, 4)
        return np.concatenate([cells, np.full((rows, 1, 4), np.nan)], axis=1).reshape(-1, 4)

    def _settings(self) -> dict[str, int]:
        return {"crop": self.crop, "side": self.side, "most_crops": self.most_crops}


def _margins(width: int, height: int) -> tuple[int, int]:
    """Left of and above a picture in the middle of its square, in pixels."""
    side = max(width, height)
    return (side - width) // 2, (side - height) // 2
