"""What both encoders promise: nothing depends on the batch, order is kept, tokens and boxes belong together."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from svrag.retrievers.multivector.encoder import MultiVectorEncoder, Tokens
from svrag.retrievers.multivector.loading import load_multivector
from tests.retrievers.multivector.colinternvl2 import tiny as internvl2
from tests.retrievers.multivector.colphi3v import tiny as phi3v

# Of a word, and to either side of the 64 tokens after which the tiny decoders read by other factors.
TEXTS = ["cost", "What is the revenue of 2019?", "a" * 40, "b" * 150, "Who?", "c" * 62]


def noise(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(width).integers(0, 255, (height, width, 3))
    return Image.fromarray(values.astype(np.uint8))


@pytest.fixture(scope="module", params=["colinternvl2", "colphi3v"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MultiVectorEncoder:
    folder = tmp_path_factory.mktemp("models") / request.param
    (internvl2 if request.param == "colinternvl2" else phi3v).write(folder)
    return load_multivector(str(folder))


def assert_same(some: list[Tokens], others: list[Tokens]) -> None:
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        assert one.words == other.words
        np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-5)


def test_texts_do_not_depend_on_the_batch(encoder: MultiVectorEncoder) -> None:
    assert_same(encoder.questions(TEXTS), [encoder.questions([text])[0] for text in TEXTS])
    assert_same(encoder.passages(TEXTS), [encoder.passages([text])[0] for text in TEXTS])


def test_pictures_do_not_depend_on_the_batch(encoder: MultiVectorEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [noise(90, 60), noise(20, 80), noise(28, 28), noise(60, 90), noise(89, 60)]
    alone = [encoder.pictures([page])[0] for page in pages]
    monkeypatch.setattr("svrag.retrievers.multivector.phi3.encoder._PICTURES_ELSEWHERE", 3)
    assert_same(encoder.pictures(pages), alone)


def test_tokens(encoder: MultiVectorEncoder) -> None:
    for tokens in [*encoder.questions(TEXTS[:2]), *encoder.pictures([noise(70, 50)])]:
        assert tokens.vectors.dtype == np.float32
        assert tokens.vectors.shape == (len(tokens.words), encoder.dimension)
        np.testing.assert_allclose(np.linalg.norm(tokens.vectors, axis=1), 1, atol=1e-5)
    assert "".join(encoder.questions(["What is it?"])[0].words).strip().endswith("What is it?")


def test_boxes(encoder: MultiVectorEncoder) -> None:
    tokens = encoder.pictures([noise(90, 60)])[0]
    assert tokens.boxes is not None
    assert tokens.boxes.shape == (len(tokens.words), 4)
    seen = tokens.boxes[~np.isnan(tokens.boxes).any(axis=1)]
    assert seen.min() == 0
    assert seen.max() == 1
    assert (seen[:, 0] < seen[:, 2]).all()
    assert (seen[:, 1] < seen[:, 3]).all()
    # Each point of the picture is seen twice: in a crop and in the view of the whole.
    for x, y in ((0.01, 0.01), (0.63, 0.37), (0.99, 0.5)):
        inside = (seen[:, 0] <= x) & (x < seen[:, 2]) & (seen[:, 1] <= y) & (y < seen[:, 3])
        assert inside.sum() == 2
    assert encoder.questions(["cost"])[0].boxes is None


def test_progress_is_told_after_each_batch(encoder: MultiVectorEncoder) -> None:
    told: list[tuple[int, int]] = []
    encoder.pictures([noise(30, 30), noise(40, 30)], on_progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    assert encoder.pictures([]) == []
    assert encoder.questions([]) == []


def test_threads_share_an_encoder(encoder: MultiVectorEncoder) -> None:
    expected = encoder.questions(TEXTS)
    page = noise(40, 30)
    with ThreadPoolExecutor(4) as pool:
        pictures = [pool.submit(encoder.pictures, [page, page]) for _ in range(3)]
        questions = [pool.submit(encoder.questions, TEXTS) for _ in range(3)]
    for made in questions:
        assert_same(made.result(), expected)
    for made in pictures:
        assert_same(made.result(), encoder.pictures([page, page]))


def test_empty_and_endless_texts(encoder: MultiVectorEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("colinternvl2", "colphi3v"):
        monkeypatch.setattr(f"svrag.retrievers.multivector.{module}.processor.LONGEST", 100)
    nothing, long = encoder.questions(["", "x" * 1000])
    assert 0 < len(nothing.words) < len(long.words) <= 100
    nothing, long = encoder.passages([" ", "x" * 1000])
    assert nothing.vectors.shape == (0, encoder.dimension)
    assert 50 < len(long.words) <= 100


def test_the_fingerprint_tells_weights_apart(encoder: MultiVectorEncoder, tmp_path: Path) -> None:
    assert len(encoder.fingerprint) == 16
    write = internvl2.write if "internvl2" in encoder.name else phi3v.write
    model = write(tmp_path / "same")
    assert load_multivector(str(tmp_path / "same")).fingerprint == encoder.fingerprint
    model.language_model.layers[0].mlp.down_proj.weight.data *= 1.5
    shutil.copytree(tmp_path / "same", tmp_path / "changed")
    model.save_pretrained(tmp_path / "changed")
    assert load_multivector(str(tmp_path / "changed")).fingerprint != encoder.fingerprint
