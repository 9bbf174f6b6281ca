from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from svrag.errors import InputError
from svrag.retrievers.dense.loading import load_single
from svrag.retrievers.dense.single import SingleVectorEncoder
from svrag.retrievers.kinds import kind_of
from tests.retrievers.dense.checkpoints import change_weights, write_encoder
from tests.retrievers.dense.networks import write_dpr

pytest.importorskip("transformers")
TEXTS = ["kiln", "the kiln was fired for nine hours", "salt", "bowls and salt thrown into the chamber"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both encoders in one folder."""
    folder = tmp_path_factory.mktemp("dpr") / "both"
    write_dpr(folder / "question_encoder", "question", seed=1)
    write_dpr(folder / "ctx_encoder", "ctx", seed=2)
    return folder


@pytest.fixture
def encoder(folder: Path) -> SingleVectorEncoder:
    return load_single(f"dpr:{folder}")


def test_vectors_are_those_of_transformers_whatever_the_batch(folder: Path, encoder: SingleVectorEncoder) -> None:
    import torch
    from transformers import AutoTokenizer, DPRContextEncoder, DPRQuestionEncoder

    networks = {
        "questions": DPRQuestionEncoder.from_pretrained(folder / "question_encoder"),
        "passages": DPRContextEncoder.from_pretrained(folder / "ctx_encoder"),
    }
    tokenizer = AutoTokenizer.from_pretrained(folder / "ctx_encoder")
    for side, made in (("questions", encoder.questions(TEXTS)), ("passages", encoder.passages(TEXTS))):
        for text, vector in zip(TEXTS, made, strict=True):
            with torch.inference_mode():
                expected = networks[side].eval()(**tokenizer(text, return_tensors="pt")).pooler_output[0].numpy()
            assert vector == pytest.approx(expected, abs=1e-5)
    assert not encoder.cosine
    assert np.abs(encoder.questions(TEXTS) - encoder.passages(TEXTS)).max() > 0.1
    assert abs(np.linalg.norm(encoder.passages(TEXTS), axis=1) - 1).min() > 0.1


def test_the_published_layout(folder: Path, tmp_path: Path, encoder: SingleVectorEncoder) -> None:
    """Weights as pytorch_model.bin, with a pooler that is not used."""
    asked = write_dpr(tmp_path / "q", "question", seed=1, published=True)
    told = write_dpr(tmp_path / "p", "ctx", seed=2, published=True)
    published = load_single(f"dpr:{asked}+{told}")
    assert published.questions(TEXTS) == pytest.approx(encoder.questions(TEXTS), abs=1e-6)
    assert published.passages(TEXTS) == pytest.approx(encoder.passages(TEXTS), abs=1e-6)
    assert published.fingerprint == encoder.fingerprint


def test_either_network_changes_the_fingerprint(folder: Path, tmp_path: Path, encoder: SingleVectorEncoder) -> None:
    other = write_dpr(tmp_path / "q", "question", seed=9)
    assert load_single(f"dpr:{other}+{folder / 'ctx_encoder'}").fingerprint != encoder.fingerprint


def test_headings_stand_before_passages_as_titles(encoder: SingleVectorEncoder) -> None:
    assert encoder.windows("salt", "the kiln") == ["the kiln [SEP] salt"]
    assert encoder.windows("salt") == ["salt"]
    assert len(encoder.windows("bowls weigh grams " * 30, "the kiln")) > 1


def test_what_does_not_fit_is_an_error(folder: Path, tmp_path: Path) -> None:
    assert kind_of("dpr") == "single"
    question, passage = folder / "question_encoder", folder / "ctx_encoder"
    with pytest.raises(InputError, match=r"missing question_encoder\.bert_model"):
        load_single(f"dpr:{passage}+{question}")
    with pytest.raises(InputError, match="is bert, not an encoder of DPR"):
        load_single(f"dpr:{write_encoder(tmp_path / 'bert')}+{passage}")
    with pytest.raises(InputError, match="name the checkpoints for questions and for passages"):
        load_single(f"dpr:{passage}")
    wide = write_dpr(tmp_path / "wide", "question", width=32)
    with pytest.raises(InputError, match="make vectors of different sizes"):
        load_single(f"dpr:{wide}+{passage}")
    lacking = write_dpr(tmp_path / "lacking", "ctx")
    change_weights(lacking, without="ctx_encoder.bert_model.encoder.layer.1.output.dense.weight")
    with pytest.raises(InputError, match=r"missing ctx_encoder\.bert_model\.encoder\.layer\.1\.output\.dense\.weight"):
        load_single(f"dpr:{question}+{lacking}")
    extra = write_dpr(tmp_path / "extra", "ctx")
    change_weights(extra, extra="ctx_encoder.bert_model.encoder.layer.7.output.dense.weight")
    with pytest.raises(InputError, match=r"unexpected ctx_encoder\.bert_model\.encoder\.layer\.7"):
        load_single(f"dpr:{question}+{extra}")
