"""From token vectors to the number that a step makes smaller: who is compared with whom, scores, losses, their sum.

A pure function of vectors, which knows no model: plain steps call it with vectors that carry gradients, cached ones
(`svrag.training.cached`) with vectors alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from svrag.training.batch import Batch, Scored, TokenBatch
from svrag.training.config import LossPart
from svrag.training.gather import gather_documents, gather_rows
from svrag.training.losses.choose import loss_of
from svrag.training.losses.consistency import Consistency
from svrag.training.losses.coverage import Coverage
from svrag.training.losses.flops import FLOPS
from svrag.training.pooling import DocumentPooling
from svrag.training.scoring import maxsim, maxsim_pool


class Objective:
    """A loss with its terms, summed over the questions of this process.

    Sums, because means of unequal parts do not add up: the trainer multiplies with processes / questions of the whole
    step, of all processes and accumulated batches, and DDP's averaging of gradients does the rest.

    Attributes:
        needs_placeless: whether queries have to be encoded without their places too.
        shortened: ways in which a document's vectors are pooled for evaluation: as they are, or by each factor.
    """

    def __init__(
        self, part: LossPart, *, pooling: DocumentPooling | None = None, sparsity: FLOPS | None = None
    ) -> None:
        self._part, self._pooling, self._sparsity = part, pooling, sparsity
        self._loss = loss_of(part)
        self._coverage = Coverage(part.coverage_depth)
        self._consistency = Consistency(part.temperature)
        self.needs_placeless = part.consistency > 0
        self.shortened = pooling.shortened() if pooling else (lambda vectors: vectors,)

    def __call__(
        self, batch: Batch, queries: TokenBatch, documents: TokenBatch, placeless: TokenBatch | None, *, step: int = 0
    ) -> Tensor:
        """The sum, () float32. With candidates of the batch, all processes have to call it.

        Args:
            queries, documents: rows as in `batch`.
            placeless: rows as in `queries`; one without tokens has no place, and no consistency term. None where no
                query has a place.
            step: of the run, from 0: what is drawn for each step is the same in all processes and after a resumption.
        """
        if self._pooling:
            documents = self._pooling(documents, step)
        score: Callable[[TokenBatch], Tensor]
        mean = self._part.score == "mean"
        if self._part.candidates == "pool":
            relevance, candidate = batch.relevance, batch.pool >= 0
            score = partial(maxsim_pool, documents=documents, pool=batch.pool, mean=mean)
        else:
            everyone, numbers, begin = gather_documents(documents, batch.document_numbers)
            relevance, candidate = _among_all(batch, numbers, begin)
            score = partial(maxsim, documents=everyone, mean=mean)

        scored = Scored(score(queries), relevance, candidate)
        total = self._loss(scored)
        if self._part.coverage:
            total = total + self._part.coverage * self._coverage(scored)
        if self._part.consistency and placeless is not None:
            change = self._consistency(scored, score(placeless)) * placeless.mask.any(1)
            total = total + self._part.consistency * change
        if self._sparsity:
            total = total + self._sparsity(queries, documents, step)  # to each question: the step takes their mean
        return total.sum()


def _among_all(batch: Batch, numbers: Tensor, begin: int) -> tuple[Tensor, Tensor]:
    """Relevance and candidates of each query among the documents of all processes.

    A document that several processes hold is a candidate once. A query's own documents are candidates where its own
    process holds them. What answers an equal question of the batch is no candidate: it answers this one too.

    Args:
        numbers: of all documents.
        begin: where those of this process are.

    Returns:
        (queries, all documents) float32 and bool.
    """
    distinct, group = torch.unique(numbers, return_inverse=True)
    rows = torch.arange(len(numbers), device=numbers.device)
    first = torch.full_like(distinct, len(numbers)).scatter_reduce(0, group, rows, "amin")[group] == rows

    # What pads a pool goes into one column more than there are documents, or groups of equal ones.
    present = batch.pool >= 0
    places = torch.where(present, batch.pool + begin, len(numbers))
    groups = torch.where(present, group[batch.pool + begin], len(distinct))
    relevance = batch.relevance.new_zeros(len(places), len(numbers) + 1).scatter_reduce(
        1, places, batch.relevance, "amax"
    )
    own = present.new_zeros(len(places), len(numbers) + 1).scatter(1, places, True)
    equal = present.new_zeros(len(places), len(distinct) + 1).scatter(1, groups, True)[:, group]
    return relevance[:, :-1], own[:, :-1] | (first & ~equal & ~_answers_equal_question(batch, distinct, group))


def _answers_equal_question(batch: Batch, distinct: Tensor, group: Tensor) -> Tensor:
    """Which documents are relevant to a question of any process that is equal to this one: (queries, documents).

    Args:
        distinct, group: numbers of all processes' documents, ascending, and of each document which of them it has.
    """
    relevant = (batch.pool >= 0) & (batch.relevance > 0)
    asked = batch.query_numbers[:, None].expand_as(batch.pool)[relevant]
    pairs = gather_rows(torch.stack([asked, batch.document_numbers[batch.pool[relevant]]], dim=1))
    query, pair = torch.nonzero(batch.query_numbers[:, None] == pairs[:, 0], as_tuple=True)
    found = torch.zeros(len(batch.pool), len(distinct), dtype=torch.bool, device=group.device)
    found[query, torch.searchsorted(distinct, pairs[pair, 1].contiguous())] = True
    return found[:, group]
