"""What a model looked at on a page: the right place, the score of the search, and pictures that show it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from svrag.cli import main
from svrag.errors import InputError
from svrag.library.ingest import add_paths
from svrag.library.store import Library
from svrag.library.units import PAGE_DPI
from svrag.retrievers.multivector.loading import load_multivector
from svrag.search import explain as module
from svrag.search.drawing import heat, overlay, sheet
from svrag.search.explain import Explanation, explain, explain_picture, picture_model
from tests.retrievers.multivector import tiny
from tests.retrievers.multivector.colinternvl2 import tiny as colinternvl2
from tests.retrievers.multivector.colours import ColourEncoder
from tests.retrievers.multivector.colphi3v import tiny as colphi3v

Capture = pytest.CaptureFixture[str]
RED = pymupdf.Rect(300, 100, 400, 200)  # of a page of 400 x 400 points
TURNED_RED = (0.5, 0.75, 0.75, 1.0)  # where a viewer sees it once the page is turned by 90 degrees


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with a document of two pages, a red square on each; the second page is turned."""
    made = tmp_path_factory.mktemp("explain")
    with pymupdf.open() as document:
        for rotation in (0, 90):
            page = document.new_page(width=400, height=400)
            page.draw_rect(RED, color=None, fill=(1, 0, 0))
            page.insert_text((40, 70), "A red square on a white page.", fontsize=11)
            page.set_rotation(rotation)
        document.save(made / "square.pdf")
    with Library.open(made / "library") as library:
        assert add_paths(library, [made / "square.pdf"], workers=1).added
    return made / "library"


@pytest.fixture
def explanation(folder: Path) -> Explanation:
    with Library.open(folder, create=False) as library:
        return explain(library, "where is red ?", "square.pdf", 1, ColourEncoder(tiles=2))


def test_the_planted_place_is_what_the_word_matched(explanation: Explanation) -> None:
    red = explanation.words.index("red")
    assert explanation.picture.size == (round(400 * PAGE_DPI / 72),) * 2
    assert explanation.maps.shape == (4, 16, 16)
    lit = np.argwhere(explanation.maps[red] > 0.9)
    assert (lit.min(0) == (4, 12)).all()
    assert (lit.max(0) == (7, 15)).all()
    place = explanation.places()[red]
    assert place is not None
    assert 0.75 <= place[0] < place[2] <= 1
    assert 0.25 <= place[1] < place[3] <= 0.5
    assert explanation.places()[explanation.words.index("where")] is None, "the prompt's token is the best match"
    assert explanation.score == pytest.approx(explanation.similarities.mean())
    assert [explanation.words[i] for i in explanation.asked()] == ["where", "is", "red"]


def test_the_score_is_that_of_maxsim_over_all_tokens(folder: Path) -> None:
    encoder = ColourEncoder()
    with Library.open(folder, create=False) as library:
        explanation = explain(library, "is it red or blue", "square.pdf", 1, encoder)
    (question,) = encoder.questions(["is it red or blue"])
    (page,) = encoder.pictures([explanation.picture])
    assert explanation.score == pytest.approx((question.vectors @ page.vectors.T).max(1).mean(), abs=1e-6)


def test_a_turned_page_is_explained_as_it_is_seen(folder: Path) -> None:
    with Library.open(folder, create=False) as library:
        turned = explain(library, "red", "square.pdf", 2, ColourEncoder())
    left, top, right, bottom = turned.boxes[0]
    assert TURNED_RED[0] <= left < right <= TURNED_RED[2]
    assert TURNED_RED[1] <= top < bottom <= TURNED_RED[3]


def test_tokens_that_models_add_are_not_asked(explanation: Explanation) -> None:
    words = ("<s>", "[CLS]", "<|im_start|>", "Query", ":", " ", "", "wh", "ere", " is", "red", " ?", "<pad>", "end")
    assert [words[i] for i in replace(explanation, words=words).asked()] == ["wh", "ere", " is", "red"]
    cut = ("<s>", "Query", ":", "渡", "\ufffd", "\ufffd", "7", "?")  # a letter of several tokens
    assert [cut[i] for i in replace(explanation, words=cut).asked()] == ["Query", "渡", "7"]
    assert replace(explanation, words=("?", "<s>")).asked() == [0, 1]


@pytest.mark.parametrize(
    ("write", "split"),
    [
        (tiny.write_colqwen2_5, False),
        (tiny.write_colidefics3, True),
        (colinternvl2.write, True),
        (colphi3v.write, True),
    ],
    ids=["ColQwen2.5", "ColIdefics3", "ColInternVL2", "ColPhi3V"],
)
def test_maps_cover_the_page_whatever_the_family(write: Callable[[Path], object], split: bool, tmp_path: Path) -> None:
    write(tmp_path / "model")
    encoder = load_multivector(str(tmp_path / "model"))
    page = Image.effect_noise((360, 500), 90).convert("RGB")
    made = explain_picture("What is red?", "page.pdf", 1, page, encoder)
    assert np.isfinite(made.maps).all()
    assert made.maps.std(axis=(1, 2)).max() > 0
    assert made.maps.shape[1] >= made.maps.shape[2] > 1, "an upright page"
    assert "".join(made.words[i] for i in made.asked()).replace(" ", "") == "Whatisred"
    assert sheet(made).height > heat(made).height
    boxes = encoder.pictures([page])[0].boxes
    assert boxes is not None
    widths = boxes[np.isfinite(boxes).all(1)][:, 2] - boxes[np.isfinite(boxes).all(1)][:, 0]
    assert (widths.max() > 1.5 * widths.min()) == split


