"""What is gathered for a question: bounds, single pieces of evidence, and that other documents do not matter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from svrag.library.store import Library
from svrag.search.evidence import Gathered, gather
from tests.library.made import add, document
from tests.search.test_engine import annual_report

OWN = "a" * 12


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("evidence")
    with Library.open(folder / "library") as library:
        add(library, folder, annual_report())
        add(library, folder, document("kiln.pdf", "The kiln was fired for nine hours.", pages=3))
        yield library


def gathered(library: Library, question: str, *, whole: bool = False) -> Gathered:
    stored = [d for d in library.documents() if whole or d.id == OWN]
    return gather(library, question, stored, whole_library=whole)


QUESTIONS = [
    "What is the revenue by region in Figure 1?",
    "How many potters does the table on page 3 list?",
    "Who is the author?",
    "zzz",
    "Sales in section 2",
    "capex of the potery",
]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("whole", [False, True])
def test_evidence_is_between_0_and_1(library: Library, question: str, whole: bool) -> None:
    found = gathered(library, question, whole=whole)
    for evidence in [*found.pages.values(), *(one.evidence for one in found.elements.values())]:
        assert all(0.0 <= value <= 1.0 + 1e-9 for value in evidence), evidence
    for (document_id, number), _ in found.pages.items():
        assert 1 <= number <= (4 if document_id == OWN else 3)


@pytest.mark.parametrize("question", QUESTIONS)
def test_other_documents_do_not_matter_within_one(library: Library, question: str, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("alone")
    with Library.open(folder / "library") as alone:
        add(alone, folder, annual_report())
        mine = gather(alone, question, alone.documents(), whole_library=False)
    among = gathered(library, question)
    assert among.pages == mine.pages
    assert {i: f.evidence for i, f in among.elements.items()} == {i: f.evidence for i, f in mine.elements.items()}


def test_words_that_stand_together(library: Library) -> None:
    pages = gathered(library, "good year").pages
    assert pages[OWN, 1].pairs == 1.0
    assert gathered(library, "year good").pages[OWN, 1].pairs == 0.5
    assert gathered(library, "shareholders year").pages[OWN, 1].pairs == 0.0


def test_another_name_is_found(library: Library) -> None:
    found = gathered(library, "turnover")
    assert found.pages[OWN, 2].things == 1.0
    assert any("speaks of" in reason for reason in found.elements[f"{OWN}.2.3"].reasons())


def test_a_misspelt_word_is_found(library: Library) -> None:
    assert gathered(library, "shareholdres").pages[OWN, 1].words > 0


def test_figures(library: Library) -> None:
    pages = gathered(library, "Which chart shows revenue by region of the pottery?").pages
    assert pages[OWN, 2].figure == 1.0
    assert pages[OWN, 3].figure == 0.0


def test_what_is_named_without_a_common_word(library: Library) -> None:
    found = gathered(library, "Table 1")
    table = found.elements[f"{OWN}.3.2"]
    assert table.evidence.named == 1.0
    assert found.pages[OWN, 3].named_element == 1.0
    assert found.pages[OWN, 1].named_element == 0.0
    staff = gathered(library, "trades in section 3").elements[f"{OWN}.3.3"]
    assert staff.evidence.named_section == 1.0


def test_the_page_of_an_element_speaks_for_it(library: Library) -> None:
    found = gathered(library, "pottery in two trades")
    scores = {place: float(place == (OWN, 3)) for place in found.pages}
    evidence = found.element_evidence(scores)
    assert evidence[f"{OWN}.3.3"].page == 1.0
    assert evidence[f"{OWN}.1.2"].page == 0.0
