"""Boxes are in unrotated coordinates; what is drawn is the page as a viewer turns it. Checked on pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from svrag.documents.model import Box, Page
from svrag.documents.rendering import box_on_image, crop, cutting, effective_dpi, render_page
from svrag.errors import InputError
from tests.documents_made import write_paper

SQUARE = Box(100.0, 150.0, 180.0, 200.0)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def write_page(path: Path, rotation: int, cropped: bool) -> Path:
    """A page with a blue rectangle at SQUARE, in points of the page as it is cut and before it is turned."""
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=500)
        shift = (30, 40) if cropped else (0, 0)
        where = pymupdf.Rect(SQUARE.x0 + shift[0], SQUARE.y0 + shift[1], SQUARE.x1 + shift[0], SQUARE.y1 + shift[1])
        page.draw_rect(where, color=(0, 0, 1), fill=(0, 0, 1))
        if cropped:
            page.set_cropbox(pymupdf.Rect(30, 40, 360, 460))
        page.set_rotation(rotation)
        document.save(path)
    return path


@pytest.mark.parametrize("cropped", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_box_is_drawn_where_its_content_is(tmp_path: Path, rotation: int, cropped: bool) -> None:
    source = write_page(tmp_path / "page.pdf", rotation, cropped)
    width, height = (330.0, 420.0) if cropped else (400.0, 500.0)
    plain = pixels(render_page(source, 1, dpi=72))
    blue = np.argwhere(plain[:, :, 2] - 100 > plain[:, :, 0])
    top, left = blue.min(axis=0)
    bottom, right = blue.max(axis=0) + 1
    told = box_on_image(Page(1, width, height, rotation=rotation), SQUARE, 72)
    assert np.allclose(told, (left, top, right, bottom), atol=1.5)

    drawn = pixels(render_page(source, 1, dpi=72, boxes=[SQUARE]))
    red = np.argwhere((drawn[:, :, 0] > 150) & (drawn[:, :, 2] < 100))
    assert np.allclose(red.min(axis=0), (told[1] - 3.5, told[0] - 3.5), atol=2.5)
    assert np.allclose(red.max(axis=0), (told[3] + 3.5, told[2] + 3.5), atol=2.5)


@pytest.mark.parametrize("cropped", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_crop_shows_the_content_of_its_box(tmp_path: Path, rotation: int, cropped: bool) -> None:
    source = write_page(tmp_path / "page.pdf", rotation, cropped)
    image = pixels(crop(source, 1, SQUARE, dpi=72, pad=0))
    assert (image[:, :, 2] > 200).mean() > 0.95
    assert (image[:, :, 0] < 50).mean() > 0.9


def test_a_crop_has_its_margin_and_stays_on_the_page(tmp_path: Path) -> None:
    source = write_page(tmp_path / "page.pdf", 0, False)
    assert pixels(crop(source, 1, SQUARE, dpi=72, pad=5)).shape[:2] == (60, 90)
    assert pixels(crop(source, 1, Box(390, 490, 400, 500), dpi=72, pad=5)).shape[:2] == (15, 15)


def test_large_pages_are_drawn_smaller() -> None:
    assert effective_dpi(612, 792, 150) == 150
    dpi = effective_dpi(14400, 14400, 150)
    assert (14400 / 72 * dpi) ** 2 <= 20_000_000


def test_drawing_leaves_the_file_alone(tmp_path: Path) -> None:
    source = write_page(tmp_path / "page.pdf", 90, False)
    before = source.read_bytes()
    render_page(source, 1, boxes=[SQUARE])
    assert source.read_bytes() == before


def test_no_such_page_and_a_box_off_the_page(tmp_path: Path) -> None:
    source = write_page(tmp_path / "page.pdf", 0, False)
    with pytest.raises(InputError, match="has no page 2: it has 1"):
        render_page(source, 2)
    with pytest.raises(InputError, match="outside page 1"):
        crop(source, 1, Box(900, 900, 950, 950))


def test_an_open_file_gives_the_same_crops_and_is_free_for_others_afterwards(tmp_path: Path) -> None:
    source = write_page(tmp_path / "page.pdf", 270, True)
    with cutting(source) as cutter:
        cut = pixels(cutter.jpeg(1, SQUARE, dpi=72, pad=0))
        with pytest.raises(InputError, match="outside page 1"):
            cutter.jpeg(1, Box(900, 900, 950, 950), dpi=72)
    exact = pixels(crop(source, 1, SQUARE, dpi=72, pad=0))
    assert cut.shape == exact.shape
    assert abs(cut - exact).mean() < 4


def test_a_broken_page_is_told_and_the_others_are_drawn(tmp_path: Path) -> None:
    source = tmp_path / "broken.pdf"
    with pymupdf.open() as document:
        document.new_page()
        document.new_page()
        tree = document.page_xref(0)
        tree = int(document.xref_get_key(tree, "Parent")[1].split()[0])
        document.xref_set_key(tree, "Kids", f"[{document.page_xref(0)} 0 R {tree} 0 R]")  # the second holds itself
        document.save(source)
    for draw in (lambda: render_page(source, 2), lambda: crop(source, 2, SQUARE)):
        with pytest.raises(InputError, match=r"page 2 of broken\.pdf is broken"):
            draw()
    assert crop(source, 1, SQUARE)


def test_parts_of_several_pages_are_each_cut_from_their_own(tmp_path: Path) -> None:
    source = write_paper(tmp_path / "paper.pdf", pages=2)
    heading = Box(72, 70, 200, 100)
    with cutting(source) as cutter:
        cut = [cutter.jpeg(page, heading, dpi=72) for page in (1, 2, 2, 1)]
    assert cut[0] == cut[3] != cut[1] == cut[2]
