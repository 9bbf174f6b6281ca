"""Pictures of training data: files, bytes and images in memory give the same picture, and broken ones one clear line."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from svrag.errors import InputError
from svrag.retrievers.multivector.stored_pictures import PictureBytes, PictureFile, PictureImage
from svrag.training.batch import Item


def drawn(seed: int = 0, mode: str = "RGB") -> Image.Image:
    channels = {"RGB": 3, "RGBA": 4, "L": 1}[mode]
    values = np.random.default_rng(seed).integers(0, 256, (30, 40, channels), dtype=np.uint8)
    return Image.fromarray(values.squeeze(), mode)


def encoded(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_all_three_give_the_same_picture(tmp_path: Path) -> None:
    image = drawn()
    path = tmp_path / "a.png"
    path.write_bytes(encoded(image))
    for picture in (PictureFile(path), PictureBytes(encoded(image), "a"), PictureImage(image)):
        opened = picture.open()
        assert opened.mode == "RGB"
        assert np.array_equal(np.asarray(opened), np.asarray(image))


@pytest.mark.parametrize("mode", ["RGBA", "L"])
def test_pictures_are_opened_in_rgb(mode: str) -> None:
    assert PictureBytes(encoded(drawn(mode=mode)), "a").open().mode == "RGB"
    clear = Image.new("RGBA", (30, 30), (0, 0, 0, 0))
    assert np.asarray(PictureBytes(encoded(clear), "a").open()).min() == 255  # paper is white


def test_equal_pictures_are_one_document_wherever_they_stand() -> None:
    one, same = PictureBytes(encoded(drawn()), "row 1"), PictureBytes(encoded(drawn()), "row 7")
    other = PictureBytes(encoded(drawn(1)), "row 1")
    assert one == same
    assert Item(picture=one).number == Item(picture=same).number
    assert Item(picture=one).number != Item(picture=other).number
    assert PictureImage(drawn()).key == PictureImage(drawn()).key != PictureImage(drawn(1)).key
    assert PictureImage(drawn()).key != PictureImage(drawn(mode="RGBA")).key


def test_files_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    assert PictureFile(tmp_path / "a.png").key == PictureFile(tmp_path / "a.png").key
    assert PictureFile(tmp_path / "a.png").key != PictureFile(tmp_path / "b.png").key


def test_pictures_go_to_other_processes(tmp_path: Path) -> None:
    for picture in (PictureFile(tmp_path / "a.png"), PictureBytes(encoded(drawn()), "a"), PictureImage(drawn())):
        assert pickle.loads(pickle.dumps(picture)).key == picture.key


@pytest.mark.parametrize("data", [b"", b"no picture", encoded(drawn())[:60], b"%PDF-1.7\n"])
def test_what_is_no_picture(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.png is no picture that can be read"):
        PictureFile(path).open()
    with pytest.raises(InputError, match=r"row 3 is no picture that can be read"):
        PictureBytes(data, "row 3").open()


def test_a_missing_file_and_one_too_large(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the picture .*nope\.png: No such file"):
        PictureFile(tmp_path / "nope.png").open()
    # A header that says 60,000 x 60,000: nothing of that size is ever decoded.
    header = bytearray(encoded(drawn(mode="L")))
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(InputError, match="row 1"):
        PictureBytes(bytes(header), "row 1").open()
