"""Chunks of a batch, encoded one by one and put together again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from svrag.training.batch import Batch, Chunk, TokenBatch


class Vectors(NamedTuple):
    """Of a batch: what an objective takes.

    Attributes:
        placeless: of the queries encoded once more without their places, in rows of `queries`; a query that has no
            place has no token here. None where the batch holds none.
    """

    queries: TokenBatch
    documents: TokenBatch
    placeless: TokenBatch | None


def encode(model: Callable[[Chunk], TokenBatch], batch: Batch) -> Vectors:
    """All vectors of a batch, chunk by chunk: queries, then documents, then queries without places."""
    return together(batch, [model(chunk) for chunk in chunks_of(batch)])


def chunks_of(batch: Batch) -> tuple[Chunk, ...]:
    return (*batch.queries, *batch.documents, *batch.placeless)


def together(batch: Batch, parts: Sequence[TokenBatch]) -> Vectors:
    """The rows of a batch from its chunks.

    Args:
        parts: one per chunk of `chunks_of(batch)`.
    """
    first, second = len(batch.queries), len(batch.queries) + len(batch.documents)
    queries = len(batch.query_numbers)
    return Vectors(
        _rows(batch.queries, parts[:first], queries),
        _rows(batch.documents, parts[first:second], len(batch.document_numbers)),
        _rows(batch.placeless, parts[second:], queries) if batch.placeless else None,
    )


def _rows(chunks: Sequence[Chunk], parts: Sequence[TokenBatch], count: int) -> TokenBatch:
    like, longest = parts[0], max(part.mask.shape[1] for part in parts)
    vectors: Tensor = like.vectors.new_zeros(count, longest, like.vectors.shape[2])
    mask = like.mask.new_zeros(count, longest)
    for chunk, part in zip(chunks, parts, strict=True):
        length = part.mask.shape[1]
        vectors[chunk.rows, :length] = part.vectors.to(vectors.dtype)
        mask[chunk.rows, :length] = part.mask
    return TokenBatch(vectors, mask)
