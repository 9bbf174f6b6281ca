from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.retrievers.lexical.analysis import analyse, analyse_question


@given(st.text(max_size=60), st.sampled_from(["en", "de", "zh", "", "xx"]))
def test_tokens_hold_no_white_space_and_are_never_empty(text: str, language: str) -> None:
    assert all(token and not any(c.isspace() for c in token) for token in analyse(text, language))


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("1,234.5", "1234.5"),
        ("kilns", "kiln"),
        ("Finances", "ﬁnance"),
        ("café", "cafe"),
        ("COVID-19", "covid19"),
        ("COVID-19", "covid"),
        ("U.S.", "US"),
        ("12%", "12 percent"),
        ("$5", "5 dollar"),
        ("FY2015", "2015"),
        ("10-K", "10-K"),
        ("5kg", "5"),
        ("the potter's wheel", "potter"),
        ("氢能发电站", "发电站"),
    ],
)
def test_what_is_written_one_way_is_found_another(written: str, asked: str) -> None:
    assert (
        set(analyse(asked)) & set(analyse(written)) if asked not in ("1234.5",) else analyse(asked) == analyse(written)
    )
    assert set(analyse(asked)) <= set(analyse(written))


def test_words_are_stemmed_in_their_language() -> None:
    assert analyse("Häuser", "de") == analyse("Häusern", "de")
    assert analyse("nations", "fr") == analyse("nation", "fr")


def test_stop_words_go_but_not_all_words() -> None:
    assert analyse("the kiln of the potter") == analyse("kiln potter")
    assert analyse("to be or not to be")


@pytest.mark.parametrize(
    ("question", "same"),
    [
        ("What is the weight of the bowls?", "weight bowls"),
        ("How many bowls broke? Please write the answer in list format.", "bowls broke"),
        ("According to the document, which kiln is hotter?", "kiln hotter"),
        ("List the kilns. Give the answer as an integer.", "kilns"),
    ],
)
def test_a_question_is_what_it_is_about(question: str, same: str) -> None:
    assert analyse_question(question) == analyse(same)


def test_a_question_of_nothing_but_asking_words_keeps_them() -> None:
    assert analyse_question("What is what?")
    assert analyse_question("???") == []
