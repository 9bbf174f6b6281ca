"""What passes between data, models and losses: examples, batches of them as tensors, token vectors.

One shape serves all data: a question with the documents it is compared with, and how relevant each is. Pairs with hard
negatives, triplets, a teacher's scored lists and the pools of an element graph differ only in what fills it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from svrag.graph.places import Place

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor


class Picture(Protocol):
    """A picture that is opened when its batch is made. Equal ones are one document."""

    def open(self) -> Image:
        """In RGB.

        Raises:
            InputError: it cannot be read.
        """
        ...

    @property
    def key(self) -> str:
        """The same for the same picture, in every process and every run."""
        ...


@dataclass(frozen=True, slots=True)
class Item:
    """What a model turns into token vectors: a picture, or else a text.

    Attributes:
        place: where an element stands in its document; None of questions and of what is no element.
    """

    text: str = ""
    picture: Picture | None = None
    place: Place | None = None

    @property
    def number(self) -> int:
        """63 bits of a hash: equal items have equal numbers in every process."""
        what = self.picture.key if self.picture else self.text
        digest = hashlib.blake2b(f"{what}\0{self.place}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 1


@dataclass(frozen=True, slots=True)
class Example:
    """A question, or an element that stands for one, and the documents it is compared with.

    Attributes:
        relevance: of each document: 1 and 0, graph relevance, or a teacher's scores as they are.
    """

    query: Item
    documents: tuple[Item, ...]
    relevance: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some items of one kind, ready for the model.

    Attributes:
        inputs: what the model's `forward` takes, each (n, ...).
        rows: (n,) int64, which of a batch's queries or documents they are.
    """

    inputs: Mapping[str, Tensor]
    rows: Tensor

    def to(self, device: str | torch.device, non_blocking: bool = False) -> Chunk:
        moved = {key: value.to(device, non_blocking=non_blocking) for key, value in self.inputs.items()}
        return Chunk(moved, self.rows.to(device, non_blocking=non_blocking))


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples as tensors; each distinct document is in it once.

    Attributes:
        queries, documents: their chunks, which together hold each row once.
        placeless: the queries that have a place, once more without it; rows are those of `queries`. Empty unless the
            loss asks for them.
        pool: (queries, most documents of one) int64, rows of `documents`; -1 where a query has fewer.
        relevance: of the same shape, float32; 0 where `pool` is -1.
        query_numbers, document_numbers: `Item.number` of each, int64.
    """

    queries: tuple[Chunk, ...]
    documents: tuple[Chunk, ...]
    placeless: tuple[Chunk, ...]
    pool: Tensor
    relevance: Tensor
    query_numbers: Tensor
    document_numbers: Tensor

    def to(self, device: str | torch.device, non_blocking: bool = False) -> Batch:
        def moved(chunks: tuple[Chunk, ...]) -> tuple[Chunk, ...]:
            return tuple(chunk.to(device, non_blocking) for chunk in chunks)

        return replace(
            self,
            queries=moved(self.queries),
            documents=moved(self.documents),
            placeless=moved(self.placeless),
            pool=self.pool.to(device, non_blocking=non_blocking),
            relevance=self.relevance.to(device, non_blocking=non_blocking),
            query_numbers=self.query_numbers.to(device, non_blocking=non_blocking),
            document_numbers=self.document_numbers.to(device, non_blocking=non_blocking),
        )


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Token vectors of several items.

    Attributes:
        vectors: (items, tokens, dimension), of length 1 at real tokens.
        mask: (items, tokens) bool, False at padding.
    """

    vectors: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class Scored:
    """What a loss sees: each query against its candidates, all documents of all processes' batches or its own pool.

    Attributes:
        scores: (queries, candidates).
        relevance: (queries, candidates) float32; 0 of documents that came with other queries.
        candidate: (queries, candidates) bool: False at padding and, among documents of other queries, at those that
            are one of the query's own documents too.
    """

    scores: Tensor
    relevance: Tensor
    candidate: Tensor


class Loss(Protocol):
    """A loss: one value per query, (queries,) float32. The trainer sums them and divides by the queries of the step."""

    def __call__(self, scored: Scored) -> Tensor: ...
