"""What the model looked at, in the page view: offered where a model reads pages, drawn when it is asked for."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from svrag.app import markup
from svrag.app.evidence import Evidence, found
from svrag.app.pictures import looked_at, page_view
from svrag.errors import InputError, ServerError
from svrag.generation.quote import QuoteGenerator
from svrag.library.store import Library
from svrag.search import explain
from svrag.search.engine import search
from tests.app.test_markup import Reader
from tests.retrievers.multivector.colours import ColourEncoder

gr = pytest.importorskip("gradio", reason="the web app is not installed")

from svrag.app.web import Shown, WebApp  # noqa: E402  # after the check for Gradio

QUESTION = "How long was the black kiln fired?"


def evidence_of(folder: Path) -> tuple[Evidence, ...]:
    with Library.open(folder, create=False) as library:
        return found(search(library, QUESTION, k=3))


def clicked(action: str, value: object) -> Any:
    return gr.EventData(None, {"action": action, "value": str(value)})


def picture(sheet: str) -> np.ndarray:
    address = next(attributes["src"] for tag, attributes in Reader(sheet).tags if tag == "img")
    assert address is not None
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"), dtype=int)


def buttons(sheet: str) -> list[dict[str, str | None]]:
    return [attributes for _, attributes in Reader(sheet).tags if attributes.get("data-action") == "look"]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Models that were asked for; those called "made/words" read texts only."""
    names: list[str] = []

    def load(name: str) -> ColourEncoder:
        names.append(name)
        return ColourEncoder(name=name, reads_pictures=name != "made/words", patches=16)

    monkeypatch.setattr(explain, "load_multivector", load)
    return names


@pytest.mark.parametrize("retriever", ["lexical", "lexical,made/words"])
def test_nothing_is_offered_without_a_model_that_reads_pages(
    retriever: str, library_folder: Path, loaded: list[str]
) -> None:
    web = WebApp(library_folder, retriever, QuoteGenerator(), 5)
    sheet, _, place = web.open(evidence_of(library_folder), clicked("open", 0))
    assert buttons(sheet) == []
    assert place is not None
    assert len(loaded) == ("made/words" in retriever)


def test_the_page_with_what_the_model_looked_at_and_back(library_folder: Path, loaded: list[str]) -> None:
    web = WebApp(library_folder, "lexical,made/eyes", QuoteGenerator(), 5)
    evidence = evidence_of(library_folder)
    assert {one.question for one in evidence} == {QUESTION}
    plain, _, place = web.open(evidence, clicked("open", 0))
    (button,) = buttons(plain)
    assert (button["data-value"], button["aria-pressed"]) == ("1", "false")
    assert np.ptp(picture(plain), axis=2).max() < 30, "a black and white page"

    sheet, viewer, place = web.turn(evidence, place, clicked("look", "1"))
    assert place == Shown(0, evidence[0].element.page, looked=True)
    assert viewer.visible
    (button,) = buttons(sheet)
    assert (button["data-value"], button["aria-pressed"]) == ("0", "true")
    assert "sv-chosen" in sheet, "the boxes stay"
    colours = np.ptp(picture(sheet), axis=2) > 40
    dark = picture(plain).max(axis=2) < 100
    rows = np.flatnonzero(dark.any(axis=1)) / len(dark)
    lit = np.flatnonzero(colours.any(axis=1)) / len(colours)
    assert rows.min() - 0.1 < lit.min() < lit.max() < rows.max() + 0.1, "the word black matches where ink is"

    sheet, _, place = web.turn(evidence, place, clicked("look", "0"))
    assert (picture(sheet) == picture(plain)).all()
    _, _, place = web.turn(evidence, Shown(0, 1, looked=True), clicked("turn", 2))
    assert place == Shown(0, 2), "the next page is a page again"
    assert loaded.count("made/eyes") == 2, "asked once whether it reads pages, and once to look"


def test_what_fails_is_one_line(library_folder: Path, loaded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    web = WebApp(library_folder, "made/eyes", QuoteGenerator(), 5)
    evidence = evidence_of(library_folder)
    _, _, place = web.open(evidence, clicked("open", 0))

    def away(*_: object) -> None:
        raise ServerError("the server is away")

    monkeypatch.setattr(ColourEncoder, "pictures", away)
    sheet, viewer, shown = web.turn(evidence, place, clicked("look", "1"))
    assert "the server is away" in Reader(sheet).words
    assert viewer.visible
    assert shown is None


def test_a_view_says_whether_it_shows_what_was_looked_at(library_folder: Path) -> None:
    evidence = evidence_of(library_folder)
    chosen = evidence[0]
    with Library.open(library_folder, create=False) as library:
        view = page_view(library, chosen.element.document_id, 1, evidence, chosen)
        assert view.looked is None
        looked = looked_at(library, view, chosen.element.document_id, QUESTION, ColourEncoder())
        assert replace(looked, picture="", looked=None) == replace(view, picture="")
        assert looked.picture != view.picture
        with pytest.raises(InputError, match="reads texts only"):
            looked_at(library, view, chosen.element.document_id, "x", ColourEncoder(reads_pictures=False))
    assert "sv-look" not in markup.page_html(view)
    assert "sv-look" in markup.page_html(looked)
