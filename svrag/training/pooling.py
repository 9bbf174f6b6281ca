"""Pooling of documents' token vectors inside a training step: a ColBERT learns vectors that can be pooled.

Learn to Pool (arXiv 2607.06036): each step draws a factor; the tokens of each document are put into clusters, with no
gradient through that choice; the means of the clusters, of length 1, are what questions are compared with, and carry
gradients to every token. Questions are not pooled. The clusters are those of indexing (svrag.retrievers.maxsim.pooling).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from svrag.retrievers.maxsim.kmeans import kmeans
from svrag.retrievers.maxsim.pooling import clusters
from svrag.training.batch import TokenBatch
from svrag.training.config import Pooling

Method = Literal["span", "hierarchical", "kmeans"]


class DocumentPooling:
    """What a recipe says of pooling.

    Args:
        seed: of the factors.
    """

    def __init__(self, part: Pooling, seed: int) -> None:
        self._part, self._seed = part, seed

    def __call__(self, documents: TokenBatch, step: int) -> TokenBatch:
        """The documents of a step of the run, counted from 0."""
        return pooled(documents, self.factor(step), self._part.method)

    def factor(self, step: int) -> int:
        """Of a step: the same in all processes, and after a resumption."""
        return random.Random(f"pooling/{self._seed}/{step}").randint(self._part.least, self._part.most)

    def shortened(self) -> Sequence[Callable[[Tensor], Tensor]]:
        """For evaluation: a document's (tokens, dimension) by each factor."""
        return [
            partial(_one, factor=i, method=self._part.method) for i in range(self._part.least, self._part.most + 1)
        ]


def pooled(documents: TokenBatch, factor: int, method: Method) -> TokenBatch:
    """max(1, n // factor) vectors of length 1 in place of the n of each document; those of factor 1 are as they were."""
    if factor == 1:
        return documents
    counts = documents.mask.sum(1)
    wanted = torch.minimum(counts, (counts // factor).clamp(min=1))
    most = int(wanted.max()) if len(wanted) else 0
    labels = _labels(documents.vectors.detach(), documents.mask, wanted, method)
    # Padding goes into one cluster more. A product adds in one order, on a GPU too.
    member = one_hot(labels.where(documents.mask, most), most + 1)[:, :, :most].to(documents.vectors.dtype)
    real = documents.vectors.masked_fill(~documents.mask[:, :, None], 0.0)
    mask = torch.arange(most, device=wanted.device) < wanted[:, None]
    return TokenBatch(normalize(member.mT @ real, dim=-1), mask)


def _labels(vectors: Tensor, mask: Tensor, wanted: Tensor, method: Method) -> Tensor:
    """(documents, tokens) int64, the cluster of each token; anything at padding."""
    if method == "kmeans":
        return kmeans(vectors, mask, wanted)
    labels = torch.full(mask.shape, -1)
    full = vectors.float().cpu().numpy()
    for i, there in enumerate(mask.cpu()):
        if there.any():
            labels[i, there] = torch.from_numpy(clusters(full[i][there.numpy()], int(wanted[i]), method))
    return labels.to(mask.device)


def _one(vectors: Tensor, factor: int, method: Method) -> Tensor:
    mask = torch.ones(1, len(vectors), dtype=torch.bool, device=vectors.device)
    return pooled(TokenBatch(vectors[None], mask), factor, method).vectors[0]
