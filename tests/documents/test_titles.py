"""A title names the document: no number, no file name, no stamp, no box that says how to cite."""

from __future__ import annotations

import pytest

from svrag.documents.blocks import Block, BlockKind, Line
from svrag.documents.model import Box
from svrag.documents.titles import title_of


def block(kind: BlockKind, text: str, size: float = 10.0, box: Box | None = None) -> Block:
    box = box or Box(50, 50, 50 + 5 * len(text), 62)
    return Block(kind, box, (Line(text, box, size),))


HEADING = block("section-header", "Firing the kiln", 18.0)


def test_the_title_of_the_file_comes_first() -> None:
    assert title_of("  Kilns \n of Europe ", [HEADING]) == "Kilns of Europe"


@pytest.mark.parametrize(
    "told",
    [
        "",
        "0001065280-16-000047",
        "2022-08-03",
        "report_final",
        "kiln.docx",
        "Microsoft Word - kiln",
        "untitled",
        "x-1",
    ],
)
def test_what_a_program_left_is_no_title(told: str) -> None:
    assert title_of(told, [HEADING]) == "Firing the kiln"


@pytest.mark.parametrize(
    "stamp",
    ["EFiled: Jan 14 2013 09:42AM EST", "RECOMMENDED CITATION", "FOR RELEASE MAY 2, 2020", "1. Scope", "515,2012"],
)
def test_stamps_and_sections_are_no_titles(stamp: str) -> None:
    assert title_of("", [block("section-header", stamp, 30.0), HEADING]) == "Firing the kiln"
    assert title_of("", [block("section-header", stamp, 30.0)]) == ""


def test_the_largest_heading_and_the_first_of_its_size() -> None:
    smaller, second = block("title", "A report", 12.0), block("section-header", "Glazing", 18.2)
    assert title_of("", [smaller, HEADING, second]) == "Firing the kiln"


def test_a_page_without_headings_is_called_what_it_is_to_be_cited_as() -> None:
    cite = [
        block("section-header", "RECOMMENDED CITATION"),
        block("text", "Ash, May 2020, “Kilns Run Cold in Winter.”"),
    ]
    assert title_of("", [block("text", "FOR RELEASE MAY 2, 2020", 20.0), *cite]) == "Kilns Run Cold in Winter"


def test_large_text_stands_in_for_a_heading_and_a_stamp_up_the_margin_does_not() -> None:
    margin = block("text", "arXiv:2310.09158v1 [cs.AI] 13 Oct", 20.0, Box(11, 200, 38, 560))
    assert title_of("", [margin, block("text", "User manual", 14.0), block("text", "English")]) == "User manual"
    assert title_of("", [margin, block("text", "English")]) == ""
    assert title_of("", []) == ""
