from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from svrag.evaluation.given import PAGE_SIZE, GivenPage, Part, given_document

PARTS = st.builds(
    Part,
    st.sampled_from(["text", "section_header", "table", "equation"]),
    st.text(min_size=1, max_size=20),
    level=st.integers(1, 3),
)
PAGES = st.lists(st.builds(GivenPage, st.lists(PARTS, max_size=4).map(tuple), st.text(max_size=4)), max_size=4)


@settings(max_examples=60)
@given(PAGES)
def test_pages_and_elements_are_where_they_were_given(pages: list[GivenPage]) -> None:
    document = given_document("set", pages).document
    assert [page.number for page in document.pages] == list(range(1, len(pages) + 1))
    assert [page.label for page in document.pages] == [page.label for page in pages]
    parts = [(number, part) for number, page in enumerate(pages, start=1) for part in page.parts]
    assert [(e.page, e.type, e.text) for e in document.elements] == [(n, p.type, p.text) for n, p in parts]
    assert len({element.id for element in document.elements}) == len(parts)
    for one in document.elements:
        assert one.id.startswith(f"{document.id}.{one.page}.")
        assert one.box.area > 0
        others = [other for other in document.elements if other.page == one.page and other.id != one.id]
        assert all(one.box.intersection(other.box) < 1e-6 for other in others)
        assert one.box == one.box.clipped(*PAGE_SIZE)
        assert all(part.text in document.pages[one.page - 1].text for part in pages[one.page - 1].parts)


@settings(max_examples=60)
@given(PAGES.filter(lambda pages: any(page.parts for page in pages)))
def test_the_id_is_of_the_name_and_the_content(pages: list[GivenPage]) -> None:
    document = given_document("set", pages).document
    assert given_document("set", list(pages)).document == document
    assert document.sha256.startswith(document.id)
    assert given_document("other", pages).document.sha256 != document.sha256
    at = next(i for i, page in enumerate(pages) if page.parts)
    changed = replace(pages[at], parts=(replace(pages[at].parts[0], caption="new"), *pages[at].parts[1:]))
    assert given_document("set", [*pages[:at], changed, *pages[at + 1 :]]).document.sha256 != document.sha256


def test_headings_hold_what_follows_them_over_pages() -> None:
    first = GivenPage((Part("section_header", "1 Kilns", level=1), Part("section_header", "1.1 Heat", level=2)))
    second = GivenPage((Part("text", "Hot."), Part("section_header", "2 Clay", level=1), Part("text", "Wet.")))
    paths = [element.section_path for element in given_document("set", [first, second]).document.elements]
    assert paths == [(), ("1 Kilns",), ("1 Kilns", "1.1 Heat"), (), ("2 Clay",)]


def test_the_language_is_told_from_the_text() -> None:
    words = "Der Ofen ist heiß und die Schale ist in dem Ofen mit der Glasur, die nicht von uns ist."
    assert given_document("set", [GivenPage((Part("text", words),))]).document.language == "de"
