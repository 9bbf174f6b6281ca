"""Weights find their places or it is an error that names them: both models, our layout and the published one."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from PIL import Image
from safetensors.torch import load_file, save_file

from svrag.errors import InputError
from svrag.retrievers.multivector import loading
from svrag.retrievers.multivector.phi3.config import deciding
from svrag.retrievers.multivector.phi3.encoder import Encoder
from svrag.retrievers.multivector.phi3.published import build, files_of, fill, tensors
from tests.retrievers.multivector.colinternvl2 import tiny as internvl2
from tests.retrievers.multivector.colphi3v import tiny as phi3v


@pytest.fixture(params=[internvl2, phi3v], ids=["colinternvl2", "colphi3v"])
def tiny(request: pytest.FixtureRequest) -> ModuleType:
    return request.param  # type: ignore[no-any-return]


def load(folder: Path) -> Encoder:
    loading._loaded.cache_clear()  # a folder changes between the loads of a test
    encoder = loading.load_multivector(str(folder))
    assert isinstance(encoder, Encoder)
    return encoder


def vectors(encoder: Encoder) -> list[np.ndarray]:
    page = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8))
    return [encoder.questions(["How much?"])[0].vectors, encoder.pictures([page])[0].vectors]


def change(file: Path, *, without: str = "", more: str = "") -> None:
    weights = load_file(file)
    if without:
        del weights[without]
    if more:
        weights[more] = torch.zeros(2)
    save_file(weights, file)


def test_published_equals_what_it_was_made_from(tiny: ModuleType, tmp_path: Path) -> None:
    made = tiny.write_published(tmp_path)
    encoder = load(tmp_path / "adapter")
    assert isinstance(encoder.model, PeftModel)
    assert all(torch.equal(made.state_dict()[key], value) for key, value in _base(encoder.model).items())
    adapted = vectors(encoder)
    with encoder.model.disable_adapter():
        plain = vectors(encoder)
    assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(adapted, plain, strict=True))
    reference = Encoder("", "", made, encoder.processor, dimension=encoder.dimension, settings="")
    for a, b in zip(plain, vectors(reference), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for a, b in zip(vectors(encoder), adapted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_merged_and_saved_it_is_the_same(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.write_published(tmp_path)
    encoder = load(tmp_path / "adapter")
    adapted = vectors(encoder)
    assert isinstance(encoder.model, PeftModel)
    encoder.model.merge_and_unload().save_pretrained(tmp_path / "merged")
    encoder.processor.save_pretrained(tmp_path / "merged")  # type: ignore[attr-defined]
    for a, b in zip(vectors(load(tmp_path / "merged")), adapted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_an_adapter_over_our_own_layout(tiny: ModuleType, tmp_path: Path) -> None:
    """As training here leaves it: our names, and peft's file for them."""
    tiny.write(tmp_path / "base")
    model = load(tmp_path / "base").model
    settings = LoraConfig(r=2, lora_alpha=8, init_lora_weights=False, target_modules=r"language_model.*(qkv|o)_proj")
    adapted = get_peft_model(model, settings)
    adapted.peft_config["default"].base_model_name_or_path = str(tmp_path / "base")
    adapted.save_pretrained(tmp_path / "adapter")
    encoder = load(tmp_path / "adapter")
    reference = Encoder("", "", adapted, encoder.processor, dimension=encoder.dimension, settings="")
    for a, b in zip(vectors(encoder), vectors(reference), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_two_adapters_over_one_base(tiny: ModuleType, tmp_path: Path) -> None:
    """SV-RAG's own arrangement: one to retrieve, one to answer."""
    tiny.write_published(tmp_path)
    encoder = load(tmp_path / "adapter")
    model = encoder.model
    assert isinstance(model, PeftModel)
    first = vectors(encoder)
    model.save_pretrained(tmp_path / "again")
    file = tmp_path / "again" / "adapter_model.safetensors"
    save_file({key: -value if "lora_A" in key else value for key, value in load_file(file).items()}, file)
    model.load_adapter(str(tmp_path / "again"), "answer")
    model.set_adapter("answer")
    assert np.abs(vectors(encoder)[0] - first[0]).max() > 1e-3
    model.set_adapter("default")
    np.testing.assert_allclose(vectors(encoder)[0], first[0], atol=1e-6)


def test_missing_and_unexpected_weights(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.write(tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    change(file, without="language_model.layers.1.mlp.down_proj.weight")
    with pytest.raises(InputError, match=r"missing language_model\.layers\.1\.mlp\.down_proj\.weight"):
        load(tmp_path / "model")
    tiny.write(tmp_path / "other")
    change(tmp_path / "other" / "model.safetensors", more="language_model.layers.9.new.weight")
    with pytest.raises(InputError, match=r"unexpected language_model\.layers\.9\.new\.weight"):
        load(tmp_path / "other")


def test_weights_of_another_shape(tmp_path: Path) -> None:
    phi3v.write(tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    weights = load_file(file)
    weights["language_model.norm.weight"] = torch.zeros(5)
    save_file(weights, file)
    with pytest.raises(
        InputError, match=r"language_model\.norm\.weight is \(5,\) where the configuration says \(32,\)"
    ):
        load(tmp_path / "model")


def test_an_adapter_that_does_not_fit(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.write_published(tmp_path)
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    key = next(key for key in load_file(file) if "layers.2.mlp.down_proj.lora_B" in key)
    change(file, without=key)
    with pytest.raises(InputError, match=r"missing .*layers\.2\.mlp\.down_proj\.lora_B"):
        load(tmp_path / "adapter")
    change(file, more=key.replace("layers.2", "layers.7"))
    with pytest.raises(InputError, match=r"the adapter in .* do not fit"):
        load(tmp_path / "adapter")


def test_a_head_that_is_away(tmp_path: Path) -> None:
    internvl2.write_published(tmp_path)
    (tmp_path / "adapter" / "custom_text_proj.safetensors").unlink()
    with pytest.raises(InputError, match=r"missing custom_text_proj\.bias, custom_text_proj\.weight"):
        load(tmp_path / "adapter")


def test_a_base_that_is_away_or_in_part(tmp_path: Path) -> None:
    internvl2.write_published(tmp_path)
    (tmp_path / "base" / "model-2.safetensors").unlink()
    with pytest.raises(InputError, match=r"lacks model-2\.safetensors"):
        load(tmp_path / "adapter")
    (tmp_path / "base" / "model-1.safetensors").write_bytes(b"half a file")
    (tmp_path / "base" / "model-2.safetensors").write_bytes(b"half a file")
    with pytest.raises(InputError, match="is broken"):
        load(tmp_path / "adapter")
    settings = tmp_path / "adapter" / "adapter_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "base_model_name_or_path": ""}))
    with pytest.raises(InputError, match="does not name its base"):
        load(tmp_path / "adapter")


def test_settings_and_tokenizers_that_are_away(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.write_published(tmp_path)
    (tmp_path / "base" / "tokenizer.json").rename(tmp_path / "tokenizer.json")
    with pytest.raises(InputError, match=r"lacks tokenizer\.json"):
        load(tmp_path / "adapter")
    (tmp_path / "tokenizer.json").rename(tmp_path / "base" / "tokenizer.json")
    config = tmp_path / "base" / "config.json"
    settings = json.loads(config.read_text())
    config.write_text(json.dumps({key: settings[key] for key in ("model_type", "architectures")}))
    with pytest.raises(InputError, match=r"config\.json is not that of the published base"):
        load(tmp_path / "adapter")


def test_half_precision(tiny: ModuleType, tmp_path: Path) -> None:
    """As on a GPU: weights in bfloat16, vectors in float32 and nearly the same, the fingerprint too."""
    made = tiny.write(tmp_path / "model")
    encoder = load(tmp_path / "model")
    half = fill(
        build(lambda: type(made)(made.config)),
        tensors(files_of(tmp_path / "model")),
        lambda key: (key,),
        source="it",
        device="cpu",
        dtype=torch.bfloat16,
    )
    assert {parameter.dtype for parameter in half.parameters()} == {torch.bfloat16}
    assert not any(value.is_meta for value in [*half.parameters(), *half.buffers()])
    own = ("layer", "project") if tiny is phi3v else ("downsample_ratio", "vision_feature_layer")
    settings = deciding(made.config, *own)
    rounded = Encoder("", "", half, encoder.processor, dimension=encoder.dimension, settings=settings)
    assert rounded.fingerprint == encoder.fingerprint
    for a, b in zip(vectors(rounded), vectors(encoder), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(a, axis=1), 1, atol=1e-5)
        assert (a * b).sum(axis=1).mean() > 0.98


def _base(model: PeftModel) -> dict[str, torch.Tensor]:
    weights = model.get_base_model().state_dict()
    return {key.replace(".base_layer", ""): value for key, value in weights.items() if ".lora_" not in key}
