from __future__ import annotations

from pathlib import Path

import pytest

from svrag.app.neighbours import MOST, neighbourhood
from svrag.app.shelf import examples
from svrag.library.store import Library
from tests.library.made import add, document


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def test_examples_are_asked_of_figures_and_tables_of_all_documents(library: Library, tmp_path: Path) -> None:
    assert examples(library.folder) == []
    add(library, tmp_path, document("kiln.pdf", "A kiln.", pages=9))
    suggested = examples(library.folder)
    assert len(suggested) == 4
    assert suggested[0] == "What does Table 1 show about “Heat of the kilns”?"
    assert len(set(suggested)) == 4


def test_a_table_stands_beside_its_caption_and_its_section(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", "Table 1 says how hot.", "Nothing."))
    table = next(e for e in made.elements if e.type == "table")
    around = neighbourhood(library, table)
    relations = {one.relation: one.element for one in around.before}
    assert relations["its caption"].target_id == table.id
    assert relations["its section"].type == "section_header"
    assert relations["mentions it"].text == "Table 1 says how hot."
    caption = neighbourhood(library, relations["its caption"])
    assert "its figure or table" in {one.relation for one in caption.after}


def test_of_many_neighbours_some_are_left_out_and_counted(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *(f"Bowl {i}." for i in range(20)), pages=1))
    header = next(e for e in made.elements if e.type == "section_header")
    around = neighbourhood(library, header)
    edges = [edge for edge in library.edges_of([header.id]) if edge.source == header.id]
    assert len(around.after) == MOST
    assert around.more == (0, len(edges) - MOST)
