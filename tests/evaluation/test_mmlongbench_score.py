"""The expected scores follow from the published eval/eval_score.py by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.evaluation.mmlongbench_score import ScoredAnswer, accuracy_and_f1, as_list, score

SHARES = st.floats(0, 1)
ANSWERS = st.lists(st.builds(ScoredAnswer, SHARES, st.booleans(), st.booleans()), max_size=12)


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("42", "42", 1),
        ("42.7", "42", 1),  # cut, not rounded
        ("41.9", "42", 0),
        ("forty-two", "42", 0),
        ("42 bowls", "42", 0),
        ("1,194,000", "1194000", 0),  # their code takes no separators either
        ("inf", "42", 0),
        ("nan", "42", 0),
        ("42", "about 42", 0),
    ],
)
def test_int(answer: str, gold: str, expected: float) -> None:
    assert score(answer, gold, "Int") == expected


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("29%", "29%", 1),
        ("0.29", "29%", 1),
        ("29", "0.29", 1),
        ("29.29", "29", 1),  # within 1 % of the larger
        ("29.3", "29", 0),
        ("$466.43", "466.43", 1),
        ("0.0149", "0.01", 1),  # the same at the decimals of the gold answer
        ("0.004", "0.001", 0),
        ("0.105 (see Table 2)", "0.105", 1),
        ("high", "0.105", 0),
        ("3", "three", 0),
        ("inf", "5", 0),
        ("nan", "5", 0),
    ],
)
def test_float(answer: str, gold: str, expected: float) -> None:
    assert score(answer, gold, "Float") == expected


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("orange", "Orange", 1),
        ("organe", "orange", 1 - 2 / 6),
        ("blue", "orange", 0),
        ("Kiln (Building 4)", "'kiln'", 1),
        ("the kilns", "kilns", 1 - 4 / 9),
        ("23", "23%", 1),
        ("24", "23", 0),  # numbers are right or wrong ...
        ("page 12", "page 13", 0),  # ... and so are pages,
        ("https://a.b/c", "https://a.b/d", 0),  # addresses,
        ("run.py", "ran.py", 0),  # files,
        ("8 a.m.", "9 a.m.", 0),  # times,
        ("2020-05-01", "2020-05-02", 0),  # dates
        ("a@b.org", "c@b.org", 0),  # and mail
        ("5 miles", "6 miles", 1 - 1 / 7),
    ],
)
def test_str(answer: str, gold: str, expected: float) -> None:
    assert score(answer, gold, "Str") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "expected"), [("Not answerable", 1), ("not answerable", 1), ("42", 0), ("Yes, on page 3", 0)]
)
def test_none(answer: str, expected: float) -> None:
    assert score(answer, "Not answerable", "None") == expected


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("['Jun', 'Aug']", "['Aug', 'Jun']", 1),
        ("Aug and Jun", "['Jun', 'Aug']", 1),
        ("Aug, Jun", "['Jun', 'Aug', 'Sep']", 0),
        ("black, blue, and white", "['black', 'blue', 'white']", 1),
        ("black, blew, white", "['black', 'blue', 'white']", 0),  # the worst item counts, and half of it is wrong
        ("mirrow; shiny object", "['shiny object', 'mirror']", 1 - 1 / 6),
        ("14, 13", "['13', '14']", 1),
        ("14, 12", "['13', '14']", 0),
        ("[30, 62]", "[62, 30]", 1),
        ("0.66", "0.66", 1),
        ("[Figure 3", "['[Figure 3']", 1),  # not a list after all
        ("", "[]", 1),
        ("x", "[]", 0),
    ],
)
def test_list(answer: str, gold: str, expected: float) -> None:
    assert score(answer, gold, "List") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "items"),
    [
        ("- one, or more\n- two\n", ["one, or more", "two"]),
        ("1. one\n2) two", ["one", "two"]),
        ("one, two and three", ["one", "two", "three"]),
        ("one; two, too", ["one", "two, too"]),
        ("$35,000 and $40,684", ["$35,000", "$40,684"]),
        ("Sandy", ["Sandy"]),
        ("", []),
    ],
)
def test_lists_in_running_text(answer: str, items: list[str]) -> None:
    assert as_list(answer) == items


@given(st.text(), st.text(min_size=1), st.sampled_from(["Int", "Float", "Str", "List", "None"]))
def test_a_score_is_a_share_whatever_is_said(answer: str, gold: str, answer_format: str) -> None:
    assert 0 <= score(answer, gold, answer_format) <= 1


def test_accuracy_and_f1_by_hand() -> None:
    answers = [
        ScoredAnswer(1, answerable=True, said_answerable=True),
        ScoredAnswer(0.5, answerable=True, said_answerable=True),
        ScoredAnswer(0, answerable=True, said_answerable=False),
        ScoredAnswer(1, answerable=False, said_answerable=False),
        ScoredAnswer(0, answerable=False, said_answerable=True),
    ]
    # Recall 1.5 of 3 answerable, precision 1.5 of 3 answered.
    assert accuracy_and_f1(answers) == pytest.approx((0.5, 0.5))
    assert accuracy_and_f1(answers[:2]) == pytest.approx((0.75, 0.75))
    assert accuracy_and_f1(answers[:3]) == pytest.approx((0.5, 2 * 0.5 * 0.75 / (0.5 + 0.75)))
    assert accuracy_and_f1(answers[3:]) == (0.5, 0)  # nothing to recall
    assert accuracy_and_f1([]) == (0, 0)


@given(ANSWERS)
def test_f1_is_the_harmonic_mean_where_there_is_one(answers: list[ScoredAnswer]) -> None:
    gained = sum(a.score for a in answers if a.answerable)
    answerable, answered = sum(a.answerable for a in answers), sum(a.said_answerable for a in answers)
    f1 = accuracy_and_f1(answers)[1]
    if gained and answered:
        recall, precision = gained / answerable, gained / answered
        assert f1 == pytest.approx(2 * recall * precision / (recall + precision))
    else:
        assert f1 == 0
