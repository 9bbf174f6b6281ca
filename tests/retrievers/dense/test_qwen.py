from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from svrag.errors import InputError
from svrag.retrievers.dense.loading import load_single
from svrag.retrievers.dense.single import SingleVectorEncoder
from svrag.retrievers.kinds import is_retriever_name, kind_of
from tests.retrievers.dense.checkpoints import change_weights, write_encoder
from tests.retrievers.dense.networks import write_qwen, write_qwen_adapter

pytest.importorskip("peft")
TEXTS = ["kiln", "The kiln was fired for nine hours.", "salt", "a bowl of salt and ash, and of water"]


def load(*sources: Path) -> SingleVectorEncoder:
    return load_single("qwen2.5-embedding:" + "+".join(map(str, sources)))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_qwen(tmp_path_factory.mktemp("qwen") / "base")


def by_hand(model: object, folder: Path, text: str) -> NDArray[np.float32]:
    """The mean of the last hidden states of one text, of length 1."""
    import torch
    from transformers import AutoTokenizer

    read = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        mean = model(**read).last_hidden_state[0].mean(dim=0).numpy()  # type: ignore[operator]
    return mean / np.linalg.norm(mean)


def test_vectors_are_means_of_the_last_states_whatever_the_batch(base: Path) -> None:
    from transformers import Qwen2Model

    encoder, model = load(base), Qwen2Model.from_pretrained(base)
    made = encoder.passages(TEXTS)
    assert made.shape == (4, encoder.dimension) == (4, 32)
    for text, vector in zip(TEXTS, made, strict=True):
        assert vector == pytest.approx(by_hand(model, base, text), abs=1e-5)
        assert encoder.questions([text])[0] == pytest.approx(vector, abs=1e-6)
    assert encoder.passages([]).shape == (0, 32)
    assert encoder.cosine


@pytest.mark.parametrize("with_head", [True, False])
def test_an_adapter_names_its_base_or_is_named_with_it(base: Path, tmp_path: Path, with_head: bool) -> None:
    adapted = write_qwen_adapter(tmp_path / "lora", base, with_head=with_head)
    alone, both = load(tmp_path / "lora"), load(base, tmp_path / "lora")
    expected = by_hand(adapted, base, TEXTS[1])
    assert alone.passages(TEXTS)[1] == pytest.approx(expected, abs=1e-5)
    assert np.array_equal(alone.passages(TEXTS), both.passages(TEXTS))
    assert alone.fingerprint == both.fingerprint != load(base).fingerprint


def test_weights_that_are_missing_or_left_over(tmp_path: Path) -> None:
    folder = write_qwen(tmp_path / "lacking", whole=False)
    change_weights(folder, without="layers.1.mlp.up_proj.weight")
    with pytest.raises(InputError, match=r"missing layers\.1\.mlp\.up_proj\.weight"):
        load(folder)
    folder = write_qwen(tmp_path / "extra")
    change_weights(folder, extra="model.layers.7.mlp.up_proj.weight")
    with pytest.raises(InputError, match=r"unexpected .*layers\.7\.mlp\.up_proj\.weight"):
        load(folder)
    base = write_qwen(tmp_path / "base")
    write_qwen_adapter(tmp_path / "lora", base, with_head=False)
    weights = tmp_path / "lora" / "adapter_model.safetensors"
    (tmp_path / "lora" / "model.safetensors").symlink_to(weights)
    change_weights(tmp_path / "lora", extra="base_model.model.layers.9.self_attn.q_proj.lora_A.weight")
    (tmp_path / "lora" / "model.safetensors").replace(weights)
    with pytest.raises(InputError, match=r"the adapter .* unexpected"):
        load(tmp_path / "lora")


def test_other_models_and_names(tmp_path: Path) -> None:
    assert is_retriever_name("qwen2.5-embedding")
    assert kind_of("qwen2.5-embedding:owner/base+./adapter") == "single"
    with pytest.raises(InputError, match=r"is bert, not a Qwen2\.5: name a text encoder by its own name"):
        load(write_encoder(tmp_path / "bert"))
    for wrong in (":", ":a/b+", ":a/b+c/d+e/f"):
        with pytest.raises(InputError, match="after the colon stand"):
            load_single("qwen2.5-embedding" + wrong)


def test_a_folder_whose_name_has_the_sign(tmp_path: Path, base: Path) -> None:
    folder = write_qwen(tmp_path / "lr1e-4+warm")
    assert np.array_equal(load(folder).questions(TEXTS), load(base).questions(TEXTS))


def test_windows_fit(base: Path) -> None:
    encoder = load(base)
    text = " ".join(f"word{n}" for n in range(60))
    pieces = encoder.windows(text, "Methods > Firing")
    assert len(pieces) > 1
    assert all(piece.startswith("Methods > Firing\n") and len(piece) <= 126 for piece in pieces)  # a byte is a token
    assert {word for piece in pieces for word in piece.split()} >= set(text.split())
