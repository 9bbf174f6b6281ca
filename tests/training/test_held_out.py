from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from svrag.errors import InputError
from svrag.training.batch import Chunk, Example, Item, TokenBatch
from svrag.training.collate import Collator
from svrag.training.held_out import evaluate

WORDS = ("red", "green", "blue", "grey")


class Words:
    """Inputs are which words a text has."""

    def prepare(self, items: Sequence[Item], *, query: bool) -> dict[str, Tensor]:
        return {"words": torch.tensor([[float(word in item.text) for word in WORDS] for item in items])}


def words_count(chunk: Chunk) -> TokenBatch:
    """One token: the words in common, and one more that is masked and would change all."""
    vectors = normalize(chunk.inputs["words"], dim=-1)[:, None]
    padded = torch.cat([vectors, torch.full_like(vectors, 9.0)], dim=1)
    return TokenBatch(padded, torch.tensor([[True, False]]).expand(len(vectors), -1))


def nothing(chunk: Chunk) -> TokenBatch:
    """All alike."""
    return TokenBatch(torch.ones(len(chunk.rows), 1, 4), torch.ones(len(chunk.rows), 1, dtype=torch.bool))


def measured(examples: list[Example], *, own_pool: bool = False, encode: object = words_count) -> dict[str, float]:
    collator = Collator(Words(), chunk=2, placeless=False)  # type: ignore[arg-type]
    return evaluate(encode, collator, examples, own_pool=own_pool)  # type: ignore[arg-type]


def example(query: str, relevance: dict[str, float]) -> Example:
    return Example(Item(query), tuple(Item(text) for text in relevance), tuple(relevance.values()))


def test_metrics_of_rankings_among_all_documents_and_among_the_questions_own() -> None:
    examples = [
        example("red", {"red and grey": 1.0, "blue": 0.0}),
        example("blue", {"blue and green and grey": 1.0, "grey": 0.0}),
    ]
    # "red" finds its document first; "blue" finds the other question's before its own.
    found = measured(examples)
    assert found["mrr"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["recall@1"] == 0.5
    assert found["recall@5"] == found["recall@10"] == 1.0
    assert 0.5 < found["ndcg@10"] < 1.0
    assert set(measured(examples, own_pool=True).values()) == {1.0}


def test_the_most_relevant_counts_for_recall_and_all_by_their_grade_for_ndcg() -> None:
    graded = {"red": 0.1, "red and blue": 1.0, "grey": 0.0}
    found = measured([example("red", graded)])
    assert found["recall@1"] == 0.0
    assert found["mrr"] == 0.5
    assert found["ndcg@10"] == pytest.approx((0.1 + 1.0 / 1.5849625) / (1.0 + 0.1 / 1.5849625), rel=1e-5)


def test_a_teachers_scores_may_be_any_numbers() -> None:
    found = measured([example("red", {"red": -1.0, "red and blue": -3.0, "grey": -8.0})])
    assert found["ndcg@10"] == found["recall@1"] == 1.0


def test_a_model_that_tells_nothing_apart_is_not_helped_by_the_order_of_documents() -> None:
    examples = [example("red", {f"red {n} {m}": float(m == 0) for m in range(4)}) for n in range(60)]
    assert measured(examples, own_pool=True, encode=nothing)["recall@1"] < 0.5


def test_questions_without_an_answer_do_not_count_and_no_answers_at_all_are_an_error() -> None:
    answered, not_answered = example("red", {"red": 1.0}), example("blue", {"grey": 0.0})
    assert measured([answered, not_answered])["mrr"] == 1.0
    with pytest.raises(InputError, match=r"none of the held-out examples has a relevant document.*data\.held_out"):
        measured([not_answered])
