"""What the libraries' losses take, from one positive per query and the same number of negatives for each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from svrag.training.batch import TokenBatch
from tests.training.made import tokens


class Given(nn.Module):
    """In place of a sentence-transformers model: what it is given is what it has encoded."""

    def forward(self, features: dict[str, Any], task: str | None = None) -> dict[str, Any]:
        return features


def column(items: TokenBatch) -> dict[str, Tensor]:
    return {"token_embeddings": items.vectors, "attention_mask": items.mask}


def lists(queries: int, each: int, *, seed: int) -> tuple[TokenBatch, list[TokenBatch], TokenBatch, Tensor]:
    """Queries, columns of documents, the same documents in one batch, and the pools that say which are whose."""
    columns = [tokens(queries, 5, seed=seed + 1 + i) for i in range(each)]
    together = TokenBatch(torch.cat([c.vectors for c in columns]), torch.cat([c.mask for c in columns]))
    pool = torch.arange(queries * each).reshape(each, queries).T.contiguous()
    return tokens(queries, 4, seed=seed), columns, together, pool


def zeroed(items: TokenBatch) -> Tensor:
    """As colpali-engine has pads."""
    return items.vectors * items.mask[:, :, None]


def unpadded(items: int, length: int, *, seed: int) -> TokenBatch:
    """Of equal lengths: colpali-engine's scores depend on padding otherwise."""
    vectors = tokens(items, length, seed=seed).vectors
    return TokenBatch(vectors, torch.ones(vectors.shape[:2], dtype=torch.bool))
