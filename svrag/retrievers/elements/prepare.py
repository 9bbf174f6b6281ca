"""Texts and pictures with their places as the tensors that an element-graph encoder takes. Runs no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from svrag.graph.places import Place
from svrag.retrievers.elements.config import ElementConfig
from svrag.retrievers.elements.gpe import features_of
from svrag.retrievers.elements.towers import Towers, reads, tokens_of_picture
from svrag.retrievers.multivector.layout import grid
from svrag.retrievers.multivector.pictures import readable

if TYPE_CHECKING:
    from PIL.Image import Image

_EMPTY = "(empty)"  # what the published adapters were trained to read where an element has no words


class Inputs:
    """Of one encoder. Not to be used by two threads at once: fast tokenizers cannot be.

    Attributes:
        longest: tokens of a text that are read.
    """

    def __init__(self, config: ElementConfig, towers: Towers) -> None:
        self._config = config
        self._tokenizer = towers.tokenizer
        self._pictures = towers.pictures
        self._words: dict[int, str] = {}
        self.longest = reads(config, towers.text, towers.tokenizer)
        self._side = tokens_of_picture(config, towers.vision) if towers.vision is not None else 0

    def texts(self, texts: Sequence[str], places: Sequence[Place | None] | None = None) -> dict[str, Tensor]:
        """What the network takes of them: padded on the right to the longest, cut to what it reads.

        Padding is told from the tokens' number alone: some tokenizers (SigLIP's) give no mask.

        Args:
            places: of each, None where it has none; questions have none.
        """
        told = self._tokenizer(
            [text if text.strip() else _EMPTY for text in texts],
            truncation=True,
            max_length=self.longest,
            split_special_tokens=True,  # a text about "</s>" does not end there
        )["input_ids"]
        most = max(map(len, told), default=0)
        pad = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([[*one, *(most - len(one)) * [pad]] for one in told], dtype=torch.int64)
        lengths = torch.tensor([len(one) for one in told])
        mask = (torch.arange(most) < lengths[:, None]).long()
        return {"input_ids": ids, "attention_mask": mask, **self._places(places, len(texts))}

    def pictures(self, images: Sequence[Image], places: Sequence[Place | None] | None = None) -> dict[str, Tensor]:
        """What the network takes of them, whatever their sizes and modes."""
        made = self._pictures([readable(image) for image in images], return_tensors="pt")
        return {"pixel_values": made["pixel_values"], **self._places(places, len(images))}

    def boxes(self, size: tuple[int, int]) -> NDArray[np.float32]:
        """(tokens, 4): what each token of a picture of `size` (width, height) sees of it, from 0 to 1."""
        width, height = size
        across = down = 1.0
        if self._pictures.to_dict().get("do_center_crop"):  # CLIP scales the shorter side, and cuts the longer
            across, down = min(width, height) / width, min(width, height) / height
        within = ((1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2)
        return grid(self._side, self._side, within).astype(np.float32)

    def words(self, ids: Tensor) -> tuple[str, ...]:
        """What tokens stand for, for people."""
        for token in set(ids.tolist()) - self._words.keys():
            self._words[token] = str(self._tokenizer.decode([token]))
        return tuple(self._words[token] for token in ids.tolist())

    def describe(self) -> str:
        """All settings that decide what the network sees."""
        pictures = sorted((key, str(value)) for key, value in self._pictures.to_dict().items()) if self._side else []
        return repr((self.longest, self._side, [entry for entry in pictures if not entry[0].startswith("_")]))

    def _places(self, places: Sequence[Place | None] | None, count: int) -> dict[str, Tensor]:
        """Told of questions too, as absent: every input has the same keys, and every weight a gradient."""
        return features_of(places if places is not None else [None] * count) if self._config.facets else {}
