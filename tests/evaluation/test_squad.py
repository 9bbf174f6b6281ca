from __future__ import annotations

import pytest

from svrag.evaluation.squad import exact_match, token_f1


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [
        ("The kiln.", "kiln", 1),
        ("Copy is all you need", "Copy  is all you need.", 1),
        ("42 bowls", "42", 0),
        ("", "42", 0),
        ("A theatre", "theatre", 1),
        ("$35,000", "35000", 1),
        ("Theatre", "re", 0),
    ],
)
def test_exact_match(answer: str, gold: str, same: float) -> None:
    assert exact_match(answer, gold) == same


@pytest.mark.parametrize(
    ("answer", "gold", "f1"),
    [
        ("the cat sat", "a cat sat down", 2 * (2 / 2) * (2 / 3) / (2 / 2 + 2 / 3)),  # articles are no words
        ("red red blue", "red blue blue", 2 / 3),  # each repeat pairs once
        ("up", "down", 0),
        ("Same, words!", "words same", 1),
        ("", "word", 0),
        ("the", "a", 1),  # nothing left of either
    ],
)
def test_token_f1(answer: str, gold: str, f1: float) -> None:
    assert token_f1(answer, gold) == pytest.approx(f1)
    assert token_f1(gold, answer) == pytest.approx(f1)
