from __future__ import annotations

import json
import shutil
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from svrag.errors import InputError
from svrag.retrievers.multivector import text
from svrag.retrievers.multivector.encoder import MultiVectorEncoder, Tokens
from svrag.retrievers.multivector.loading import load_multivector
from tests.retrievers.dense.checkpoints import change_weights, write_encoder

TEXTS = ["The kiln was fired.", "Salt!", "Nine hours in the chamber, " * 12, "Bowls weigh 318 grams."]


def write_colbert(folder: Path, source: Path, **options: Any) -> Path:
    """The token vectors of a text encoder as a ColBERT, without a layer between."""
    from sentence_transformers import MultiVectorEncoder as Model
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    modules = [
        Transformer(str(source), **options),
        MultiVectorMask(skiplist_words=list(string.punctuation)),
        Normalize(module_input_name="token_embeddings"),
    ]
    Model(modules=modules, prompts={"query": "question: ", "document": "passage: "}).save_pretrained(str(folder))
    return folder


def write_pylate(folder: Path, source: Path) -> Path:
    """A BERT and a layer to 8 numbers as PyLate saves them."""
    import torch
    from safetensors.torch import save_file

    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("1_Pooling"))
    head = folder / "1_Dense"
    head.mkdir()
    torch.manual_seed(3)
    save_file({"linear.weight": torch.randn(8, 16)}, head / "model.safetensors")
    activation = {"activation_function": "torch.nn.modules.linear.Identity"}
    files = {
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"},
        ],
        "1_Dense/config.json": {"in_features": 16, "out_features": 8, "bias": False, **activation},
        "config_sentence_transformers.json": {
            "query_prefix": "question ",
            "document_prefix": "passage ",
            "query_length": 12,
            "document_length": 20,
            "attend_to_expansion_tokens": False,
            "skiplist_words": [":"],
            "model_type": "ColBERT",
        },
    }
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def real(minilm: str, tmp_path_factory: pytest.TempPathFactory) -> MultiVectorEncoder:
    folder = tmp_path_factory.mktemp("real") / "colbert"
    expansion = {"strategy": "fixed", "attend": False, "length": 32}
    return load_multivector(str(write_colbert(folder, Path(minilm), document_length=64, query_expansion=expansion)))


@pytest.fixture(scope="module")
def pylate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pylate")
    return write_pylate(root / "pylate", write_encoder(root / "bert"))


def score(question: Tokens, document: Tokens) -> float:
    return float((question.vectors @ document.vectors.T).max(axis=1).sum())


def test_vectors_have_length_one_and_do_not_depend_on_the_batch(real: MultiVectorEncoder) -> None:
    told: list[tuple[int, int]] = []
    filler = [f"filler {i} " * (i % 12 + 1) for i in range(40)]
    many = real.passages([*TEXTS, *filler], lambda *step: told.append(step))
    for said, among in zip(TEXTS, many, strict=False):
        (alone,) = real.passages([said])
        assert alone.words == among.words
        assert np.abs(alone.vectors - among.vectors).max() < 1e-5
        assert np.linalg.norm(alone.vectors, axis=1) == pytest.approx(np.ones(len(alone.words)), abs=1e-5)
    assert told == [(32, 44), (44, 44)]
    questions = real.questions(["When?", "How long was the kiln fired?"])
    assert np.abs(questions[0].vectors - real.questions(["When?"])[0].vectors).max() < 1e-5


def test_real_weights_find_the_passage_that_answers(real: MultiVectorEncoder) -> None:
    documents = real.passages(
        [
            "The kiln was fired for nine hours, until dusk.",
            "Add salt and sugar to the flour.",
            "The tax rate rose to 5.2 % in 2020.",
            "A whale is a mammal that lives in the sea.",
        ]
    )
    asked = ["How long was the pottery oven heated?", "What spices does the dough need?", "How high are taxes?"]
    for right, question in enumerate(real.questions([*asked, "Which animals live in the ocean?"])):
        scores = [score(question, document) for document in documents]
        assert int(np.argmax(scores)) == right


