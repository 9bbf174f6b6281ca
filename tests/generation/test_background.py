from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from svrag.generation.background import absent, background, pages, related
from svrag.library.store import Library
from svrag.search.result import Hit, PageHit, SearchResult
from tests.library.made import add, document


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


def hit(library: Library, element_id: str) -> Hit:
    return Hit(1, library.elements([element_id])[0], "kilns.pdf", 3.0)


def found(question: str, *pages: PageHit, hits: tuple[Hit, ...] = ()) -> SearchResult:
    return SearchResult(question, hits, pages, "lexical", 0.0)


def test_pages_found_as_pictures_are_evidence(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kilns.pdf", "Bowls were fired.", pages=5))
    ranked = [PageHit(n, made.id, made.name, page, 5.0 - n) for n, page in enumerate((4, 2, 1, 3), start=1)]
    seen = pages(library, found("how many bowls?", *ranked))
    assert [(hit.element.type, hit.element.page, hit.score) for hit in seen] == [
        ("page", 4, 4.0), ("page", 2, 3.0), ("page", 1, 2.0),
    ]  # fmt: skip
    assert [hit.element.page for hit in pages(library, found("how many?", *ranked, hits=seen[:1]))] == [2, 1]
    assert background(library, found("how many bowls?", *ranked), None).pages == ()  # words found them, not pictures


def test_paragraphs_that_speak_of_a_table_found(library: Library, tmp_path: Path) -> None:
    said = "As Table 1 shows, the kiln was hot."
    made = add(library, tmp_path, document("kilns.pdf", "Nothing of it.", said, pages=1))
    table = next(e for e in made.elements if e.type == "table")
    (one,) = related(library, [hit(library, table.id)])
    assert one.element.text == said
    assert one.score == 3.0
    assert one.reasons == ("speaks of Table 1",)
    paragraph = hit(library, one.element.id)
    assert related(library, [hit(library, table.id), paragraph]) == ()  # it is a hit already
    assert related(library, [paragraph]) == ()


def test_names_and_numbers_that_stand_nowhere(library: Library, tmp_path: Path) -> None:
    first = add(library, tmp_path, document("north_kilns.pdf", "Anna Rossi fired 318 bowls in 2015."))
    second = add(library, tmp_path, document("south.pdf", "Carlo fired 12 bowls in 2016."))
    question = "How many bowls did Rossi and Carlo fire in 2015 and 2024, in Siena?"
    assert set(absent(library, question, None).values()) == {"2024", "Siena"}
    assert set(absent(library, question, [first.id]).values()) == {"Carlo", "2024", "Siena"}
    assert set(absent(library, question, [second.id]).values()) == {"Rossi", "2015", "2024", "Siena"}


def test_misspelt_names_and_names_of_files_are_known(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("siena_kilns.pdf", "Anna Morandini fired 318 bowls."))
    assert absent(library, "What did Morandinni fire at the Siena works?", [made.id]) == {}


def test_a_question_without_names(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kilns.pdf", "Bowls were fired."))
    nothing = background(library, found("how many bowls were glazed?"), [made.id])
    assert (nothing.related, nothing.absent, nothing.notes()) == ((), {}, ())


def test_what_a_reader_is_told(library: Library, tmp_path: Path) -> None:
    add(library, tmp_path, document("kilns.pdf", "Bowls were fired."))
    assert background(library, found("Who is Rossi?"), None).notes() == ("nowhere in the documents asked: Rossi",)
