from __future__ import annotations

from dataclasses import replace

import pytest

from svrag.evaluation.answers import answer_metrics, exact_match
from svrag.evaluation.question import EvalQuestion
from svrag.generation.answer import NOT_FOUND, Answer

QUESTION = EvalQuestion("q", "a.pdf", "How many bowls?", "42", "Int", True, (1,), (), (), True)


def answered(text: str, answerable: bool = True) -> Answer:
    return Answer("How many bowls?", text, answerable, (), "fake")


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [
        ("The kiln. [1]", "kiln", True),
        ("Copy is all you need [1][2]", "Copy  is all you need.", True),
        ("42 bowls", "42", False),
        ("", "42", False),
        ("A theatre", "theatre", True),
    ],
)
def test_exact_match(answer: str, gold: str, same: bool) -> None:
    assert exact_match(answer, gold) is same


def test_what_is_scored() -> None:
    unanswerable = replace(QUESTION, answer="Not answerable", answer_format="None", answerable=False)
    assert answer_metrics(QUESTION, answered("42 [1]")) == {"answer_exact_match": 1}
    assert answer_metrics(QUESTION, answered(NOT_FOUND, answerable=False)) == {"answer_exact_match": 0}
    assert answer_metrics(unanswerable, answered(NOT_FOUND, answerable=False)) == {"unanswerable_accuracy": 1}
    assert answer_metrics(unanswerable, answered("42")) == {"unanswerable_accuracy": 0}
    assert answer_metrics(replace(QUESTION, answer_format=""), answered("42")) == {}
