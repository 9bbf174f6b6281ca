"""What is shown keeps its words, loses its escape sequences, and fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from svrag.text import shortened, without_control


def test_escape_sequences_lose_their_escape() -> None:
    assert without_control("\x1b[31mred\x1b[0m\tand\nblue\x9b") == "[31mred[0m\tand\nblue"


@given(st.text(), st.integers(1, 50))
def test_a_short_text_fits_and_begins_as_the_long(text: str, width: int) -> None:
    short = shortened(text, width)
    assert len(short) <= width
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
