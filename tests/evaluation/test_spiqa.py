from __future__ import annotations

from pathlib import Path

import pytest

from svrag.documents.model import Box
from svrag.errors import InputError
from svrag.evaluation import spiqa
from tests.evaluation.files_made import write_json, write_picture

FIGURES = {
    "1611.04684v1-Figure1-1.png": {"caption": "Figure 1: A kiln.", "content_type": "figure", "figure_type": "plot"},
    "1611.04684v1-Table1-1.png": {"caption": "Table 1: Heat.", "content_type": "table", "figure_type": "table"},
}
ASKED = {
    "question": "How hot?",
    "answer": "1240 degrees",
    "explanation": "It says so.",
    "reference": "1611.04684v1-Table1-1.png",
}
PAPER = {"paper_id": "1611.04684v1", "all_figures": FIGURES, "qa": [ASKED]}


def write(folder: Path, paper: object = PAPER) -> Path:
    write_json(folder / "SPIQA_testA.json", {"1611.04684v1": paper})
    for name in FIGURES:
        write_picture(folder / "SPIQA_testA_Images" / "1611.04684v1" / name, size=(300, 150))
    return folder


@pytest.mark.parametrize("inside", ["", "test-A"])
def test_figures_are_pages_and_the_gold_is_the_whole_of_one(tmp_path: Path, inside: str) -> None:
    write(tmp_path / inside)
    loaded = spiqa.load(tmp_path)
    (paper,) = loaded.given
    assert paper.document.name == "1611.04684v1"
    assert [page.label for page in paper.document.pages] == list(FIGURES)
    assert [path.name for path in paper.pictures] == list(FIGURES)
    assert [(e.page, e.type, e.label, e.caption, e.text) for e in paper.document.elements] == [
        (1, "figure", "Figure 1", "Figure 1: A kiln.", ""),
        (2, "table", "Table 1", "Table 1: Heat.", ""),
    ]
    (question,) = loaded.questions
    assert (question.document, question.evidence_pages) == ("1611.04684v1", (2,))
    (gold,) = question.gold_boxes
    page = paper.document.pages[1]
    assert gold.on(page).box == paper.document.elements[1].box == Box(0, 0, page.width, page.height)
    assert dict(question.slices) == {"content_type": "table", "figure_type": "table"}


@pytest.mark.parametrize(
    "paper",
    [
        [],
        {"all_figures": FIGURES},
        PAPER | {"qa": [ASKED | {"reference": "another.png"}]},
        PAPER | {"all_figures": {name: {"caption": "A kiln."} for name in FIGURES}},
        PAPER | {"all_figures": {name: row | {"content_type": "poem"} for name, row in FIGURES.items()}},
    ],
)
def test_another_layout(tmp_path: Path, paper: object) -> None:
    with pytest.raises(InputError, match=r"paper 1611\.04684v1 is not in SPIQA's layout"):
        spiqa.load(write(tmp_path, paper))


def test_what_is_missing_and_where_it_goes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--data DIR.*google/spiqa"):
        spiqa.load(None)
    with pytest.raises(InputError, match=r"SPIQA_testA\.json.*google/spiqa"):
        spiqa.load(tmp_path)
    write(tmp_path)
    picture = tmp_path / "SPIQA_testA_Images" / "1611.04684v1" / "1611.04684v1-Table1-1.png"
    picture.unlink()
    with pytest.raises(InputError, match=r"1 pictures are missing.*SPIQA_testA_Images\.zip") as raised:
        spiqa.load(tmp_path)
    assert str(picture) in str(raised.value)
    assert "\n" not in str(raised.value)
    write_json(tmp_path / "SPIQA_testA.json", [])
    with pytest.raises(InputError, match="not an object of papers"):
        spiqa.load(tmp_path)
