from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from svrag.documents import rendering
from svrag.documents.drawers import Cut, drawers
from svrag.documents.model import Box
from svrag.generation import crops
from svrag.generation.context import SMALL_SIDE, first_plan
from svrag.generation.crops import Crops
from tests.documents_made import write_paper
from tests.generation.evidence import CHART, KILN, LOSSES, hits


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    crops.kept.clear()
    yield
    crops.kept.clear()


@pytest.fixture
def paper(tmp_path: Path) -> dict[str, Path]:
    return {"d0": write_paper(tmp_path / "paper.pdf")}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files opened for drawing, in order."""
    files: list[Path] = []
    open_pages = rendering.open_pages

    def noting(path: Path, password: str | None = None) -> object:
        files.append(path)
        return open_pages(path, password)

    monkeypatch.setattr(rendering, "open_pages", noting)
    return files


def test_a_picture_shows_what_the_exact_one_shows(paper: dict[str, Path]) -> None:
    drawn = Crops(paper).of(first_plan(hits(CHART), 1))[1]
    exact = Image.open(io.BytesIO(rendering.crop(paper["d0"], CHART.page, CHART.box, dpi=150))).convert("RGB")
    picture = Image.open(io.BytesIO(drawn))
    assert picture.format == "JPEG"
    assert picture.size == exact.size
    difference = np.asarray(picture.convert("RGB")).astype(float) - np.asarray(exact)
    assert np.asarray(exact).std() > 5  # something is drawn there
    assert np.sqrt((difference**2).mean()) < 4  # of 255


def test_a_file_is_opened_once_for_all_its_pictures_and_not_again(paper: dict[str, Path], opened: list[Path]) -> None:
    plan = first_plan(hits(CHART, KILN, LOSSES), 6)
    first = Crops(paper).of(plan)
    assert sorted(first) == [n for n, hit in enumerate(plan.in_order(), 1) if hit.element in (CHART, LOSSES)]
    assert opened == [paper["d0"]]
    assert Crops(paper).of(plan) == first
    assert opened == [paper["d0"]]
    smaller = Crops(paper).of(replace(plan, side=SMALL_SIDE // 4))
    assert all(len(smaller[n]) < len(first[n]) for n in first)
    assert len(opened) == 2


def test_what_was_begun_is_drawn_once_and_only_where_it_is_wanted(paper: dict[str, Path], opened: list[Path]) -> None:
    made = Crops(paper)
    plan = first_plan(hits(CHART, LOSSES), 6)
    made.begin(plan)
    assert made.of(replace(plan, pictures=0)) == {}
    assert opened == []
    assert len(made.of(replace(plan, pictures=1))) == 1
    assert len(made.of(plan)) == 2
    assert opened == [paper["d0"]]


def test_what_processes_draw_is_what_this_one_draws(paper: dict[str, Path], opened: list[Path]) -> None:
    plan = first_plan(hits(CHART, replace(LOSSES, page=9), KILN), 6)
    with drawers(1):
        made = Crops(paper)
        made.begin(plan)
        there = made.of(plan)
        assert "has no page 9" in made.notes()[0]
    assert opened == []
    crops.kept.clear()
    assert Crops(paper).of(plan) == there


@pytest.mark.parametrize("side", [100, 333, SMALL_SIDE])
@pytest.mark.parametrize("box", [Box(40.3, 60.7, 560, 300), Box(100, 20, 133, 830), Box(200.2, 300, 395.9, 490)])
def test_no_side_is_longer_than_planned_and_the_longest_is_little_shorter(
    paper: dict[str, Path], side: int, box: Box
) -> None:
    plan = replace(first_plan(hits(replace(CHART, box=box)), 1), side=side)
    longest = max(Image.open(io.BytesIO(Crops(paper).of(plan)[1])).size)
    all_there_is = max(box.padded(5).width, box.padded(5).height) * 150 / 72
    assert longest <= side
    assert longest >= min(0.9 * side, all_there_is)


def test_another_file_in_its_place_is_drawn_anew(paper: dict[str, Path]) -> None:
    plan = first_plan(hits(CHART), 1)
    before = Crops(paper).of(plan)
    with pymupdf.open() as blank:
        blank.new_page(width=595, height=842)
        blank.save(paper["d0"])
    assert Crops(paper).of(plan) != before


def test_what_cannot_be_drawn_gives_its_place_to_the_next(paper: dict[str, Path]) -> None:
    away = replace(CHART, id="d0.9.1", page=9, label="Figure 9", text="Nine")
    outside = replace(CHART, id="d0.1.9", box=Box(9000, 9000, 9100, 9100), label="Figure 8", text="Eight")
    made = Crops(paper)
    plan = first_plan(hits(away, outside, CHART, LOSSES), 1)
    shown = made.of(plan)
    assert [plan.in_order()[n - 1].element for n in shown] == [CHART]
    assert [note.partition(":")[0] for note in made.notes()] == ["no picture of Figure 9", "no picture of Figure 8"]


def test_a_missing_file_is_told_for_each_picture_and_kept_from_no_other(paper: dict[str, Path]) -> None:
    lost = replace(LOSSES, id="d1.1.1", document_id="d1")
    made = Crops({**paper, "d1": paper["d0"].parent / "gone.pdf"})
    plan = first_plan(hits(lost, CHART), 2)
    assert made.possible(plan) == 2
    assert len(made.of(plan)) == 1
    assert len(made.notes()) == 1
    assert "cannot read" in made.notes()[0]
    assert made.possible(plan) == 1


def test_the_oldest_pictures_go_first() -> None:
    store = crops._Kept(100)
    cuts = [Cut(Path("a.pdf"), 0, 0, n, Box(0, 0, 1, 1), 5, 72) for n in range(4)]
    for cut in cuts[:3]:
        store.put(cut, b"x" * 40 if cut is not cuts[1] else b"y" * 20)
    assert store.get(cuts[0]) == b"x" * 40  # now the second is the one not looked at for longest
    store.put(cuts[3], b"z" * 10)
    assert [store.get(cut) is not None for cut in cuts] == [True, False, True, True]
    store.put(cuts[3], b"z" * 101)
    assert [store.get(cut) is not None for cut in cuts] == [False] * 4
