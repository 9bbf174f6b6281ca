from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.model import Table
from svrag.generation.passages import closest_passage, passages
from tests.generation.evidence import BOWLS, CHART, KILN, LOSSES, element


def squeezed(text: str) -> str:
    return " ".join(text.split())


@given(st.text(), st.text())
def test_prose_passages_are_verbatim_and_complete(text: str, caption: str) -> None:
    e = element(text, caption=caption)
    found = passages(e)
    assert all(p.text in squeezed(text) or p.text in squeezed(caption) for p in found)
    kept = "".join("".join(p.text.split()) for p in found)
    assert kept == "".join(caption.split()) + "".join(text.split())


@given(st.text(alphabet="ab ,;\n.", max_size=3000))
def test_passages_are_short_enough_to_read(text: str) -> None:
    assert all(len(p.text) <= 420 for p in passages(element(text)) if " " in p.text)


def test_a_table_is_quoted_by_rows_with_its_caption_around() -> None:
    rows = [p for p in passages(LOSSES) if p.kind == "row"]
    assert LOSSES.table is not None
    assert [p.text for p in rows] == LOSSES.table.row_texts()
    assert all("winter of 2015" in p.context and "Broken" in p.context for p in rows)


def test_a_table_without_cells_is_quoted_by_its_text() -> None:
    assert [p.text for p in passages(element("North 42 3", "table", caption="Losses."))] == ["Losses.", "North 42 3"]


def test_a_figure_is_quoted_by_its_words_and_caption() -> None:
    assert [p.text for p in passages(CHART)] == [CHART.caption, "Weight in grams 300 318 340"]


@pytest.mark.parametrize("line", ["3.2 Methods ........ 17", "Methods . . . . . . . . 17", "Methods……… 17"])
def test_lines_of_a_table_of_contents_are_told_apart(line: str) -> None:
    assert [p.kind for p in passages(element(line))] == ["contents"]


@pytest.mark.parametrize("text", ["And so on ... and on.", "3.14159 is pi.", "Is it?!?", "A. B. C. D. E. F."])
def test_dots_alone_make_no_table_of_contents(text: str) -> None:
    assert {p.kind for p in passages(element(text))} == {"sentence"}


def test_nothing_to_quote() -> None:
    assert passages(element("", "figure")) == []
    assert closest_passage("anything", element("", "figure")) == ""


def test_the_closest_passage() -> None:
    assert closest_passage("It takes nine hours of firing.", KILN).startswith("The kiln was fired")
    assert closest_passage("In 2014 it was 290 grams.", BOWLS).startswith("Prof. A. Rossi")
    assert closest_passage("Eleven (11) broke in the South.", LOSSES) == "South | Bowls: 38 | Broken: 11"


@pytest.mark.parametrize("heading", ["References", "7. References", "VII BIBLIOGRAPHY", "Literaturverzeichnis"])
def test_entries_of_a_list_of_references_are_told_apart(heading: str) -> None:
    entries = replace(element("[1] A. Rossi. Clay, 2014.\n[2] B. Lee. Ash, 2015."), section_path=("Annex", heading))
    assert [(p.text, p.kind) for p in passages(entries)] == [
        ("[1] A. Rossi. Clay, 2014.", "reference"),
        ("[2] B. Lee. Ash, 2015.", "reference"),
    ]


def test_a_section_that_speaks_of_references_is_no_list_of_them() -> None:
    text = replace(element("Ask for references."), section_path=("References of staff",))
    assert [p.kind for p in passages(text)] == ["sentence"]


def test_rows_below_the_header_that_only_name_columns_are_seen_with_the_others() -> None:
    rows = (("Kiln", "Sold", "Sold"), ("", "Bowls", "2014"), ("North", "9", "3"), ("", "a lot", "of them"))
    found = passages(element("", "table", table=Table(rows)))
    assert [p.text for p in found] == ["North | Sold: 9 | Sold: 3", "Sold: a lot | Sold: of them"]
    assert all(p.context.endswith("Bowls 2014") for p in found)


def test_a_table_of_names_alone_is_quoted() -> None:
    rows = (("Kiln", "Sold", "Sold"), ("", "Bowls", "Cups"))
    assert [p.text for p in passages(element("", "table", table=Table(rows)))] == ["Sold: Bowls | Sold: Cups"]
