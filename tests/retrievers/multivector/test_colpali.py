from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from svrag.errors import InputError
from svrag.retrievers.multivector import colpali
from svrag.retrievers.multivector.encoder import MultiVectorEncoder
from svrag.retrievers.multivector.layout import grid
from svrag.retrievers.multivector.loading import load_multivector
from svrag.retrievers.multivector.pictures import readable
from tests.retrievers.multivector.tiny import FAMILIES, change_weights

Encoders = Callable[[str], MultiVectorEncoder]
every_family = pytest.mark.parametrize("family", FAMILIES)

TEXTS = ["hello", "How long was the kiln fired, and at what heat?", "x" * 90, "Überraschung 東京"]


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(width * height).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def layer_of(family: str) -> str:
    """The end of the name of one weight."""
    return "layers.1.mlp.Wo.weight" if family == "ColModernVBert" else "layers.1.mlp.down_proj.weight"


PICTURES = [noise(120, 90), noise(60, 300), noise(400, 20), noise(1, 1), noise(3, 900), noise(200, 200)]


@every_family
def test_vectors_do_not_depend_on_the_batch(
    family: str, tiny_encoder: Encoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = tiny_encoder(family)
    inputs: dict[str, list[Any]] = {"questions": TEXTS, "passages": TEXTS, "pictures": PICTURES}
    for what, items in inputs.items():
        make = getattr(encoder, what)
        monkeypatch.setitem(colpali._TEXTS_AT_ONCE, "cpu", 1)
        monkeypatch.setitem(colpali._PICTURES_AT_ONCE, "cpu", 1)
        alone = [make([item])[0] for item in items]
        monkeypatch.setitem(colpali._TEXTS_AT_ONCE, "cpu", 3)
        monkeypatch.setitem(colpali._PICTURES_AT_ONCE, "cpu", 4)
        for one, among in zip(alone, make(items), strict=True):
            assert one.words == among.words
            assert among.vectors.shape == (len(one.words), encoder.dimension)
            assert np.abs(one.vectors - among.vectors).max() < 1e-5
            assert np.linalg.norm(one.vectors, axis=1) == pytest.approx(np.ones(len(one.words)), abs=1e-5)


@every_family
def test_vectors_are_those_of_colpali_engine(
    family: str, tiny_encoder: Encoders, tiny_folder: Callable[..., Path]
) -> None:
    """All that the processor makes goes into the model, and nothing else."""
    import colpali_engine.models as engine
    import torch

    folder = tiny_folder(family)
    model = getattr(engine, family).from_pretrained(folder).eval()
    if family == "ColPali":
        model.model.lm_head.weight = model.get_input_embeddings().weight  # left without weights by colpali-engine
    processor = getattr(engine, colpali._FAMILIES[family].processor).from_pretrained(folder)
    encoder = tiny_encoder(family)
    for made, batch in (
        (encoder.pictures(PICTURES[:1]), processor.process_images(PICTURES[:1])),
        (encoder.questions(TEXTS[1:2]), processor.process_queries(TEXTS[1:2])),
        (encoder.passages(TEXTS[1:2]), processor.process_texts(TEXTS[1:2])),
    ):
        with torch.inference_mode():
            expected = model(**batch)[0].numpy()
        assert made[0].vectors == pytest.approx(expected, abs=1e-5)


@every_family
def test_boxes_cover_the_picture(family: str, tiny_encoder: Encoders) -> None:
    points = np.random.default_rng(0).uniform(0, 1, (200, 1, 2))
    for tokens in tiny_encoder(family).pictures(PICTURES):
        assert tokens.boxes is not None
        sees = ~np.isnan(tokens.boxes).any(axis=1)
        assert all((word == "") == bool(seen) for word, seen in zip(tokens.words, sees, strict=True))
        boxes = tokens.boxes[sees]
        assert boxes.min() >= 0
        assert boxes.max() <= 1
        assert not sees.all()  # the prompt sees nothing
        inside = ((points >= boxes[None, :, :2]) & (points < boxes[None, :, 2:])).all(axis=2)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        fine = areas < areas.max() * 0.9
        if fine.any():  # tiles, and the whole once more
            assert (inside[:, fine].sum(axis=1) == 1).all()
            assert (inside[:, ~fine].sum(axis=1) == 1).all()
        else:
            assert (inside.sum(axis=1) == 1).all()


@every_family
def test_patches_see_what_their_boxes_say(family: str, tiny_encoder: Encoders) -> None:
    """Ink in one place changes most the token whose box is there."""
    encoder = tiny_encoder(family)
    width, height = 180, 120
    places = [(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.4, 0.7)]
    blank = Image.new("RGB", (width, height), "white")
    inked = []
    for x, y in places:
        picture = blank.copy()
        ImageDraw.Draw(picture).rectangle((x * width - 6, y * height - 6, x * width + 6, y * height + 6), fill="black")
        inked.append(picture)
    before, *after = encoder.pictures([blank, *inked])
    assert before.boxes is not None
    for (x, y), tokens in zip(places, after, strict=True):
        changed = np.linalg.norm(tokens.vectors - before.vectors, axis=1)
        changed[np.isnan(before.boxes[:, 0])] = 0
        left, top, right, bottom = before.boxes[changed.argmax()]
        assert left - 6 / width <= x <= right + 6 / width
        assert top - 6 / height <= y <= bottom + 6 / height


@every_family
def test_texts_hold_their_words_and_nothing_that_the_model_takes_for_a_sign(
    family: str, tiny_encoder: Encoders
) -> None:
    encoder = tiny_encoder(family)
    (question,) = encoder.questions(["How <b>hot</b>?"])
    assert "How <b>hot</b>?" in "".join(question.words)
    assert question.boxes is None
    for sign in ("<image>", "<|image_pad|>", "<start_of_image>", "<|endoftext|>"):
        (tokens,) = encoder.passages([f"{sign} is a sign"])
        assert tokens.words.count(sign) <= 1  # of a prompt; a sign of this model's would be one token
        assert "is a sign" in "".join(tokens.words)


@every_family
def test_texts_without_words_and_too_long_ones(family: str, tiny_encoder: Encoders) -> None:
    encoder = tiny_encoder(family)
    told: list[tuple[int, int]] = []
    blank, long, longer = encoder.passages(["  \n", "x" * 300, "x" * 400], lambda *step: told.append(step))
    assert (blank.vectors.shape, blank.words) == ((0, encoder.dimension), ())
    assert 100 < len(long.words) <= 160  # what the tiny models read
    assert long.vectors == pytest.approx(longer.vectors, abs=1e-5)
    assert told[-1] == (2, 2)
    assert encoder.questions([]) == encoder.passages([]) == encoder.pictures([]) == []
    assert len(encoder.questions([""])[0].words) > 0


@every_family
def test_pictures_of_every_mode(family: str, tiny_encoder: Encoders) -> None:
    encoder = tiny_encoder(family)
    grey = noise(64, 48, "L")
    half_seen = noise(64, 48, "RGBA")
    half_seen.putalpha(Image.linear_gradient("L").resize((64, 48)))
    unseen = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
    modes = [grey, grey.convert("RGB"), half_seen, noise(64, 48, "P"), noise(64, 48, "CMYK"), unseen]
    told: list[tuple[int, int]] = []
    made = encoder.pictures([*modes, Image.new("RGB", (64, 48), "white")], lambda *step: told.append(step))
    assert all(np.isfinite(tokens.vectors).all() for tokens in made)
    assert made[0].vectors == pytest.approx(made[1].vectors, abs=1e-5)
    assert made[-2].vectors == pytest.approx(made[-1].vectors, abs=1e-5)  # what cannot be seen is paper
    assert told == [(i, 7) for i in range(1, 8)]


@every_family
def test_a_copy_is_the_same_model_and_another_is_not(
    family: str, tiny_encoder: Encoders, tiny_folder: Callable[..., Path], tmp_path: Path, no_network: None
) -> None:
    encoder = tiny_encoder(family)
    copy = Path(shutil.copytree(tiny_folder(family), tmp_path / "copy"))
    again = load_multivector(str(copy))
    assert (again.name, again.revision, again.reads_pictures) == (str(copy), "", True)
    assert (again.fingerprint, again.dimension) == (encoder.fingerprint, 320 if family == "ColQwen3" else 128)
    (first,), (second,) = encoder.pictures(PICTURES[:1]), again.pictures(PICTURES[:1])
    assert np.array_equal(first.vectors, second.vectors)
    other = Path(shutil.copytree(copy, tmp_path / "other"))
    change_weights(
        other, nudged="layers.1.mlp.Wo.weight" if family == "ColModernVBert" else "layers.1.mlp.down_proj.weight"
    )
    assert load_multivector(str(other)).fingerprint != encoder.fingerprint


@every_family
def test_missing_weights(family: str, tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    layer = layer_of(family)
    lacking = Path(shutil.copytree(tiny_folder(family), tmp_path / "lacking"))
    change_weights(lacking, without=layer)
    with pytest.raises(InputError, match=rf"do not fit its architecture: missing \S*{layer}; get the checkpoint"):
        load_multivector(str(lacking))


@pytest.mark.parametrize("family", ["ColPali", "ColQwen3", "ColIdefics3"])
def test_unexpected_weights(family: str, tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    extra = Path(shutil.copytree(tiny_folder(family), tmp_path / "extra"))
    change_weights(extra, extra="layers.9.mlp.weight")
    with pytest.raises(InputError, match=r"do not fit its architecture: unexpected \S*layers\.9\.mlp\.weight"):
        load_multivector(str(extra))


@pytest.mark.parametrize("family", ["ColPali", "ColQwen3", "ColIdefics3"])
def test_a_head_that_nobody_trained(family: str, tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    headless = Path(shutil.copytree(tiny_folder(family), tmp_path / "headless"))
    head = "linear" if family == "ColIdefics3" else "custom_text_proj"
    change_weights(headless, without=f"{head}.weight")
    change_weights(headless, without=f"{head}.bias")
    with pytest.raises(
        InputError, match=rf"no trained layer for token vectors \(missing {head}\.bias, {head}\.weight\)"
    ):
        load_multivector(str(headless))


@every_family
def test_half_precision_as_on_a_gpu(
    family: str,
    tiny_encoder: Encoders,
    tiny_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import torch

    monkeypatch.setattr(colpali, "device_and_dtype", lambda: ("cpu", torch.bfloat16))
    half = load_multivector(str(shutil.copytree(tiny_folder(family), tmp_path / "half")))
    whole = tiny_encoder(family)
    assert half.fingerprint == whole.fingerprint
    (rough,), (exact,) = half.pictures(PICTURES[:1]), whole.pictures(PICTURES[:1])
    assert rough.vectors.dtype == np.float32
    assert np.linalg.norm(rough.vectors, axis=1) == pytest.approx(np.ones(len(rough.words)), abs=1e-5)
    assert np.median((rough.vectors * exact.vectors).sum(axis=1)) > 0.98
    assert len(half.questions(TEXTS[:2])) == 2


def test_a_layout_that_is_not_the_processors(tiny_encoder: Encoders, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = tiny_encoder("ColPali")
    other = replace(colpali._FAMILIES["ColPali"], layout=lambda *_: grid(3, 3))
    monkeypatch.setattr(encoder, "_family", other)
    with pytest.raises(InputError, match="turned a picture into 16 tokens, not 9"):
        encoder.pictures(PICTURES[:1])


def test_readable_pictures_keep_their_pixels() -> None:
    assert readable(PICTURES[0]) is PICTURES[0]
    assert readable(noise(3, 900)).size == (28, 900)
    assert readable(noise(9000, 40)).size == (9000, 90)
    seen_through = Image.new("LA", (40, 40), (0, 0))
    assert readable(seen_through).getpixel((5, 5)) == (255, 255, 255)
