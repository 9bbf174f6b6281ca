from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.labels import KINDS
from svrag.graph.mentions import find_mentions, find_page_mentions


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("as Figure 3 shows", ["Figure 3"]),
        ("see Figs. 2 and 3", ["Figure 2", "Figure 3"]),
        ("Figures 2-4", ["Figure 2", "Figure 3", "Figure 4"]),
        ("Tables II and III", ["Table 2", "Table 3"]),
        ("Eqs. (2)–(4)", ["Equation 2", "Equation 3", "Equation 4"]),
        ("Eq. (4)", ["Equation 4"]),
        ("Section 4.2 and §5", ["Section 4.2", "Section 5"]),
        ("Appendix B", ["Appendix B"]),
        ("Exhibit 5", ["Exhibit 5"]),
        ("Figures 1, 3 and 5", ["Figure 1", "Figure 3", "Figure 5"]),
        ("the table shows 3 bowls", []),
        ("a figure of 12 million", []),
        ("it figures", []),
        ("Figure 10∼13", ["Figure 10", "Figure 11", "Figure 12", "Figure 13"]),
        ("42 U.S.C. § 1983", []),
        ("Sections 1956 and 1957", []),
    ],
)
def test_names_of_elements(text: str, labels: list[str]) -> None:
    assert [mention.label for mention in find_mentions(text)] == labels


pieces = st.sampled_from(
    [*sorted(KINDS), "Figs.", " ", "(", ")", "a", "IV", "-", "–", "and", ",", "1", "23", "4.5", "page", "of"]
)


@given(st.lists(pieces, max_size=25).map("".join) | st.text(max_size=60))
def test_mentions_lie_in_the_text_and_have_labels(text: str) -> None:
    for mention in find_mentions(text):
        assert 0 <= mention.start < mention.end <= len(text)
        assert mention.kind in KINDS.values()
        assert mention.number
        assert mention.label.startswith(mention.parent_label)


@given(st.lists(pieces, max_size=25).map(" ".join), st.integers(1, 30))
def test_page_mentions_are_pages_of_the_document_named_once(text: str, pages: int) -> None:
    found = find_page_mentions(text, pages, [str(n) for n in range(pages)])
    assert set(found) <= set(range(1, pages + 1))
    assert len(set(found)) == len(found)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    ["page" + " " * 20_000, "Figure " + "1," * 9_000, "Figs. 3(a)" + "/(b)" * 9_000, "second " * 9_000, "§" * 20_000],
)
def test_hostile_text_takes_no_long_time(text: str) -> None:
    find_mentions(text)
    find_page_mentions(text, 20, ["1"] * 20)


@pytest.mark.parametrize("text", ["Fig. 3(a)", "Figure 3a", "Fig. 3 (a)"])
def test_a_part_also_names_its_whole(text: str) -> None:
    (mention,) = find_mentions(text)
    assert (mention.label, mention.parent_label) == ("Figure 3a", "Figure 3")


def test_both_parts_of_one_figure() -> None:
    assert [mention.label for mention in find_mentions("Fig. 3(a)/(b)")] == ["Figure 3a", "Figure 3b"]


def test_a_range_too_long_to_be_meant_is_no_list_of_thousands() -> None:
    assert len(find_mentions("Figures 1-9999")) < 50


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("What is on page 5?", [5]),
        ("p. 5", [5]),
        ("on pages 3-5", [3, 4, 5]),
        ("on slide 12", [12]),
        ("the third slide", [3]),
        ("the 6th page", [6]),
        ("on the first page", [1]),
        ("on the last page", [20]),
        ("the last two pages", [19, 20]),
        ("How many pages are there?", []),
        ("on page 99", []),
    ],
)
def test_pages(text: str, pages: list[int]) -> None:
    assert sorted(find_page_mentions(text, 20)) == pages


def test_a_printed_number_is_a_second_reading() -> None:
    """Page 5 may be the fifth sheet or the one with a 5 printed on it."""
    labels = ["i", "ii", *map(str, range(1, 19))]
    assert find_page_mentions("page 5", 20, labels) == [5, 7]
    assert find_page_mentions("page ii", 20, labels) == [2]
