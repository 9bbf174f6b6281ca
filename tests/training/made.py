"""Random token vectors, batches and scores for tests of the training mathematics."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from svrag.training.batch import Batch, Chunk, Scored, TokenBatch
from svrag.training.config import LossPart

OBJECTIVES = {
    "infonce": LossPart(name="infonce", temperature=0.2, score="mean"),
    "infonce_pool": LossPart(name="infonce", candidates="pool"),
    "pairwise": LossPart(name="pairwise"),
    "negatives": LossPart(name="negatives", candidates="pool", temperature=0.5),
    "grcl": LossPart(name="grcl", temperature=0.1, score="mean", coverage=0.3, coverage_depth=2, consistency=0.5),
    "grcl_pool": LossPart(name="grcl", candidates="pool", coverage=0.3, coverage_depth=1, consistency=0.5),
    "grcl_binary": LossPart(name="grcl_binary", temperature=0.3),
    "triplet": LossPart(name="triplet", candidates="pool", margin=2.0),
    "kl_distillation": LossPart(name="kl_distillation", candidates="pool", temperature=0.5),
    "margin_mse": LossPart(name="margin_mse", candidates="pool"),
}
"""Every loss, over every kind of candidates that it can have, with every term."""


def tokens(items: int, length: int, width: int = 6, *, seed: int, dtype: torch.dtype = torch.float32) -> TokenBatch:
    """Vectors of length 1; items have 1 to `length` tokens, some padded on the left, and pads are not 0."""
    made = torch.Generator().manual_seed(seed)
    vectors = normalize(torch.randn(items, length, width, generator=made, dtype=dtype), dim=-1)
    counts = torch.randint(1, length + 1, (items, 1), generator=made)
    mask = torch.arange(length) < counts
    left = torch.rand(items, 1, generator=made) < 0.5
    return TokenBatch(vectors, torch.where(left, mask.flip(1), mask))


def scored(queries: int, candidates: int, *, seed: int, dtype: torch.dtype = torch.float64) -> Scored:
    """One positive of relevance 1 at least, some between 0 and 1, many 0, some no candidates."""
    made = torch.Generator().manual_seed(seed)
    scores = torch.randn(queries, candidates, generator=made, dtype=dtype)
    relevance = torch.rand(queries, candidates, generator=made)
    relevance[torch.rand(queries, candidates, generator=made) < 0.5] = 0.0
    candidate = torch.rand(queries, candidates, generator=made) < 0.8
    positive = torch.randint(0, candidates, (queries, 1), generator=made)
    candidate.scatter_(1, positive, True)
    relevance = (relevance * candidate).scatter(1, positive, 1.0)
    return Scored(scores, relevance, candidate)


def chunk(rows: list[int], **inputs: Tensor) -> Chunk:
    return Chunk(inputs, torch.tensor(rows))


def batch(pool: list[list[int]], relevance: list[list[float]], numbers: list[int]) -> Batch:
    """With no chunks, for what is after the model.

    Args:
        numbers: of the documents.
    """
    return Batch(
        (), (), (), torch.tensor(pool), torch.tensor(relevance), torch.arange(len(pool)), torch.tensor(numbers)
    )
