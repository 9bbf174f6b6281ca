from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from svrag.errors import InputError
from svrag.evaluation.composed import page_size, pdf_of
from tests.evaluation.files_made import write_picture


def test_a_page_for_each_picture_in_its_shape(tmp_path: Path) -> None:
    wide = write_picture(tmp_path / "b.png", "wide", (800, 200))
    tall = write_picture(tmp_path / "a.jpg", "tall", (100, 400))
    with pymupdf.open(stream=pdf_of([wide, tall]), filetype="pdf") as document:
        sizes = [(page.rect.width, page.rect.height) for page in document]
        assert [len(page.get_images()) for page in document] == [1, 1]
    assert sizes == [pytest.approx((384, 96)), pytest.approx((48, 192))]  # 150 pixels an inch
    assert page_size(wide) == pytest.approx(sizes[0])


def test_a_large_picture_keeps_its_shape_on_a_page_of_bounded_size(tmp_path: Path) -> None:
    width, height = page_size(write_picture(tmp_path / "a.png", size=(8000, 4000)))
    assert (width, height) == pytest.approx((1500, 750))


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    pictures = [write_picture(tmp_path / name, name) for name in ("a.png", "b.jpg")]
    assert pdf_of(pictures) == pdf_of(pictures)
    assert pdf_of(pictures) != pdf_of(pictures[::-1])


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n cut"])
def test_not_a_picture(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png is not a picture") as raised:
        pdf_of([tmp_path / "a.png"])
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match=r"b\.png is not a picture"):
        page_size(tmp_path / "b.png")
