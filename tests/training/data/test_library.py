from __future__ import annotations

import json
from pathlib import Path

import pymupdf
import pytest

from svrag.errors import InputError, LibraryError
from svrag.graph.build import build_graph
from svrag.graph.places import places_of
from svrag.library.store import Library
from svrag.library.units import PAGE_DPI
from svrag.training.config import Anchors, LibraryData
from svrag.training.data.anchors import AnchorData, GraphDocument
from svrag.training.data.graphs import graph_documents
from svrag.training.data.library import PictureCrop, without_names
from tests.library.made import add, document

SENTENCES = ("The north kiln was fired for two days.", "As Table 1 shows, it was hot.")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    with Library.open(tmp_path / "library") as library:
        add(library, tmp_path, document("kilns.pdf", *SENTENCES))
        add(library, tmp_path, document("bowls.pdf", "Bowls were glazed in blue.", "Others were white."))
    return tmp_path / "library"


def read(folder: Path, *, pictures: bool = False, **given: object) -> list[GraphDocument]:
    return graph_documents(LibraryData(kind="library", library=folder, **given), pictures=pictures)  # type: ignore[arg-type]


def both(folder: Path, **given: object) -> list[GraphDocument]:
    """On kilns and on bowls."""
    return sorted(read(folder, **given), key=lambda one: "bowls" in str(one.items).lower())


def by_type(one: GraphDocument) -> dict[str, str]:
    return {node.id: node.type for node in one.graph.nodes}


def test_what_is_read_of_elements_in_words(library: Path) -> None:
    kilns, _ = both(library)
    types = by_type(kilns)
    assert {types[id] for id in kilns.items} == {"section_header", "text", "table"}, "captions are read with tables"
    assert {types[id] for id in kilns.anchors} == {"text", "caption"}
    assert kilns.uncaptioned is not None
    table = next(id for id in kilns.items if types[id] == "table")
    assert kilns.items[table].text == "1 Firing\nTable 1. Heat of the kilns.\nKiln Heat\nNorth 1240"
    assert kilns.uncaptioned[table].text == "1 Firing\nKiln Heat\nNorth 1240"
    places = places_of(kilns.graph)
    for items in (kilns.items, kilns.anchors, kilns.uncaptioned):
        assert all(item.place == places[id] for id, item in items.items())


def test_an_anchor_does_not_name_its_partner(library: Path) -> None:
    kilns, _ = both(library)
    texts = {item.text for item in kilns.anchors.values()}
    assert texts == {"The north kiln was fired for two days.", "As shows, it was hot.", "Heat of the kilns."}
    data = AnchorData(read(library), Anchors(), 1, 40)
    assert data.counts().keys() == {"caption_of", "refer_to"}
    for example in data:
        partner = example.documents[0]
        assert partner.place is not None
        assert partner.place.type == "table"
        assert ("Table 1" in partner.text or "Table 2" in partner.text) == (
            example.query.text == "As shows, it was hot."
        )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Figure 3: Heat.", "Heat"),
        ("As Figs. 2, 3 and Table 4 show, heat rose.", "As and show, heat rose."),
        ("Nothing is named.", "Nothing is named."),
        ("Table 2", ""),
        ("", ""),
    ],
)
def test_names_are_taken_out(text: str, left: str) -> None:
    assert without_names(text).rstrip(".") == left.rstrip(".")


def test_figures_are_crops_that_are_drawn_when_opened(tmp_path: Path) -> None:
    with pymupdf.open() as drawn_on:
        for _ in range(2):
            drawn_on.new_page(width=595, height=842)
        pages = drawn_on.tobytes()
    made = document("kilns.pdf", *SENTENCES)
    with Library.open(tmp_path / "library") as library:
        library.add(made, build_graph(made), tmp_path / "kilns.pdf", readable_copy=pages)
    (one,) = read(tmp_path / "library", pictures=True)
    types = by_type(one)
    drawn = {id: item.picture for id, item in one.items.items() if item.picture is not None}
    assert {types[id] for id in drawn} <= {"figure", "table", "equation"}
    assert not any(one.items[id].picture is None for id in one.items if types[id] in ("figure", "table", "equation"))
    id, crop = next(iter(drawn.items()))
    assert isinstance(crop, PictureCrop)
    assert crop.key == id
    picture = crop.open()
    assert picture.mode == "RGB"
    assert picture.width == pytest.approx((crop.box.width + 10) * PAGE_DPI / 72, abs=12)
    assert one.uncaptioned is not None
    assert one.uncaptioned[id] == one.items[id], "no caption is in the crop"
    with pytest.raises(InputError):
        PictureCrop(tmp_path / "gone.pdf", 1, crop.box, "x").open()


def test_questions_with_elements_or_pages(library: Path, tmp_path: Path) -> None:
    kilns, _ = both(library)
    table = next(id for id, kind in by_type(kilns).items() if kind == "table")
    asked = [
        {"question": "How hot?", "document": "kilns.pdf", "elements": [table]},
        {"question": "How long?", "document": kilns.graph.document_id, "pages": [2]},
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, asked)) + "\n\n")
    kilns, bowls = both(library, questions=file)
    hot, long = kilns.questions
    assert (hot.text, hot.elements) == ("How hot?", (table,))
    assert set(long.elements) == {node.id for node in kilns.graph.nodes if node.page == 2}
    assert bowls.questions == ()
    assert [one.graph.document_id for one in read(library, documents=("bowls.pdf",), questions=file)] == [
        bowls.graph.document_id
    ], "questions of other documents are left out"
    assert AnchorData([kilns, bowls], Anchors(), 1, 5).counts()["question"] == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": "How hot?", "document": "kilns.pdf"}', "line 1 is no question"),
        ('{"question": "How', "line 1 is no question"),
        ('["How hot?"]', "line 1 is no question"),
        ('{"question": "How hot?", "document": "kilns.pdf", "elements": ["x.1.1"]}', "has no element 'x.1.1'"),
        ('{"question": "How hot?", "document": "kilns.pdf", "pages": 3}', "line 1 is no question"),
        ('{"question": "How hot?", "document": "plates.pdf", "pages": [1]}', "plates.pdf"),
    ],
)
def test_wrong_questions(library: Path, tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(line + "\n")
    with pytest.raises((InputError, LibraryError), match=said) as raised:
        read(library, questions=file)
    assert "\n" not in str(raised.value)


def test_what_is_not_there(library: Path, tmp_path: Path) -> None:
    with pytest.raises((InputError, LibraryError)):
        read(tmp_path / "nowhere")
    with pytest.raises((InputError, LibraryError), match="plates"):
        read(library, documents=("plates.pdf",))
    with pytest.raises(InputError, match="cannot read"):
        read(library, questions=tmp_path / "nowhere.jsonl")
