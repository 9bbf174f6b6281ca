"""Prompts, tiles and what of a picture each token sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from svrag.errors import InputError
from svrag.retrievers.multivector.colinternvl2.processor import ColInternVL2Processor, tile_grid
from svrag.retrievers.multivector.phi3.prompts import Vocabulary
from tests.retrievers.multivector.colinternvl2 import tiny
from tests.retrievers.multivector.tiny import write_tokenizer


@pytest.fixture
def processor(tmp_path: Path) -> ColInternVL2Processor:
    return ColInternVL2Processor(tiny.vocabulary(tmp_path), tile=28, tokens=4)


def test_prompts(processor: ColInternVL2Processor) -> None:
    decode = processor.vocabulary.tokenizer.decode
    page = processor.picture(Image.new("RGB", (60, 30)))
    tiles = "<IMG_CONTEXT>" * 4 * 3  # 2 x 1 and the whole
    assert decode(page.ids) == f"<s><img>{tiles}</img>\nDescribe the image."
    assert page.pixels is not None
    assert page.pixels.shape == (3, 3, 28, 28)
    assert decode(processor.question("Why?").ids) == "<s>Why?"
    assert processor.passage("A text.") == processor.question("A text.")


def test_one_tile_is_not_read_twice(processor: ColInternVL2Processor) -> None:
    page = processor.picture(Image.new("RGB", (20, 20)))
    assert page.pixels is not None
    assert len(page.pixels) == 1
    assert page.ids.count(processor.image_token) == 4


def test_a_larger_grid_of_one_shape_for_a_larger_picture() -> None:
    assert tile_grid(448, 448) == (1, 1)
    assert tile_grid(2000, 2000) == (4, 4)
    assert tile_grid(2000, 2000, most=6) == (2, 2)
    assert tile_grid(10, 5000) == (1, 20)
    assert tile_grid(5000, 10) == (20, 1)


def test_boxes_are_what_tokens_see(processor: ColInternVL2Processor) -> None:
    """A picture is changed in one place; with attention switched off, only tokens that see it change."""
    model = tiny.model(processor.image_token)
    for layer in model.vision_tower.encoder.layer:
        layer.lambda_1.data.zero_()
    page = np.full((56, 84, 3), 255, dtype=np.uint8)  # 3 x 2 tiles of its own size
    plain = processor.picture(Image.fromarray(page))
    x, y = 66, 9
    page[y : y + 2, x : x + 2] = 0
    marked = processor.picture(Image.fromarray(page))
    assert plain.pixels is not None
    assert marked.pixels is not None
    with torch.inference_mode():
        change = (model.features(marked.pixels) - model.features(plain.pixels)).abs().amax(-1).flatten().numpy()
    assert plain.boxes is not None
    boxes = plain.boxes[[i == processor.image_token for i in plain.ids]]
    point = (x + 1) / 84, (y + 1) / 56
    inside = (boxes[:, :2] < point).all(1) & (point < boxes[:, 2:]).all(1)
    assert inside.sum() == 2
    assert (change[:-4] > 1e-6).tolist() == inside[:-4].tolist()
    # Resizing spreads a mark over its neighbours in the view of the whole: there the token that sees it changes most.
    assert np.argmax(change[-4:]) == np.argmax(inside[-4:])


def test_any_mode_of_picture(processor: ColInternVL2Processor) -> None:
    for mode in ("L", "RGBA", "P", "CMYK", "1"):
        assert processor.picture(Image.new(mode, (30, 50))).pixels is not None


def test_saved_and_loaded(tmp_path: Path) -> None:
    made = ColInternVL2Processor(tiny.vocabulary(tmp_path / "made"), tile=28, tokens=4, most_tiles=6)
    made.save_pretrained(tmp_path / "saved")
    loaded = ColInternVL2Processor.from_pretrained(tmp_path / "saved")
    assert loaded.describe() == made.describe()
    assert loaded.question("Which one?") == made.question("Which one?")
    (tmp_path / "saved" / "processor_config.json").unlink()
    with pytest.raises(InputError, match=r"processor_config\.json"):
        ColInternVL2Processor.from_pretrained(tmp_path / "saved")


def test_a_tokenizer_of_another_model(tmp_path: Path) -> None:
    other = Vocabulary(write_tokenizer(tmp_path, ["<s>", "<pad>"], bos_token="<s>", pad_token="<pad>"))
    with pytest.raises(InputError, match="lacks the token <IMG_CONTEXT>"):
        ColInternVL2Processor(other)
    with pytest.raises(InputError, match="lacks bos_token or pad_token"):
        Vocabulary(write_tokenizer(tmp_path, ["<s>"], bos_token="<s>"))
