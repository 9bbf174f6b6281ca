"""Questions, texts and pictures as the decoder reads them: token numbers, pixels, and what of the picture each sees.

What the two processors share. A prompt is made for one input alone; padding comes with the batch. Runs no model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from svrag.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import PreTrainedTokenizerFast


SETTINGS = "processor_config.json"
"""Where `save_pretrained` of a processor writes what its tokenizer's files do not say."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One input.

    Attributes:
        ids: a number for each token.
        words: what each token stands for, for people; "" of special tokens and of a picture's.
        pixels: (views, 3, size, size) float32 of a picture.
        size: height and width, in pixels, of the views side by side, where the model wants to know it.
        boxes: (tokens, 4) float32 of a picture, as in `Tokens`.
    """

    ids: tuple[int, ...]
    words: tuple[str, ...]
    pixels: Tensor | None = None
    size: tuple[int, int] = (0, 0)
    boxes: NDArray[np.float32] | None = None


class Processor(Protocol):
    """What `Encoder` asks of a processor."""

    def question(self, text: str) -> Prompt: ...
    def passage(self, text: str) -> Prompt: ...
    def picture(self, image: Image) -> Prompt:
        """May be called by several threads at once, unlike the others: takes no tokenizer."""
        ...

    def batch(self, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        """What the model takes: prompts are padded to the length of the longest."""
        ...

    def describe(self) -> str:
        """All settings that decide what a model sees."""
        ...


class Vocabulary:
    """A checkpoint's tokenizer, from its tokenizer.json: text into numbers, neither cut nor padded.

    Attributes:
        begin: number of the token that begins every prompt.
        pad: number of the token that fills batches.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Raises:
        InputError: the tokenizer has no token for the beginning or for padding.
        """
        if tokenizer.bos_token_id is None or tokenizer.pad_token_id is None:
            raise InputError("the tokenizer lacks bos_token or pad_token: get the checkpoint again")
        self.tokenizer = tokenizer
        self.begin: int = tokenizer.bos_token_id
        self.pad: int = tokenizer.pad_token_id
        self._special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}

    @classmethod
    def of(cls, folder: Path) -> Vocabulary:
        """Raises:
        InputError: there is no tokenizer in the folder, or it is broken.
        """
        from transformers import PreTrainedTokenizerFast

        if not (folder / "tokenizer.json").is_file():
            raise InputError(f"{folder} lacks tokenizer.json: get the checkpoint again")
        try:
            return cls(PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"the tokenizer in {folder} is broken ({error}): get the checkpoint again") from None

    def number(self, token: str) -> int:
        """Raises:
        InputError: there is no such token.
        """
        number = self.tokenizer.get_vocab().get(token)
        if number is None:
            raise InputError(f"the tokenizer lacks the token {token}: it belongs to another model")
        return int(number)

    def ids(self, text: str) -> list[int]:
        """Without a token for the beginning, unless the text has it."""
        return list(self.tokenizer(text, add_special_tokens=False, return_attention_mask=False)["input_ids"])

    def cut(self, text: str, longest: int) -> str:
        """The beginning of `text`, in at most so many tokens."""
        spans = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        return text if len(spans) <= longest else text[: spans[longest - 1][1]]

    def words(self, ids: Sequence[int]) -> tuple[str, ...]:
        """As `Prompt.words`."""
        return tuple("" if i in self._special else str(self.tokenizer.decode([i])) for i in ids)


def save(folder: Path, vocabulary: Vocabulary, settings: Mapping[str, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary.tokenizer.save_pretrained(folder)
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", "utf-8")


def saved(folder: Path) -> dict[str, int]:
    """Settings of the processor in this folder.

    Raises:
        InputError: they are not there, or broken.
    """
    try:
        return {key: int(value) for key, value in json.loads((folder / SETTINGS).read_text("utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / SETTINGS} cannot be read ({error}): get the checkpoint again") from None


def around(
    picture: NDArray[np.float64],
    place: int,
    before: Sequence[int],
    after: Sequence[int],
    words: tuple[tuple[str, ...], tuple[str, ...]],
) -> tuple[tuple[int, ...], tuple[str, ...], NDArray[np.float32]]:
    """ids, words and boxes of a prompt with a picture in the midst of texts.

    Args:
        picture: (tokens, 4), what each of the picture's tokens sees of it.
        place: number of a picture's token.
        before, after: numbers of the tokens around it.
        words: of `before` and of `after`.
    """
    count = len(picture)
    ids = (*before, *[place] * count, *after)
    boxes = np.full((len(ids), 4), np.nan, dtype=np.float32)
    boxes[len(before) :][:count] = picture
    return ids, (*words[0], *[""] * count, *words[1]), boxes


def padded(prompts: Sequence[Prompt], pad: int, *, left: bool) -> dict[str, Tensor]:
    """input_ids and attention_mask, (prompts, longest) each."""
    longest = max(len(prompt.ids) for prompt in prompts)
    ids = torch.full((len(prompts), longest), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        length = len(prompt.ids)
        place = slice(longest - length, longest) if left else slice(length)
        ids[row, place] = torch.tensor(prompt.ids)
        mask[row, place] = 1
    return {"input_ids": ids, "attention_mask": mask}


def pixels_of(image: Image) -> Tensor:
    """(3, height, width) of an RGB picture, from 0 to 255."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def normalised(pixels: Tensor, mean: Sequence[float], deviation: Sequence[float]) -> Tensor:
    """(..., 3, height, width) float32: each colour from 0 to 1, then shifted and scaled."""
    values = pixels.float().div_(255)
    return values.sub_(torch.tensor(mean)[:, None, None]).div_(torch.tensor(deviation)[:, None, None])


def crops(pixels: Tensor, size: int) -> Tensor:
    """(crops, 3, size, size) in the order of reading, of a picture of whole crops, (3, height, width)."""
    rows, columns = pixels.shape[1] // size, pixels.shape[2] // size
    return pixels.reshape(3, rows, size, columns, size).permute(1, 3, 0, 2, 4).reshape(-1, 3, size, size)
