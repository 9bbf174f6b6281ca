"""Examples into a batch: each distinct document once, items of one kind together, all as tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from svrag.training.batch import Batch, Chunk, Example, Item
from svrag.training.models.trainable import Trainable

if TYPE_CHECKING:
    from PIL.Image import Image


CPU_PASS = 16
"""Items that a CPU reads at once: with more of them, texts are padded further and activations leave its caches."""


class Collator:
    """What a loader calls on the examples of a batch, in its own process.

    Args:
        chunk: items of a chunk, at most; None: all of a kind are one.
        placeless: the loss compares queries that have a place with themselves without it.
    """

    def __init__(self, trainable: Trainable, *, chunk: int | None, placeless: bool) -> None:
        self._trainable, self._chunk, self._placeless = trainable, chunk, placeless

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """Raises:
        InputError: a picture cannot be read.
        """
        queries = [example.query for example in examples]
        documents: dict[int, Item] = {}
        for example in examples:
            for document in example.documents:
                documents.setdefault(document.number, document)
        row = {number: i for i, number in enumerate(documents)}
        most = max(len(example.documents) for example in examples)
        pool = torch.full((len(examples), most), -1)
        relevance = torch.zeros(len(examples), most)
        for i, example in enumerate(examples):
            count = len(example.documents)
            pool[i, :count] = torch.tensor([row[document.number] for document in example.documents])
            relevance[i, :count] = torch.tensor(example.relevance)
        placed = [(i, replace(query, place=None)) for i, query in enumerate(queries) if query.place]
        return Batch(
            queries=self.chunks(enumerate(queries), query=True),
            documents=self.chunks(enumerate(documents.values()), query=False),
            placeless=self.chunks(placed if self._placeless else (), query=True),
            pool=pool,
            relevance=relevance,
            query_numbers=torch.tensor([query.number for query in queries]),
            document_numbers=torch.tensor(list(documents)),
        )

    def spare(self, picture: bool) -> dict[str, Tensor]:
        """Inputs of one picture, or of one text, that stands for nothing."""
        return self._trainable.prepare([Item(picture=_Blank()) if picture else Item("?")], query=True)

    def chunks(self, numbered: Iterable[tuple[int, Item]], *, query: bool) -> tuple[Chunk, ...]:
        """Chunks of items with their rows: first of texts, then of pictures. Texts of similar length go together."""
        rows = list(numbered)
        texts = sorted(((i, item) for i, item in rows if not item.picture), key=lambda row: len(row[1].text))
        pictures = [(i, item) for i, item in rows if item.picture]
        return tuple(
            Chunk(
                self._trainable.prepare([item for _, item in some], query=query),
                torch.tensor([i for i, _ in some]),
            )
            for kind in (texts, pictures)
            for some in _split(kind, self._chunk)
        )


class _Blank:
    key = "blank"

    def open(self) -> Image:
        from PIL import Image

        return Image.new("RGB", (64, 64))


def _split(rows: list[tuple[int, Item]], size: int | None) -> Iterable[list[tuple[int, Item]]]:
    step = size or max(1, len(rows))
    return (rows[start : start + step] for start in range(0, len(rows), step))
