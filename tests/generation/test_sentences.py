from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.generation.sentences import split_sentences

PROSE = st.lists(
    st.sampled_from(
        [
            "The dog",
            "e.g.",
            "Fig. 3",
            " 4.5",
            " ",
            "\n",
            "\n\n",
            ".",
            "!",
            "?",
            "。",
            "？",
            "• ",
            "et al.",
            " A. ",
            "[1]",
        ]
    )
).map("".join)


@given(st.one_of(PROSE, st.text()))
def test_sentences_joined_are_the_text(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join(sentences) == text
    if text.strip():
        assert all(s.strip() for s in sentences)


@pytest.mark.parametrize(
    "text",
    [
        "Dr. J. R. Smith et al. (see Fig. 3 and Eqs. 2 and 4) measured 4.5 kg, i.e. half.",
        "The mean was 3.14 (cf. Sec. 4.2) at approx. 20 degrees.",
        "It was sold by Acme Inc. in the U.S. market, e.g. in Ohio.",
        "On Oct. 24 the sale closed at No. 5 Main St. after a vote.",
        "Die Werte (vgl. Abb. 3, z. B. die mittleren) sind bzw. waren hoch.",
        "1. Introduction",
        "Figure 3. Weight of the bowls before firing.",
        "Table II. Losses by kiln",
        "Fig. 4a. The kiln.",
        "A. Appendix",
        "He works for Washington, D.C. based firms.",
    ],
)
def test_stops_that_end_nothing(text: str) -> None:
    assert split_sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rose. Then it fell.", ["It rose. ", "Then it fell."]),
        ("Why? Because! So it is.", ["Why? ", "Because! ", "So it is."]),
        ('He said "stop." They did.', ['He said "stop." ', "They did."]),
        ("It is owned by Acme Inc. The rest is free.", ["It is owned by Acme Inc. ", "The rest is free."]),
        ("The answer is no. Prices fell in 2015. 30 shops closed.", None),
        ("It rose by 5 %. [1] Then it fell. [2][3]", ["It rose by 5 %. [1] ", "Then it fell. [2][3]"]),
        ("一つ目です。二つ目です。三つ？", ["一つ目です。", "二つ目です。", "三つ？"]),
        ("Buy:\n• apples\n• pears, e.g. green ones", ["Buy:\n", "• apples\n", "• pears, e.g. green ones"]),
        ("A heading\n\nA paragraph", ["A heading\n\n", "A paragraph"]),
        ("هل هذا صحيح؟ نعم هو كذلك.", ["هل هذا صحيح؟ ", "نعم هو كذلك."]),
        ("यह एक है। यह दो है।", ["यह एक है। ", "यह दो है।"]),
        ("As they showed.12 The rest is known.", ["As they showed.12 ", "The rest is known."]),
    ],
)
def test_stops_that_end_sentences(text: str, expected: list[str] | None) -> None:
    found = split_sentences(text)
    assert found == (expected or ["The answer is no. ", "Prices fell in 2015. ", "30 shops closed."])


def test_lines_of_a_table_of_contents_end_with_their_page() -> None:
    lines = ["2 Kilns ........ 16 ", "3.2 Methods . . . . . . . 17 ", "Glossary ............... xii"]
    assert split_sentences("".join(lines)) == lines


def test_many_signs_in_a_row_are_read_in_time() -> None:
    """In a time that grows with their number; with its square this would take hours."""
    for text in ("." * 200_000 + "x", ". " * 200_000 + "x", "!" * 200_000 + "x"):
        assert "".join(split_sentences(text)) == text