@pytest.mark.parametrize(
    ("question", "document", "page", "line"),
    [("?!", "square.pdf", 1, "no words"), ("red", "none.pdf", 1, "none.pdf"), ("red", "square.pdf", 3, "no page 3")],
)
def test_what_cannot_be_explained_is_one_line(
    folder: Path, question: str, document: str, page: int, line: str
) -> None:
    with Library.open(folder, create=False) as library, pytest.raises(InputError, match=line):
        explain(library, question, document, page, ColourEncoder())


def test_a_model_of_texts_sees_no_pages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoders = {
        name: ColourEncoder(name=name, reads_pictures=name == "made/eyes") for name in ("made/words", "made/eyes")
    }
    with Library.open(folder, create=False) as library, pytest.raises(InputError, match="made/words reads texts only"):
        explain(library, "red", "square.pdf", 1, encoders["made/words"])
    monkeypatch.setattr(module, "load_multivector", encoders.__getitem__)
    assert picture_model("lexical,made/words,made/eyes") is encoders["made/eyes"]
    for retriever, line in (("lexical,dense", "sees no pages"), ("dense,made/words", "made/words reads texts only")):
        with pytest.raises(InputError, match=f"{line}: name a model that reads pictures with --retriever"):
            picture_model(retriever)


# Drawing -------------------------------------------------------------------------------------------------------------


def test_nothing_is_drawn_where_nothing_matched() -> None:
    page = Image.effect_noise((60, 40), 80).convert("RGB")
    for nothing in (np.zeros((4, 6)), np.full((4, 6), np.nan), np.full((4, 6), -3.0)):
        assert overlay(page, nothing.astype(np.float32)).tobytes() == page.tobytes()


def test_more_is_darker_and_what_is_written_stays_legible() -> None:
    strengths = np.linspace(0, 1, 12, dtype=np.float32)[None].repeat(2, 0)
    half = Image.new("L", (240, 40), 255)
    half.paste(0, (0, 20, 240, 40))
    drawn = overlay(half.convert("RGB"), strengths)
    assert drawn.size == (240, 40)
    grey = np.asarray(drawn.convert("L"), dtype=float)
    white, black = grey[2], grey[-2]
    assert (np.diff(white[::10]) <= 0.5).all()
    assert white[-1] < white[0] - 60
    assert (white - black > 80).all(), "words on the page would drown"


def test_the_sheet_shows_the_page_and_every_word(explanation: Explanation) -> None:
    drawn = np.asarray(sheet(explanation), dtype=int)
    coloured = np.ptp(drawn, axis=2) > 40
    assert coloured.any(axis=1).argmax() > 80, "a heading stands above"
    more = replace(
        explanation,
        question=" ".join([explanation.question] * 3),
        words=explanation.words * 3,
        similarities=np.tile(explanation.similarities, 3),
        boxes=np.tile(explanation.boxes, (3, 1)),
        maps=np.tile(explanation.maps, (3, 1, 1)),
    )
    assert sheet(more).height > sheet(explanation).height
    page = np.asarray(heat(explanation), dtype=int)
    height, width = page.shape[:2]
    hot = np.argwhere(np.ptp(page, axis=2) > 60) / (height, width)
    assert (np.abs(hot.mean(0) - (0.375, 0.875)) < 0.03).all()
    assert len(hot) > 0.04 * width * height, "most of the square, a sixteenth of the page"


# The command ---------------------------------------------------------------------------------------------------------


def test_the_command_draws_and_tells(
    folder: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load_multivector", lambda name: ColourEncoder(name=name))
    picture = tmp_path / "out.png"
    command = ["explain", "where is red ?", "square.pdf", "1", "--out", str(picture), "--library", str(folder)]
    assert main([*command, "--retriever", "lexical,made/colours"]) == 0
    said = capsys.readouterr()
    assert [line.split()[-1] for line in said.out.splitlines()[:4]] == ["word", "where", "is", "red"]
    assert "square.pdf, page 1: score 1.000 (made/colours)" in said.out
    with Image.open(picture) as image:
        assert image.format == "PNG"
        assert image.width > 1000
    assert main([*command, "--retriever", "made/colours", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["document"], made["page"], made["model"]) == ("square.pdf", 1, "made/colours")
    assert [token["word"] for token in made["tokens"]] == ["where", "is", "red", "?"]
    assert made["tokens"][0]["box"] is None
    assert made["tokens"][2]["box"][0] >= 0.75
    for changed, line in (
        (command, "lexical sees no pages"),
        ([*command[:3], "9", *command[4:], "--retriever", "made/colours"], "no page 9"),
        ([*command[:5], str(tmp_path / "no" / "out.png"), *command[6:]], "there is no folder"),
    ):
        assert main(changed) == 1
        (only,) = capsys.readouterr().err.splitlines()
        assert line in only
