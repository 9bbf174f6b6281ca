"""One edit apart, against the distance of another library; and when a word is left as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from svrag.retrievers.lexical.spelling import meant, one_edit_apart

words = st.text("abc", max_size=6)


@given(words, words)
def test_one_edit_is_a_distance_of_one(a: str, b: str) -> None:
    assert one_edit_apart(a, b) == (OSA.distance(a, b) == 1)


@pytest.mark.parametrize("misspelt", ["netflx", "netfliix", "netflax", "netlfix"])
def test_the_word_of_the_documents_is_meant(misspelt: str) -> None:
    assert meant(misspelt, {"netflix": 40, "network": 90}) == "netflix"


def test_the_more_frequent_of_two_is_meant() -> None:
    assert meant("glazs", {"glaze": 2, "glass": 7}) == "glass"


@pytest.mark.parametrize("token", ["kiln", "glaze", "2o15x", "zzzzzz"])
def test_short_known_numbered_and_strange_words_stay(token: str) -> None:
    assert meant(token, {"kilt": 3, "glaze": 1, "glazed": 9, "2015x": 4}) == token
