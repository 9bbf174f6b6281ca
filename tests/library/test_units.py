from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from svrag.graph.build import build_graph
from svrag.graph.places import places_of
from svrag.library.store import Library, StoredDocument
from svrag.library.tokens.identity import Unit, UnitKind
from svrag.library.units import PAGE_DPI, units_of
from tests.documents_made import write_paper
from tests.library.made import add, document
from tests.retrievers.multivector.words import WordEncoder


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def paper(library: Library, folder: Path, pages: int = 2) -> StoredDocument:
    """A file that can be drawn, and a description of it that nobody had to read it for."""
    made = document("paper.pdf", "The kiln was fired.", pages=pages)
    library.add(made, build_graph(made), write_paper(folder / "paper.pdf", pages=pages))
    return library.documents()[0]


def units(library: Library, stored: StoredDocument, encoder: WordEncoder, kind: UnitKind) -> list[Unit]:
    told: list[tuple[int, int]] = []
    made = list(units_of(library, stored, encoder, kind, lambda done, total: told.append((done, total))))
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    return made


@pytest.mark.parametrize("reads_pictures", [True, False])
def test_pages_elements_or_both(library: Library, tmp_path: Path, reads_pictures: bool) -> None:
    stored = paper(library, tmp_path)
    elements = library.elements_of(stored.id)
    encoder = WordEncoder(reads_pictures=reads_pictures)
    pages = units(library, stored, encoder, "pages")
    assert [(unit.type, unit.page) for unit in pages] == [("page", 1), ("page", 2)]
    others = units(library, stored, encoder, "elements")
    assert {unit.type for unit in others} == {"section_header", "text", "table"}  # a caption is read with its table
    both = units(library, stored, encoder, "cascade")
    assert {unit.position for unit in both} == {unit.position for unit in (*pages, *others)}
    for unit in both:
        assert (unit.type, unit.page) == (elements[unit.position].type, elements[unit.position].page)


def test_a_model_of_pictures_gets_pages_and_tables_as_pictures_and_paragraphs_as_texts(
    library: Library, tmp_path: Path
) -> None:
    stored = paper(library, tmp_path, pages=1)
    encoder = WordEncoder(reads_pictures=True)
    units(library, stored, encoder, "cascade")
    sizes = [seen for seen in encoder.seen if isinstance(seen, tuple)]
    page = (round(595 * PAGE_DPI / 72), round(842 * PAGE_DPI / 72))
    assert [size for size in sizes if size == page] == [page]
    assert len(sizes) == 2
    texts = [seen for seen in encoder.seen if isinstance(seen, str)]
    assert sorted(texts) == ["1 Firing", "1 Firing\nThe kiln was fired."]


def test_a_model_of_texts_gets_long_texts_in_pieces_and_all_their_words(library: Library, tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(400)]
    made = add(library, tmp_path, document("long.pdf", " ".join(words), pages=1))
    encoder = WordEncoder()
    stored = library.documents()[0]
    (unit,) = [unit for unit in units(library, stored, encoder, "elements") if unit.type == "text"]
    assert len(encoder.seen) > 2
    assert max(len(str(piece).split()) for piece in encoder.seen) <= 160
    assert stored.id == made.id
    for word in words:
        assert (unit.vectors @ encoder.vector(word)).max() == pytest.approx(1.0)


def test_one_endless_word_is_cut(library: Library, tmp_path: Path) -> None:
    add(library, tmp_path, document("endless.pdf", "x" * 5000, pages=1))
    encoder = WordEncoder()
    units(library, library.documents()[0], encoder, "elements")
    assert max(len(str(piece)) for piece in encoder.seen) < 1500
    assert "".join(str(piece).split("\n")[-1] for piece in encoder.seen if "xx" in str(piece)) == "x" * 5000


def test_what_has_no_words_is_left_to_models_of_pictures(library: Library, tmp_path: Path) -> None:
    made = document("blank.pdf", "", pages=1)
    add(library, tmp_path, replace(made, elements=made.elements[1:2]))
    assert units(library, library.documents()[0], WordEncoder(), "cascade") == []


def test_vectors_are_those_of_the_encoder(library: Library, tmp_path: Path) -> None:
    add(library, tmp_path, document("a.pdf", "The kiln was fired.", pages=1))
    encoder = WordEncoder()
    (unit,) = [one for one in units(library, library.documents()[0], encoder, "elements") if one.type == "text"]
    assert np.array_equal(unit.vectors, encoder.passages(["1 Firing\nThe kiln was fired."])[0].vectors)


@pytest.mark.parametrize("reads_pictures", [True, False])
def test_a_model_that_reads_places_is_told_each_elements(
    library: Library, tmp_path: Path, reads_pictures: bool
) -> None:
    stored = paper(library, tmp_path)
    encoder = WordEncoder(reads_pictures=reads_pictures)
    units(library, stored, encoder, "cascade")
    places = places_of(library.graph(stored.id))
    read = [e for e in library.elements_of(stored.id) if not (e.type == "caption" and e.target_id)]
    pictured = {"figure", "table", "equation", "page"} if reads_pictures else set()
    expected = sorted(read, key=lambda element: element.type not in pictured)
    assert encoder.placed == [places.get(element.id) for element in expected]
    assert None in encoder.placed  # pages have none
    assert len(set(encoder.placed)) > 2


def test_a_model_that_reads_less_gets_shorter_pieces(library: Library, tmp_path: Path) -> None:
    add(library, tmp_path, document("long.pdf", " ".join(f"w{i}" for i in range(100)), pages=1))
    encoder = WordEncoder(reads_words=20)
    units(library, library.documents()[0], encoder, "elements")
    pieces = [str(piece).split("\n")[-1] for piece in encoder.seen if "\nw" in str(piece)]
    assert [len(piece.split()) for piece in pieces] == [20] * 5
    assert len(encoder.placed) == len(encoder.seen)
