from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.generation.citations import check_citations, find_citations, shield, without_citations

BRACKETED = st.lists(
    st.sampled_from(
        ["[", "]", "[[", "]]", "1", "2", "9", "12", ",", "-", ";", "a ", ". ", "`", "```", "\n", "【", "】", " "]
    )
).map("".join)


def numbers(text: str) -> list[int]:
    return [n for _, _, found in find_citations(text) for n in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sales grew [1].", [1]),
        ("Sales grew 5 %[1].", [1]),
        ("Both [1, 3] and [2;4].", [1, 3, 2, 4]),
        ("All of them [1-3].", [1, 2, 3]),
        ("All of them [1–3, 5].", [1, 2, 3, 5]),
        ("Each [1][2].", [1, 2]),
        ("As 【4】 says", [4]),
        ("In [2019] it rose", []),
        ("Set `x[1]` and\n```\ny[2]\n```\nthen [3]", [3]),
        ("Wrong way round [3-1]", [3, 1]),
        ("[a] [] [1a]", []),
    ],
)
def test_finds_citations_in_prose(text: str, expected: list[int]) -> None:
    assert numbers(text) == expected


def test_removes_and_counts_what_was_not_given() -> None:
    checked = check_citations("It rose [1]. It fell [7]. Both [2, 9] happened [8].", range(1, 4))
    assert checked.text == "It rose [1]. It fell. Both [2] happened."
    assert checked.cited == (1, 2)
    assert checked.removed == 3


def test_a_removal_makes_no_new_citation() -> None:
    checked = check_citations("odd [[9]8] and [[9]1]", {1})
    assert set(numbers(checked.text)) <= {1}


@given(st.one_of(BRACKETED, st.text()), st.sets(st.integers(1, 12)))
def test_only_valid_numbers_stay(text: str, valid: set[int]) -> None:
    checked = check_citations(text, valid)
    assert set(numbers(checked.text)) == set(checked.cited)
    assert set(checked.cited) <= valid
    assert check_citations(checked.text, valid).text == checked.text


@given(st.one_of(BRACKETED, st.text()))
def test_without_citations_and_shielded_text_cite_nothing(text: str) -> None:
    assert numbers(without_citations(text)) == []
    assert numbers(shield(text)) == []


@given(st.one_of(BRACKETED, st.text()))
def test_shielding_changes_brackets_only(text: str) -> None:
    assert len(shield(text)) == len(text)
    assert re.sub(r"[\[\]⟦⟧【】]", "", shield(text)) == re.sub(r"[\[\]⟦⟧【】]", "", text)
