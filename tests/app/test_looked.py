"""What the model looked at, in the page view: offered where a model reads pages, drawn when it is asked for."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from svrag.app.evidence import found
from svrag.app.exchange import Conversation, Exchange
from svrag.app.looking import Word, heat_address, words_of
from svrag.app.sheet import WHOLE
from svrag.app.viewer import InView, Viewer
from svrag.errors import ServerError
from svrag.library.store import Library
from svrag.search import explain
from svrag.search.engine import search
from svrag.search.explain import Explanation
from tests.app.test_markup import Reader
from tests.retrievers.multivector.colours import ColourEncoder

QUESTION = "How long was the black kiln fired?"
EYES = "lexical,made/eyes"


@pytest.fixture
def library(library_folder: Path) -> Library:
    return Library.open(library_folder, create=False)


@pytest.fixture
def conversation(library: Library) -> Conversation:
    result = search(library, QUESTION, k=3)
    return Conversation((Exchange(QUESTION, found(result), {}, result),), 0)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Models that were asked for; those called "made/words" read texts only."""
    names: list[str] = []

    def load(name: str) -> ColourEncoder:
        names.append(name)
        return ColourEncoder(name=name, reads_pictures=name != "made/words", patches=16)

    monkeypatch.setattr(explain, "load_multivector", load)
    return names


def image(sheet: str) -> np.ndarray:
    address = next(attributes["src"] for tag, attributes in Reader(sheet).tags if tag == "img")
    assert address is not None
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGB"), dtype=int)


def looks(sheet: str) -> dict[str | None, str]:
    """The words of the buttons by their values."""
    found: dict[str | None, str] = {}
    for piece in sheet.split('data-action="look"')[1:]:
        shown = Reader("<button" + piece.partition("</button>")[0])
        found[shown.tags[0][1]["data-value"]] = shown.words
    return found


@pytest.mark.parametrize("retriever", ["lexical", "lexical,made/words"])
def test_nothing_is_offered_without_a_model_that_reads_pages(
    retriever: str, library: Library, conversation: Conversation, loaded: list[str]
) -> None:
    viewer = Viewer()
    shown = viewer.after(library, conversation, None, "open", "0:0")
    assert shown is not None
    assert looks(viewer.html(library, conversation, shown, retriever)) == {}
    assert len(loaded) == ("made/words" in retriever)
    assert looks(viewer.html(library, conversation, InView(shown.document, 1), EYES)) == {}, (
        "no question, nothing to see"
    )


def test_the_page_with_what_the_model_looked_at_word_by_word_and_back(
    library: Library, conversation: Conversation, loaded: list[str]
) -> None:
    viewer = Viewer()
    shown = viewer.after(library, conversation, None, "open", "0:0")
    assert shown is not None
    plain = viewer.html(library, conversation, shown, EYES)
    assert looks(plain) == {WHOLE: "What the model looked at"}
    assert np.ptp(image(plain), axis=2).max() < 30, "a black and white page"

    shown = viewer.after(library, conversation, shown, "look", WHOLE)
    assert shown is not None
    whole = viewer.html(library, conversation, shown, EYES)
    assert list(looks(whole).values())[1:] == ["How", "long", "was", "the", "black", "kiln", "fired"]
    assert "sv-chosen" in whole, "the boxes stay"
    assert "sv-looked" in whole
    kiln, black = (next(value for value, text in looks(whole).items() if text == name) for name in ("kiln", "black"))
    assert kiln is not None
    assert black is not None

    shown = viewer.after(library, conversation, shown, "look", kiln)
    assert shown is not None
    word = viewer.html(library, conversation, shown, EYES)
    assert looks(word)[""] == "kiln", "another click leads back"
    dark = image(plain).max(axis=2) < 100
    rows = np.flatnonzero(dark.any(axis=1)) / len(dark)
    for sheet in (whole, word):
        colours = np.ptp(image(sheet), axis=2) > 40
        lit = np.flatnonzero(colours.any(axis=1)) / len(colours)
        assert rows.min() - 0.1 < lit.min() < lit.max() < rows.max() + 0.1, "the map lies where ink is"

    pale = viewer.html(library, conversation, replace(shown, look=black), EYES)
    assert np.ptp(image(pale), axis=2).max() < 30, "maps are to one scale: this word stands out nowhere"
    again = viewer.after(library, conversation, shown, "look", "")
    assert again is not None
    assert (image(viewer.html(library, conversation, again, EYES)) == image(plain)).all()
    turned = viewer.after(library, conversation, shown, "turn", "2")
    assert turned is not None
    assert turned.look == "", "the next page is a page again"
    assert loaded.count("made/eyes") == 2, "asked once whether it reads pages, and once to look"


def test_what_fails_is_told(
    library: Library, conversation: Conversation, loaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = Viewer()
    shown = viewer.after(library, conversation, None, "open", "0:0")
    assert shown is not None

    def away(*_: object) -> None:
        raise ServerError("the server is away")

    monkeypatch.setattr(ColourEncoder, "pictures", away)
    viewer.html(library, conversation, shown, EYES)
    with pytest.raises(ServerError, match="away"):
        viewer.html(library, conversation, replace(shown, look=WHOLE), EYES)


def explanation(question: str, *tokens: str) -> Explanation:
    count = len(tokens)
    maps = np.zeros((count, 4, 4), dtype=np.float32)
    for i in range(count):
        maps[i, i % 4, i % 4] = 1
    picture = Image.new("RGB", (64, 64), "white")
    boxes = np.full((count, 4), np.nan, dtype=np.float32)
    return Explanation(question, "a.pdf", 1, "made", picture, tokens, np.ones(count, dtype=np.float32), boxes, maps)


def test_words_are_made_of_the_models_tokens() -> None:
    made = explanation(
        "Which glazes, if any?", "<bos>", "Question", ":", " Which", " gla", "zes", ",", " if", " any", "?", "<pad>"
    )
    assert words_of(made) == (Word("Which", (3,)), Word("glazes", (4, 5)), Word("if", (7,)), Word("any", (8,)))
    split = explanation("Größe", "Gr", "\ufffd", "e")
    assert words_of(split) == (Word("Gr", (0,)), Word("e", (2,)))


def test_the_map_of_a_word_is_that_of_its_tokens() -> None:
    made = explanation("a b", "a", "b")
    first, second, both = (heat_address(made, word) for word in (Word("a", (0,)), Word("b", (1,)), Word("ab", (0, 1))))

    def lit(address: str) -> np.ndarray:
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
            return np.ptp(np.asarray(picture.convert("RGB"), dtype=int), axis=2) > 60

    assert lit(first)[:16, :16].any()
    assert not lit(first)[20:].any()
    assert lit(second)[20:28, 20:28].any()
    assert lit(both)[:16, :16].any()
    assert lit(both)[20:28, 20:28].any()
