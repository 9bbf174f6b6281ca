from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.labels import caption_label, kind_of, normalise_label, roman


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Figure 3: Heat in the kiln", "Figure 3"),
        ("Fig. 3. Heat in the kiln", "Figure 3"),
        ("FIGURE III. HEAT", "Figure 3"),
        ("Fig. 3a: Heat", "Figure 3a"),
        ("Table II\nMean weights", "Table 2"),
        ("Table A1: More weights", "Table A1"),
        ("Abbildung 4: Wärme", "Figure 4"),
        ("Tableau 2 : Poids", "Table 2"),
        ("图 3：温度", "Figure 3"),
        ("Exhibit 5 Revenue", "Exhibit 5"),
        ("Algorithm 1: Firing", "Algorithm 1"),
        ("Table 2\nmean weights", "Table 2"),
        ("Figure 3 shows the kiln", ""),
        ("figure 3: lower case is a mention", ""),
        ("Tables are set out below", ""),
        ("Firing took nine hours", ""),
        ("", ""),
    ],
)
def test_caption_label(text: str, label: str) -> None:
    assert caption_label(text) == label


@given(st.integers(1, 99))
def test_roman_numerals_read_back(value: int) -> None:
    tens, ones = divmod(value, 10)
    written = ["", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC"][tens]
    written += ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"][ones]
    assert roman(written) == value


@pytest.mark.parametrize("text", ["", "IIII", "VX", "A", "12", "ii"])
def test_what_is_no_numeral(text: str) -> None:
    assert roman(text) is None


def test_appendices_keep_their_letters() -> None:
    assert normalise_label("Appendix", "C") == "Appendix C"
    assert normalise_label("Sec.", "4.2") == "Section 4.2"
    assert kind_of("Table 2") == "Table"


def test_an_unknown_word_is_an_error() -> None:
    with pytest.raises(KeyError):
        normalise_label("Pot", "3")


def test_what_the_layout_calls_a_caption_needs_no_end_after_its_number() -> None:
    assert caption_label("Figure 3 heat in the kiln", surely_caption=True) == "Figure 3"
    assert caption_label("Heat in the kiln", surely_caption=True) == ""
