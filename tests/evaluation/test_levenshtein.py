from __future__ import annotations

import sys
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.errors import InputError
from svrag.evaluation.levenshtein import anls, check_installed, pnls

WORDS = st.text("abc", max_size=6)


@cache
def edit_distance(a: str, b: str) -> int:
    """Straight from the definition."""
    if not a or not b:
        return len(a) + len(b)
    return min(edit_distance(a[1:], b[1:]) + (a[0] != b[0]), edit_distance(a[1:], b) + 1, edit_distance(a, b[1:]) + 1)


@cache
def alignments(gold: str, piece: str) -> frozenset[tuple[int, int]]:
    """Every alignment of all of both, as (matching letters, columns)."""
    if not gold or not piece:
        return frozenset({(0, len(gold) + len(piece))})
    ends = [(alignments(gold[1:], piece[1:]), gold[0] == piece[0])]
    ends += [(alignments(gold[1:], piece), False), (alignments(gold, piece[1:]), False)]
    return frozenset((matches + same, columns + 1) for end, same in ends for matches, columns in end)


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("kiln", "Kiln", 1),
        ("kitten", "sitting", 1 - 3 / 7),
        ("abcd", "abxy", 0),  # half wrong is wrong
        ("abcde", "abcxy", 1 - 2 / 5),
        ("over  the top", "over the top", 1),
        ("", "x", 0),
        ("", "", 1),
    ],
)
def test_anls_by_hand(answer: str, gold: str, expected: float) -> None:
    assert anls(answer, gold) == pytest.approx(expected)


@given(WORDS, WORDS)
def test_anls_against_the_definition(answer: str, gold: str) -> None:
    share = edit_distance(answer, gold) / max(len(answer), len(gold), 1)
    assert anls(answer, gold) == pytest.approx(1 - share if share < 0.5 else 0)


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("The answer is 42, as Table 3 says.", "42", 1),
        ("It was the KILN", "kiln", 1),
        ("the killn broke", "kiln", 3 / 4),  # "kill" is as near as "killn" and ends first
        ("some porcexlain here", "porcelain", 9 / 10),  # the letter too many is a column of its own
        ("the kin broke", "kiln", 3 / 4),
        ("the kilt broke", "kiln", 3 / 4),
        ("", "kiln", 0),
        ("xyz", "kiln", 0),
        ("anything", "", 1),
    ],
)
def test_pnls_by_hand(answer: str, gold: str, expected: float) -> None:
    assert pnls(answer, gold) == pytest.approx(expected)


@given(WORDS, st.text("abc", min_size=1, max_size=5))
def test_pnls_is_that_of_a_best_alignment_with_a_nearest_piece(answer: str, gold: str) -> None:
    pieces = {answer[i:j] for i in range(len(answer) + 1) for j in range(i, len(answer) + 1)}
    least = min(edit_distance(gold, piece) for piece in pieces)
    best = {
        matches / columns
        for piece in pieces
        for matches, columns in alignments(gold, piece)
        if columns - matches == least
    }
    assert pnls(answer, gold) in best


@given(st.text("abc ", max_size=8), st.text("abc", min_size=1, max_size=6), st.text("abc ", max_size=8))
def test_words_around_the_gold_answer_cost_nothing_in_pnls(before: str, gold: str, after: str) -> None:
    assert pnls(before + gold + after, gold) == 1


def test_without_rapidfuzz_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(InputError, match=r"pip install 'svrag\[eval\]'"):
        check_installed()
    with pytest.raises(InputError, match="rapidfuzz"):
        anls("a", "b")
