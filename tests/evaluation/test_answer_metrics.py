from __future__ import annotations

from dataclasses import replace

import pytest

from svrag.documents.model import Box, Element
from svrag.evaluation.answers import NAMES, answer_metrics, citation_metrics
from svrag.evaluation.question import EvalQuestion
from svrag.generation.answer import NOT_FOUND, Answer, Citation

QUESTION = EvalQuestion("q", "a.pdf", "How many bowls?", "42", "Int", True, (1,), (), (), True)
UNANSWERABLE = replace(QUESTION, answer="Not answerable", answer_format="None", answerable=False)
RIGHT = dict.fromkeys(("mmlongbench_score", "answer_em", "answer_f1", "anls", "pnls"), 1.0)


def answered(text: str, answerable: bool = True) -> Answer:
    return Answer("How many bowls?", text, answerable, (), "fake")


def test_an_answer_is_scored_without_its_citations_and_full_stop() -> None:
    assert answer_metrics(QUESTION, answered("42 [1].")) == RIGHT
    assert answer_metrics(QUESTION, answered("42. [1][2]")) == RIGHT


def test_words_around_an_answer_count_in_all_but_pnls() -> None:
    metrics = answer_metrics(QUESTION, answered("42 large bowls [1]"))
    assert metrics == pytest.approx({"mmlongbench_score": 0, "answer_em": 0, "answer_f1": 1 / 2, "anls": 0, "pnls": 1})


def test_the_words_that_an_answer_calls_the_answer_are_scored_and_pnls_gets_all() -> None:
    told = replace(answered("41 [1]\nOf 42 bowls 41 were kept. [1]"), short="41")
    assert answer_metrics(QUESTION, told) == RIGHT | dict.fromkeys(RIGHT.keys() - {"pnls"}, 0.0)
    assert answer_metrics(QUESTION, replace(told, short="42")) == RIGHT


def test_a_refusal_is_right_where_there_is_no_answer_and_wrong_elsewhere() -> None:
    refusal = answered(NOT_FOUND + " It comes near on page 3.", answerable=False)
    assert answer_metrics(UNANSWERABLE, refusal) == {"mmlongbench_score": 1, "unanswerable_accuracy": 1}
    assert answer_metrics(UNANSWERABLE, answered("42")) == {"mmlongbench_score": 0, "unanswerable_accuracy": 0}
    assert answer_metrics(QUESTION, refusal) == dict.fromkeys(RIGHT, 0.0)
    # Not even where the gold answer looks like the refusal's words.
    assert answer_metrics(replace(QUESTION, answer="not found", answer_format="Str"), refusal)["answer_f1"] == 0


def test_the_best_of_the_accepted_answers_counts() -> None:
    question = replace(QUESTION, answer="forty-two", answer_format="Str", answers=("42", "two score and two"))
    assert answer_metrics(question, answered("42")) == RIGHT


def test_a_gold_list_is_compared_item_by_item_or_as_a_row_of_them() -> None:
    question = replace(QUESTION, answer="['black', 'white']", answer_format="List")
    assert answer_metrics(question, answered("black, white [3]")) == RIGHT
    metrics = answer_metrics(question, answered("white and black"))
    assert (metrics["mmlongbench_score"], metrics["answer_em"]) == (1, 0)


def test_what_is_not_scored() -> None:
    assert answer_metrics(replace(QUESTION, answer_format=""), answered("42")) == {}
    either = replace(QUESTION, answer="Not answerable or 0 or none", answer_format="None")
    assert answer_metrics(either, answered("Not answerable or 0 or none")) == {"mmlongbench_score": 1}


def citing(*pages: int) -> Answer:
    cited = (
        Citation(n, Element(f"d.{page}.1", "d", "text", page, Box(0, 0, 9, 9), "42"), "a.pdf", 1.0, "42")
        for n, page in enumerate(pages, start=1)
    )
    return replace(answered("42 [1]"), citations=tuple(cited))


def test_citations_on_gold_pages_count_where_one_was_found() -> None:
    assert citation_metrics(citing(3, 4, 9), {3, 9}, (7, 3)) == {"citation_on_gold_page": pytest.approx(2 / 3)}
    assert citation_metrics(citing(7), {3}, (7, 3)) == {"citation_on_gold_page": 0}
    assert citation_metrics(citing(7), {3}, (1, 2, 4, 5, 6, 3)) == {}  # not found, so not to be cited
    assert citation_metrics(citing(), {3}, (3,)) == {}
    assert citation_metrics(replace(citing(3), answerable=False), {3}, (3,)) == {}


def test_names_are_those_that_occur() -> None:
    occurring = answer_metrics(QUESTION, answered("42")) | answer_metrics(UNANSWERABLE, answered("42"))
    occurring |= citation_metrics(citing(1), {1}, (1,))
    assert set(NAMES) == set(occurring)
