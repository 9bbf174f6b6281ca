"""An element's box and the place it is drawn at in the viewer: the same, whatever the page is turned, cut and sized by."""

from __future__ import annotations

import base64
import io

import numpy as np
import pymupdf
import pytest
from PIL import Image

from svrag.app.pictures import Mark, page_view
from svrag.library.ingest import add_paths
from svrag.library.store import Library

WORDS = "The lantern of the eastern tower was lit with whale oil in every winter of that century."
SHAPES = [  # width, height, rotation, what is cut off left and at the top
    (595, 842, 0, 0, 0),
    (595, 842, 90, 0, 0),
    (842, 595, 180, 0, 0),
    (420, 595, 270, 0, 0),
    (700, 900, 0, 60, 90),
    (700, 900, 90, 60, 90),
    (700, 900, 180, 60, 90),
    (1200, 700, 270, 100, 30),
]
FIGURE = pymupdf.Rect(180, 220, 330, 320)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Pages of `SHAPES` with a line of words and one dark picture, which is all that is dark on them."""
    folder = tmp_path_factory.mktemp("boxes")
    noise = np.random.default_rng(0).integers(20, 90, (100, 150, 3), dtype=np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(noise).save(encoded, "PNG")
    with pymupdf.open() as document:
        for width, height, rotation, left, top in SHAPES:
            page = document.new_page(width=width, height=height)
            page.insert_textbox((120, 140, 400, 190), WORDS, fontsize=10, color=(0.6, 0.6, 0.6))
            page.insert_image(FIGURE, stream=encoded.getvalue())
            if left:
                page.set_cropbox(pymupdf.Rect(left, top, width - 40, height - 20))
            page.set_rotation(rotation)
        document.save(folder / "shapes.pdf")
    library = Library.open(folder / "library")
    add_paths(library, [folder / "shapes.pdf"], workers=1)
    return library


def pixels(mark: Mark, image: Image.Image) -> tuple[float, float, float, float]:
    left, top = mark.left / 100 * image.width, mark.top / 100 * image.height
    return left, top, left + mark.width / 100 * image.width, top + mark.height / 100 * image.height


@pytest.mark.parametrize("number", range(1, len(SHAPES) + 1))
def test_the_box_of_a_figure_lies_on_its_ink(library: Library, number: int) -> None:
    (document,) = library.documents()
    figure = next(e for e in library.elements_of(document.id, ["figure"]) if e.page == number)
    view = page_view(library, document.id, number, (), figure)
    image = Image.open(io.BytesIO(base64.b64decode(view.picture.partition(",")[2]))).convert("L")
    width, height, rotation, left, _ = SHAPES[number - 1]
    turned = rotation in (90, 270)
    if not left:
        assert image.width / image.height == pytest.approx(height / width if turned else width / height, rel=0.01)
    dark = np.asarray(image) < 120
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    (mark,) = view.marks
    assert pixels(mark, image) == pytest.approx((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), abs=2)


OCR_PIXELS = 6  # at 150 dpi; what reads leaves some air above the letters
SCANS = [(0, 0, 0), (90, 0, 0), (270, 40, 60)]  # rotation, what is cut off left and at the top


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Pages that are one picture each, of one line of words; they are upright as the viewer turns them."""
    folder = tmp_path_factory.mktemp("scans")
    with pymupdf.open() as document:
        for rotation, left, top in SCANS:
            across, down = (842, 595) if rotation in (90, 270) else (595, 842)
            with pymupdf.open() as written:
                sheet = written.new_page(width=across, height=down)
                sheet.insert_text((150, 250), "The lantern of the tower", fontsize=24)
                picture = sheet.get_pixmap(dpi=200)
            page = document.new_page(width=595, height=842)
            page.insert_image(page.rect, pixmap=picture, rotate=rotation)
            if left:
                page.set_cropbox(pymupdf.Rect(left, top, 595 - 20, 842 - 30))
            page.set_rotation(rotation)
        document.save(folder / "scans.pdf")
    library = Library.open(folder / "library")
    add_paths(library, [folder / "scans.pdf"], workers=1)
    return library


@pytest.mark.parametrize("number", range(1, len(SCANS) + 1))
def test_the_box_of_a_line_read_by_ocr_lies_on_its_ink(scans: Library, number: int) -> None:
    (document,) = scans.documents()
    assert scans.page(document.id, number).ocr
    (line,) = (e for e in scans.elements_of(document.id) if e.page == number and e.type != "page")
    assert "lantern" in line.text.lower()
    view = page_view(scans, document.id, number, (), line)
    image = Image.open(io.BytesIO(base64.b64decode(view.picture.partition(",")[2]))).convert("L")
    dark = np.asarray(image) < 120
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    (mark,) = view.marks
    ink = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    assert pixels(mark, image) == pytest.approx(ink, abs=OCR_PIXELS)
