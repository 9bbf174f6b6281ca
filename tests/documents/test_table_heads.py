from __future__ import annotations

import pytest

from svrag.documents.table_heads import header_rows, is_over_columns, is_remark

YEARS = ("", "2015", "2014", "2013")
BODY = ("Bowls", "42", "40", "38")
ENDED = ("", "", "Year ended December 31,", "")


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ((YEARS, BODY, BODY), 1),
        ((ENDED, YEARS, BODY), 2),
        ((ENDED, YEARS, ("", "", "(in thousands)", ""), BODY), 3),
        ((ENDED, YEARS, ("", "", "(in thousands, except per bowl", "data)"), BODY), 3),
        ((ENDED, ("(in thousands)", "2015", "2014", "2013"), BODY), 2),  # under words over all, a row may have a name
        ((("Kiln", "Total", "North", "South"), ("", "", "(in hours)", ""), BODY), 2),
        ((("", "", "", "Firing"), ("", "Heat", "Hours", "cost"), BODY), 2),
        ((("Kiln", "Heat", "Hours", "Cost"), ("North", "low", "few", "small"), BODY), 1),  # words, but of the body
        ((("", "", "", "goes on from the page before"), ("3.", "Ambassadors", "10 hours", "Students"), BODY), 1),
        ((ENDED, YEARS), 1),  # what would be left has no row
        ((BODY,), 1),
    ],
)
def test_the_header_ends_where_rows_name_themselves_or_figures_begin(
    rows: tuple[tuple[str, ...], ...], count: int
) -> None:
    assert header_rows(rows) == count


def test_words_in_the_middle_belong_to_all_columns() -> None:
    assert is_over_columns(ENDED, [YEARS])
    assert is_over_columns(("", "", "", "As of December 31,", "", ""), [("", "a", "b", "c", "d", "e")])
    assert is_over_columns(("", "", "As of December 31,"), [("", "2015", "2014")])
    assert not is_over_columns(("", "", "Margin of error"), [("", "Sample size", "95% confidence level")])
    assert not is_over_columns(("", "", "", "Fair value"), [YEARS])
    assert not is_over_columns(ENDED, [("", "", "total", "")])  # nothing to be over


def test_remarks_are_one_and_in_parentheses() -> None:
    assert is_remark(("", "", "(in thousands)", ""))
    assert not is_remark(("", "(in millions)", "", "(in millions)"))  # of two columns
    assert not is_remark(("(unaudited)", "", "", ""))
    assert not is_remark(("", "", "", ""))
