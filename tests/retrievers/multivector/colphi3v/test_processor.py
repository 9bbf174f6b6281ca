"""Prompts, views and what of a picture each token sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from svrag.errors import InputError
from svrag.retrievers.multivector.colphi3v.processor import ColPhi3VProcessor, hd_size, hd_transform
from tests.retrievers.multivector.colphi3v import tiny


@pytest.fixture
def processor(tmp_path: Path) -> ColPhi3VProcessor:
    return tiny.processor(tmp_path)


def test_prompts(processor: ColPhi3VProcessor) -> None:
    decode = processor.vocabulary.tokenizer.decode
    page = processor.picture(Image.new("RGB", (60, 30)))
    places = [i for i, number in enumerate(page.ids) if number < 0]
    # 4 x 4 crops of 2 x 2 tokens, a separator for each of the 8 + 2 rows, one between crops and the whole, 2 x 2.
    assert places == list(range(places[0], places[0] + 64 + 8 + 1 + 4 + 2))
    assert decode(page.ids[: places[0]]) == "<s><|user|>\n"
    assert decode(page.ids[places[-1] + 1 :]) == "<s>\nDescribe the image.<|end|>\n<|assistant|>\n"
    assert page.size == (112, 112)
    assert decode(processor.question("Why?").ids) == f"<s><s>Query: Why?{'<|endoftext|>' * 10}\n"
    assert decode(processor.passage("A text.").ids) == "<s><|user|>\nA text.<|end|>\n<|assistant|>\n"


def test_padding_is_in_front(processor: ColPhi3VProcessor) -> None:
    batch = processor.batch([processor.question("Why?"), processor.question("Why not?")])
    assert batch["attention_mask"].tolist() == [[0] * 4 + [1] * 24, [1] * 28]
    assert batch["input_ids"][0, :5].tolist() == [processor.vocabulary.pad] * 4 + [processor.vocabulary.begin]


def test_hd_sizes() -> None:
    assert hd_size(1344, 1344) == (1344, 1344, 0, 0)
    assert hd_size(1600, 900) == (1680, 945, 31, 32)
    assert hd_size(10_000, 10) == (16 * 336, 5, 165, 166)
    upright, lying = hd_transform(Image.new("RGB", (90, 160))), hd_transform(Image.new("RGB", (160, 90)))
    assert upright.size == lying.size[::-1] == (1008, 1680)
    assert upright.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(("width", "height"), [(84, 56), (56, 84), (112, 112)])
def test_boxes_are_what_tokens_see(processor: ColPhi3VProcessor, width: int, height: int) -> None:
    """A picture is changed in one place; with attention switched off, the token that sees it changes most."""
    model = tiny.model()
    for layer in model.vision_tower.encoder.layers:
        layer.self_attn.out_proj.weight.data.zero_()
    page = np.full((height, width, 3), 255, dtype=np.uint8)
    x, y = 3 * width // 5, height // 5
    plain = processor.picture(Image.fromarray(page))
    page[y - 1 : y + 2, x - 1 : x + 2] = 0
    marked = processor.picture(Image.fromarray(page))
    assert plain.pixels is not None
    assert marked.pixels is not None
    pictures = torch.stack([plain.pixels, marked.pixels])
    with torch.inference_mode():
        before, after = model.features(pictures, [(4, 4)] * 2).chunk(2)
    change = (after - before).abs().sum(-1).numpy()
    assert plain.boxes is not None
    boxes = plain.boxes[[i < 0 for i in plain.ids]]
    middle = (x + 0.5) / width, (y + 0.5) / height
    inside = (boxes[:, :2] <= middle).all(1) & (middle < boxes[:, 2:]).all(1)
    assert inside.sum() == 2
    crops = 64 + 8
    assert np.argmax(change[:crops]) == np.argmax(inside[:crops])
    assert np.argmax(change[crops:]) == np.argmax(inside[crops:])
    assert not change[np.isnan(boxes).any(axis=1)].any()  # separators, and the black around the picture


def test_the_black_around_a_picture_is_no_part_of_it(processor: ColPhi3VProcessor) -> None:
    boxes = processor.picture(Image.new("RGB", (128, 32))).boxes
    assert boxes is not None
    seen = boxes[~np.isnan(boxes).any(axis=1)]
    # Of 8 rows of tokens from crops the middle two see the middle quarter of the square, of the whole both do.
    assert len(seen) == 2 * 8 + 2 * 2
    assert seen.min() == 0
    assert seen.max() == 1


def test_saved_and_loaded(tmp_path: Path) -> None:
    made = tiny.processor(tmp_path / "made")
    made.save_pretrained(tmp_path / "saved")
    loaded = ColPhi3VProcessor.from_pretrained(tmp_path / "saved")
    assert loaded.describe() == made.describe()
    assert loaded.question("Which one?") == made.question("Which one?")
    (tmp_path / "saved" / "processor_config.json").write_text("[1]")
    with pytest.raises(InputError, match=r"processor_config\.json"):
        ColPhi3VProcessor.from_pretrained(tmp_path / "saved")
