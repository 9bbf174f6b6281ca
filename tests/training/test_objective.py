"""Who is compared with whom, and that sums over queries are what a step adds up."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from svrag.training.batch import Batch, Scored, TokenBatch
from svrag.training.config import LossPart
from svrag.training.losses.consistency import Consistency
from svrag.training.losses.coverage import Coverage
from svrag.training.losses.grcl import GRCL
from svrag.training.losses.infonce import InfoNCE
from svrag.training.objective import Objective
from svrag.training.scoring import maxsim, maxsim_pool
from svrag.training.vectors import encode
from tests.training.made import OBJECTIVES, batch, tokens
from tests.training.small import Small, batch_of, difference, encoder, gradient_of, questions


def _loss(queries: TokenBatch, documents: TokenBatch, of: Batch, part: LossPart) -> Tensor:
    return Objective(part)(of, queries, documents, None)


def test_documents_of_other_queries_are_candidates_without_relevance() -> None:
    queries, documents = tokens(2, 3, seed=1), tokens(4, 5, seed=2)
    of = batch([[1, 0], [3, -1]], [[1.0, 0.3], [0.8, 0.0]], [10, 11, 12, 13])
    scored = Scored(
        maxsim(queries, documents),
        torch.tensor([[0.3, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.8]]),
        torch.ones(2, 4, dtype=torch.bool),
    )
    assert torch.allclose(_loss(queries, documents, of, LossPart(name="grcl")), GRCL(1.0, binary=False)(scored).sum())


def test_own_documents_from_other_queries_are_no_candidates() -> None:
    """As they come from another process: rows 0 and 2 are one document, and so are 1 and 3."""
    queries, documents = tokens(2, 3, seed=1), tokens(5, 5, seed=2)
    of = batch([[0, 4], [3, -1]], [[1.0, 0.0], [1.0, 0.0]], [7, 8, 7, 8, 9])
    candidate = torch.tensor([[True, True, False, False, True], [True, False, False, True, True]])
    relevance = torch.tensor([[1.0, 0, 0, 0, 0], [0, 0, 0, 1.0, 0]])
    wanted = InfoNCE(1.0)(Scored(maxsim(queries, documents), relevance, candidate)).sum()
    assert torch.allclose(_loss(queries, documents, of, LossPart(name="infonce")), wanted)


def test_what_answers_an_equal_question_is_no_negative() -> None:
    """Questions 0 and 2 are one text with an answer each; a further document of question 2 is irrelevant to both."""
    queries, documents = tokens(3, 3, seed=1), tokens(4, 5, seed=2)
    of = replace(
        batch([[0, -1], [1, -1], [2, 3]], [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], [7, 8, 9, 10]),
        query_numbers=torch.tensor([5, 6, 5]),
    )
    candidate = torch.tensor([[True, True, False, True], [True] * 4, [False, True, True, True]])
    relevance = torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0]])
    wanted = InfoNCE(1.0)(Scored(maxsim(queries, documents), relevance, candidate)).sum()
    assert torch.allclose(_loss(queries, documents, of, LossPart(name="infonce")), wanted)


def test_pools_are_apart() -> None:
    queries, documents = tokens(2, 3, seed=1), tokens(4, 5, seed=2)
    of = batch([[1, 0], [3, -1]], [[1.0, 0.3], [0.8, 0.0]], [10, 11, 12, 13])
    part = LossPart(name="grcl", candidates="pool", score="mean", temperature=0.1)
    scored = Scored(maxsim_pool(queries, documents, of.pool, mean=True), of.relevance, of.pool >= 0)
    assert torch.allclose(_loss(queries, documents, of, part), GRCL(0.1, binary=False)(scored).sum())


@pytest.mark.parametrize("candidates", ["pool", "batch"])
def test_terms_are_added_with_their_weights(candidates: str) -> None:
    """The consistency term is of the queries that have a place: here the second has none."""
    queries, documents, placeless = tokens(2, 3, seed=1), tokens(4, 5, seed=2), tokens(2, 3, seed=3)
    placeless.mask[1] = False
    of = batch([[0, 1, 2, 3], [3, 2, 1, 0]], [[1.0, 0.3, 0.0, 0.0], [0.8, 0.0, 0.0, 0.6]], [10, 11, 12, 13])
    part = LossPart.model_validate(
        {"name": "grcl", "candidates": candidates, "coverage": 0.3, "coverage_depth": 2, "consistency": 0.5}
    )
    scored = Scored(maxsim_pool(queries, documents, of.pool), of.relevance, of.pool >= 0)
    changes = Consistency(1.0)(scored, maxsim_pool(placeless, documents, of.pool))
    wanted = GRCL(1.0, binary=False)(scored).sum() + 0.3 * Coverage(2)(scored).sum() + 0.5 * changes[0]
    objective = Objective(part)
    assert objective.needs_placeless
    assert torch.allclose(objective(of, queries, documents, placeless), wanted)
    without = objective(of, queries, documents, None)
    assert torch.allclose(without, wanted - 0.5 * changes[0])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_order_of_the_batch_changes_nothing(name: str) -> None:
    objective = Objective(OBJECTIVES[name])
    asked = questions(6)
    results = []
    for some in (asked, asked[::-1], [asked[i] for i in (3, 1, 5, 0, 2, 4)]):
        model = Small()
        of = batch_of(some, 2, placeless=objective.needs_placeless)
        loss = objective(of, *encode(encoder(model), of))
        loss.backward()
        results.append((loss.detach(), gradient_of(model)))
    for loss, gradient in results[1:]:
        assert difference(loss, results[0][0]) < 1e-5
        assert difference(gradient, results[0][1]) < 1e-5


@pytest.mark.parametrize("name", [name for name, part in OBJECTIVES.items() if part.candidates == "pool"])
def test_eight_batches_of_one_are_one_of_eight(name: str) -> None:
    objective = Objective(OBJECTIVES[name])
    at_once, one_by_one = Small(), Small()
    of = batch_of(questions(8), 3, placeless=objective.needs_placeless)
    whole = objective(of, *encode(encoder(at_once), of))
    (whole / 8).backward()
    total = torch.zeros(())
    for question in questions(8):
        of = batch_of([question], 3, placeless=objective.needs_placeless)
        loss = objective(of, *encode(encoder(one_by_one), of))
        (loss / 8).backward()
        total += loss.detach()
    assert difference(total, whole.detach()) < 1e-5
    assert difference(gradient_of(one_by_one), gradient_of(at_once)) < 1e-5


@pytest.mark.parametrize("candidates", ["pool", "batch"])
def test_gradients_of_vectors_are_those_of_finite_differences(candidates: str) -> None:
    """Of queries and documents without the consistency term, whose target has none, and of that term by itself."""
    queries, documents, placeless = (tokens(3, 2, 4, seed=seed, dtype=torch.float64) for seed in (1, 2, 3))
    of = batch([[0, 1], [2, -1], [1, 2]], [[1.0, 0.3], [0.8, 0.0], [0.0, 1.0]], [10, 11, 10])
    of = replace(of, relevance=of.relevance.double())
    terms = {"name": "grcl", "candidates": candidates, "coverage": 0.3, "coverage_depth": 1}
    plain = Objective(LossPart.model_validate(terms))
    consistent = Objective(LossPart.model_validate({**terms, "consistency": 0.5}))

    def of_both(q: Tensor, d: Tensor) -> Tensor:
        return plain(of, TokenBatch(q, queries.mask), TokenBatch(d, documents.mask), None)

    def of_placeless(p: Tensor) -> Tensor:
        return consistent(of, queries, documents, TokenBatch(p, placeless.mask))

    vectors = (queries.vectors.clone().requires_grad_(), documents.vectors.clone().requires_grad_())
    assert torch.autograd.gradcheck(of_both, vectors)
    assert torch.autograd.gradcheck(of_placeless, placeless.vectors.requires_grad_())
