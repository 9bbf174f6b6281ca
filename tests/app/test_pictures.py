from __future__ import annotations

import base64
import io
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from svrag.app.evidence import Evidence, found
from svrag.app.pictures import CardPicture, card_pictures, elements_on, page_view
from svrag.errors import InputError
from svrag.library.store import Library
from svrag.search.engine import search


@pytest.fixture
def library(library_folder: Path) -> Library:
    return Library.open(library_folder, create=False)


def image_of(address: str) -> Image.Image:
    kind, _, data = address.partition(",")
    assert kind == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("L")


def ask(library: Library, question: str) -> tuple[Evidence, ...]:
    return found(search(library, question, k=5))


def test_every_piece_of_evidence_has_a_picture_with_ink(library: Library) -> None:
    evidence = ask(library, "How long was the kiln fired?")
    pictures = card_pictures(library, evidence)
    assert set(pictures) == {one.element.id for one in evidence}
    for one in evidence:
        picture = pictures[one.element.id]
        assert image_of(picture.crop).getextrema()[0] < 100
        assert image_of(picture.page).width < 300
        assert len(picture.marks) == 1


def test_boxes_lie_on_their_words_on_a_page_that_is_turned(library: Library) -> None:
    evidence = ask(library, "Which lantern was lit with whale oil?")
    chosen = evidence[0]
    assert chosen.document_name == "turned.pdf"
    view = page_view(library, chosen.element.document_id, chosen.element.page, evidence, chosen.element)
    image = image_of(view.picture)
    assert image.width > image.height  # 400 by 600 points, turned
    (mark,) = view.marks
    assert mark.chosen
    left, top = mark.left / 100 * image.width, mark.top / 100 * image.height
    right, bottom = left + mark.width / 100 * image.width, top + mark.height / 100 * image.height
    outside = image.copy()
    outside.paste(255, (int(left) - 3, int(top) - 3, int(right) + 3, int(bottom) + 3))
    assert image.getextrema()[0] < 100
    assert outside.getextrema()[0] > 200, "words of the only line lie outside its box"


def test_cited_evidence_is_marked_beside_what_was_clicked(library: Library) -> None:
    evidence = ask(library, "How long was the kiln fired, and what was the mean weight of the bowls?")
    same = [one for one in evidence if (one.document_name, one.element.page) == ("kiln.pdf", 1)]
    assert len(same) >= 2
    cited, chosen, *rest = same
    shown = [replace(cited, number=1), chosen, *rest]
    view = page_view(library, chosen.element.document_id, 1, shown, chosen.element)
    assert sorted((mark.number or 0, mark.chosen) for mark in view.marks) == [(0, True), (1, False)]
    assert page_view(library, chosen.element.document_id, 2, shown, chosen.element).marks == ()
    with pytest.raises(InputError, match="no page 3"):
        page_view(library, chosen.element.document_id, 3, shown, chosen.element)


def test_evidence_of_a_document_that_is_gone_has_no_picture(library: Library) -> None:
    evidence = ask(library, "How long was the kiln fired?")
    gone = replace(evidence[0], element=replace(evidence[0].element, document_id="feedfeedfeed"))
    beyond = replace(evidence[0], element=replace(evidence[0].element, page=99))
    assert card_pictures(library, [gone, beyond]) == {}


def test_many_threads_draw_the_same(library_folder: Path, library: Library) -> None:
    evidence = ask(library, "How long was the kiln fired?")
    expected = card_pictures(library, evidence)
    drawn: list[dict[str, CardPicture]] = []

    def draw() -> None:
        with Library.open(library_folder, create=False) as own:
            drawn.append(card_pictures(own, evidence))

    threads = [threading.Thread(target=draw) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == [expected] * 6


def test_all_elements_of_a_page_can_have_boxes(library: Library) -> None:
    document = library.find("kiln.pdf").id
    elements = elements_on(library, document, 1)
    view = page_view(library, document, 1, everything=True)
    assert sorted(mark.element_id for mark in view.marks) == sorted(element.id for element in elements)
    chosen = page_view(library, document, 1, (), elements[0], everything=True)
    assert [mark.element_id for mark in chosen.marks if mark.chosen] == [""]
    assert len(chosen.marks) == len(elements)
    areas = [mark.width * mark.height for mark in view.marks]
    assert areas == sorted(areas, reverse=True), "small boxes lie above large ones"


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_an_error_names_the_document_and_not_the_copy(library_folder: Path, tmp_path: Path, damage: str) -> None:
    shutil.copytree(library_folder, tmp_path / "library")
    with Library.open(tmp_path / "library") as library:
        document = library.find("kiln.pdf")
        if damage == "gone":
            document.source.unlink()
        else:
            document.source.write_bytes(b"%PDF-1.7 and no more")
        with pytest.raises(InputError, match=r"kiln\.pdf") as caught:
            page_view(library, document.id, 1)
        assert document.source.name not in str(caught.value)
        assert str(tmp_path) not in str(caught.value)
