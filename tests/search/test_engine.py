from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from svrag.documents.model import Box, Document, Element, Page
from svrag.errors import InputError
from svrag.graph.build import build_graph
from svrag.library.store import Library
from svrag.search.engine import search
from tests.library.made import add, document


def annual_report() -> Document:
    """Four pages: a heading and a paragraph each; a chart with caption on 2, tables on 3, and a blank fourth."""
    own = "a" * 12

    def new(kind: str, page: int, n: int, text: str, **fields: object) -> Element:
        return Element(f"{own}.{page}.{n}", own, kind, page, Box(50, 50 * n, 500, 50 * n + 40), text, **fields)  # type: ignore[arg-type]

    elements = (
        new("section_header", 1, 1, "1 Letter", label="Section 1", level=1),
        new("text", 1, 2, "Dear shareholders, the pottery had a good year.", section_path=("1 Letter",)),
        new("section_header", 2, 1, "2 Sales", label="Section 2", level=1),
        new("text", 2, 2, "Sales of bowls grew in all regions; see Figure 1.", section_path=("2 Sales",)),
        new(
            "figure",
            2,
            3,
            "Asia 40 Europe 35 Africa 25",
            label="Figure 1",
            caption="Figure 1. Revenue by region",
            section_path=("2 Sales",),
        ),
        new(
            "caption",
            2,
            4,
            "Figure 1. Revenue by region",
            label="Figure 1",
            target_id=f"{own}.2.3",
            section_path=("2 Sales",),
        ),
        new("section_header", 3, 1, "3 Staff", label="Section 3", level=1),
        new(
            "table",
            3,
            2,
            "Potters 12\nPainters 5",
            label="Table 1",
            caption="Table 1. People by trade",
            section_path=("3 Staff",),
        ),
        new("text", 3, 3, "The pottery employs seventeen people in two trades.", section_path=("3 Staff",)),
    )
    texts = {n: "\n".join(e.text for e in elements if e.page == n) for n in range(1, 5)}
    pages = tuple(Page(n, 595, 842, label=str(n + 10), text=texts[n]) for n in range(1, 5))
    return Document(own, own * 5 + "aaaa", "report.pdf", "Annual report", "en", pages, elements)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("search")
    with Library.open(folder / "library") as library:
        add(library, folder, annual_report())
        add(
            library,
            folder,
            document("kiln.pdf", "The kiln was fired for nine hours.", "Bowls weigh 318 grams.", pages=3),
        )
        yield library


REPORT = ["a" * 12]


def first(library: Library, question: str, documents: list[str] | None = None) -> Element:
    return search(library, question, documents=documents).hits[0].element


def test_words_find_their_paragraph(library: Library) -> None:
    assert first(library, "How many grams do the bowls weigh?").text == "Bowls weigh 318 grams."
    assert first(library, "Whom does the pottery employ?").text.startswith("The pottery employs")


def test_a_caption_is_shown_as_its_figure_once(library: Library) -> None:
    hits = search(library, "revenue by region", documents=REPORT).hits
    assert hits[0].element.type == "figure"
    ids = [hit.element.id for hit in hits]
    assert len(ids) == len(set(ids))
    assert all(hit.element.type != "caption" for hit in hits)


def test_the_reason_names_words_as_they_were_asked(library: Library) -> None:
    (reason, *_) = search(library, "How many grams do the bowls weigh?").hits[0].reasons
    assert set(reason.removeprefix("words: ").split(", ")) == {"grams", "bowls", "weigh"}


@pytest.mark.parametrize(("question", "label"), [("What is in Table 1?", "Table 1"), ("Explain Fig. 1", "Figure 1")])
def test_a_named_element_comes_first(library: Library, question: str, label: str) -> None:
    hit = search(library, question, documents=REPORT).hits[0]
    assert hit.element.label == label
    assert hit.element.type != "caption"
    assert any(label in reason for reason in hit.reasons)


@pytest.mark.parametrize(
    ("question", "page"),
    [("What is on page 3?", 3), ("the second slide", 2), ("What does the last page say?", 4), ("page 12", 2)],
)
def test_a_named_page_comes_first(library: Library, question: str, page: int) -> None:
    assert search(library, question, documents=REPORT).pages[0].page == page


def test_what_stands_on_a_named_page_is_found_without_a_word_of_the_question(library: Library) -> None:
    own = {element.id for element in annual_report().elements if element.page == 3}
    hits = search(library, "Summarise page 3", k=len(own), documents=REPORT).hits
    assert {hit.element.page for hit in hits} == {3}
    assert all("which the question names" in hit.reasons[0] for hit in hits)


def test_a_named_section_lifts_what_stands_in_it(library: Library) -> None:
    hits = search(library, "What does Section 3 say about the pottery?", documents=REPORT).hits
    assert hits[0].element.page == 3


def test_pages_are_ranked_by_what_is_on_them(library: Library) -> None:
    assert search(library, "Which trades do people have?", documents=REPORT).pages[0].page == 3


def test_only_the_documents_asked_for(library: Library) -> None:
    result = search(library, "bowls", documents=REPORT)
    assert {hit.document_name for hit in result.hits} == {"report.pdf"}
    assert {page.document_id for page in result.pages} == set(REPORT)
    both = search(library, "bowls", k=20)
    assert {hit.document_name for hit in both.hits} == {"report.pdf", "kiln.pdf"}


def test_all_pages_of_one_document_are_ranked(library: Library) -> None:
    result = search(library, "What is the title?", documents=REPORT)
    assert sorted(page.page for page in result.pages) == [1, 2, 3, 4]


@pytest.mark.parametrize("k", [1, 3, 50])
def test_ranks_count_up_and_scores_fall(library: Library, k: int) -> None:
    result = search(library, "pottery bowls kiln people", k=k)
    assert [hit.rank for hit in result.hits] == list(range(1, len(result.hits) + 1))
    assert len(result.hits) <= k
    for ranked in (result.hits, result.pages):
        scores = [entry.score for entry in ranked]
        assert scores == sorted(scores, reverse=True)


def test_a_smaller_k_is_the_beginning_of_a_larger(library: Library) -> None:
    few = search(library, "pottery bowls kiln people", k=2).hits
    many = search(library, "pottery bowls kiln people", k=10).hits
    assert [hit.element.id for hit in few] == [hit.element.id for hit in many[:2]]


def test_pages_without_elements_are_hits_themselves(tmp_path: Path) -> None:
    bare = replace(annual_report(), elements=())
    with Library.open(tmp_path / "library") as library:
        source = tmp_path / bare.name
        source.write_bytes(b"x")
        library.add(bare, build_graph(bare), source)
        hits = search(library, "shareholders").hits
    assert [(hit.element.type, hit.element.page) for hit in hits] == [("page", 1)]


def test_nothing_fits(library: Library) -> None:
    assert search(library, "zeppelin").hits == ()


@pytest.mark.parametrize("question", ["", "   ", "?!", "…"])
def test_a_question_without_words(library: Library, question: str) -> None:
    with pytest.raises(InputError, match="has no words"):
        search(library, question)


def test_wrong_names(library: Library) -> None:
    with pytest.raises(InputError, match="unknown document"):
        search(library, "bowls", documents=["0" * 12])
    with pytest.raises(InputError, match="unknown retriever 'magic'"):
        search(library, "bowls", retriever="magic")
