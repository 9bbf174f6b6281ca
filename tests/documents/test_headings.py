from __future__ import annotations

from svrag.documents.headings import rank_headings
from svrag.documents.workers import FileFacts
from tests.documents.blocks_made import block

NO_OUTLINE = FileFacts(9, "", ())


def ranks(*headings: tuple[str, float], facts: FileFacts = NO_OUTLINE) -> list[tuple[int, str]]:
    blocks = [(1, block("section-header", (50, 100, 550, 120), text, size)) for text, size in headings]
    return [(heading.level, heading.label) for heading in rank_headings(blocks, facts)]


def test_numbers_tell_depth_and_label() -> None:
    assert ranks(("1 Introduction", 14), ("4.2 Kilns", 12), ("4.2.1 North", 12), ("Appendix B Weights", 14)) == [
        (1, "Section 1"),
        (2, "Section 4.2"),
        (3, "Section 4.2.1"),
        (1, "Appendix B"),
    ]


def test_a_year_is_no_section_number() -> None:
    assert ranks(("2015 Results", 14))[0][1] == ""


def test_roman_sections_with_lettered_subsections() -> None:
    assert ranks(("I. Introduction", 12), ("II. Kilns", 12), ("A. North", 12)) == [
        (1, "Section 1"),
        (1, "Section 2"),
        (2, ""),
    ]


def test_the_outline_of_the_file_comes_before_type_sizes() -> None:
    facts = FileFacts(9, "", ((1, "Kilns", 1), (2, "Glazes", 1)))
    assert [level for level, _ in ranks(("Glazes", 20), ("Kilns", 12), facts=facts)] == [2, 1]


def test_larger_type_is_further_out() -> None:
    assert [level for level, _ in ranks(("Kilns", 20), ("North", 14), ("Doors", 11))] == [1, 2, 3]