def test_what_counts_is_the_models_own(real: MultiVectorEncoder) -> None:
    (question,), (passage,) = real.questions(["When?"]), real.passages(["It was lit, at dusk."])
    assert question.words[:5] == ("[CLS]", "question", ":", "when", "?")
    assert set(question.words[6:]) == {"[MASK]"}
    assert len(question.words) == 32
    assert passage.words == ("[CLS]", "passage", "it", "was", "lit", "at", "dusk", "[SEP]")
    assert passage.boxes is None
    assert (real.dimension, real.reads_pictures, real.revision) == (384, False, "")
    with pytest.raises(InputError, match="reads texts only"):
        real.pictures([Image.new("RGB", (9, 9))])


def test_long_texts_are_cut_and_blank_ones_have_no_tokens(real: MultiVectorEncoder) -> None:
    cut, whole, blank = real.passages(["long " * 500, "long " * 61, " \n"])
    assert len(cut.words) == 63  # 64, but for the colon of the prompt
    assert np.array_equal(cut.vectors, whole.vectors)
    assert (blank.vectors.shape, blank.words) == ((0, 384), ())
    assert real.passages([]) == real.questions([]) == []


def test_a_pylate_checkpoint(pylate_folder: Path, no_network: None) -> None:
    encoder = load_multivector(str(pylate_folder))
    assert encoder.dimension == 8
    (question,), (passage,) = encoder.questions(["the kiln"]), encoder.passages(["the kiln : was fired"])
    assert len(question.words) == 12
    assert passage.words == ("[CLS]", "passage", "the", "kiln", "was", "fired", "[SEP]")
    assert np.linalg.norm(question.vectors, axis=1) == pytest.approx(np.ones(12), abs=1e-5)
    assert load_multivector(str(pylate_folder)).fingerprint == encoder.fingerprint


def test_half_precision_as_on_a_gpu(pylate_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    whole = load_multivector(str(pylate_folder))
    monkeypatch.setattr(text, "device_and_dtype", lambda: ("cpu", torch.bfloat16))
    half = load_multivector(str(shutil.copytree(pylate_folder, tmp_path / "half")))
    assert half.fingerprint == whole.fingerprint
    (rough,), (exact,) = half.passages(["the kiln was fired"]), whole.passages(["the kiln was fired"])
    assert rough.vectors.dtype == np.float32
    assert (rough.vectors * exact.vectors).sum(axis=1).min() > 0.98


def test_weights_that_are_missing_or_left_over(pylate_folder: Path, tmp_path: Path) -> None:
    lacking = Path(shutil.copytree(pylate_folder, tmp_path / "lacking"))
    change_weights(lacking, without="encoder.layer.1.output.dense.weight")
    with pytest.raises(InputError, match=r"missing encoder\.layer\.1\.output\.dense\.weight"):
        load_multivector(str(lacking))
    extra = Path(shutil.copytree(pylate_folder, tmp_path / "extra"))
    change_weights(extra, extra="encoder.layer.9.output.dense.weight")
    with pytest.raises(InputError, match=r"unexpected encoder\.layer\.9\.output\.dense\.weight"):
        load_multivector(str(extra))
    without_pooler = Path(shutil.copytree(pylate_folder, tmp_path / "pooler"))
    change_weights(without_pooler, without="pooler.dense.weight")
    (as_ever,), (made,) = (load_multivector(str(f)).questions(["salt"]) for f in (pylate_folder, without_pooler))
    assert np.array_equal(as_ever.vectors, made.vectors)
    headless = Path(shutil.copytree(pylate_folder, tmp_path / "headless"))
    (headless / "1_Dense" / "model.safetensors").unlink()
    with pytest.raises(InputError, match="cannot load"):
        load_multivector(str(headless))


def test_a_head_that_would_be_random(tmp_path: Path) -> None:
    """A dense encoder that calls itself a late-interaction model gets a new layer from sentence-transformers."""
    folder = write_encoder(tmp_path / "dense")
    settings = {"query_prefix": "question ", "document_prefix": "passage "}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(InputError, match="no trained layer for token vectors: it would be random"):
        load_multivector(str(folder))
