from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from svrag.errors import InputError
from svrag.retrievers.multivector.loading import load_multivector
from tests.retrievers.multivector.tiny import change_weights

Folders = Callable[[str], Path]
PICTURE = Image.linear_gradient("L").resize((90, 60))
HEADS = {"ColIdefics3": "linear"}


def write_adapter(folder: Path, base: Path, family: str, *, head: str = "saved", target: str = "o_proj") -> Any:
    """A LoRA adapter over `base`; its head is "saved" whole, or "tuned" by LoRA only. Returns the adapted model."""
    import colpali_engine.models as engine
    import torch
    from peft import LoraConfig, get_peft_model

    model = getattr(engine, family).from_pretrained(base)
    name = HEADS.get(family, "custom_text_proj")
    config = LoraConfig(
        r=2,
        target_modules=[target, name] if head == "tuned" else [target],
        modules_to_save=[name] if head == "saved" else None,
        init_lora_weights=False,
    )
    torch.manual_seed(1)
    adapted = get_peft_model(model, config)
    with torch.no_grad():
        for key, weight in adapted.named_parameters():
            if "modules_to_save" in key:
                weight.normal_()
    adapted.save_pretrained(folder)
    settings = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    settings["base_model_name_or_path"] = str(base)
    (folder / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return adapted.eval()


@pytest.fixture
def headless(tiny_folder: Folders, tmp_path: Path) -> Path:
    """A base as its makers publish it: a language model without a head for token vectors."""
    base = Path(shutil.copytree(tiny_folder("ColQwen2"), tmp_path / "headless"))
    change_weights(base, without="custom_text_proj.weight")
    change_weights(base, without="custom_text_proj.bias")
    return base


@pytest.mark.parametrize("family", ["ColPali", "ColQwen2", "ColIdefics3", "ColGemma3"])
def test_an_adapter_with_its_head(family: str, tiny_folder: Folders, tmp_path: Path, no_network: None) -> None:
    import torch

    base, folder = tiny_folder(family), tmp_path / "adapter"
    adapted = write_adapter(folder, base, family)
    encoder = load_multivector(str(folder))
    (made,) = encoder.pictures([PICTURE])
    batch = encoder.processor.process_images([PICTURE])  # type: ignore[attr-defined]
    with torch.inference_mode():
        model = adapted.get_base_model()
        if family == "ColPali":
            model.model.lm_head.weight = model.get_input_embeddings().weight  # left without by colpali-engine
        expected = model(**batch)[0].numpy()
    assert made.vectors == pytest.approx(expected, abs=1e-5)
    plain = load_multivector(str(base))
    assert np.abs(plain.pictures([PICTURE])[0].vectors - made.vectors).max() > 0.1
    assert plain.fingerprint != encoder.fingerprint


def test_a_base_without_a_head_and_an_adapter_that_has_it(headless: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter", headless, "ColQwen2")
    twice = []
    for copy in ("adapter", "again"):
        if copy == "again":
            shutil.copytree(tmp_path / "adapter", tmp_path / copy)
        twice.append(load_multivector(str(tmp_path / copy)).questions(["hot"])[0].vectors)
    assert np.array_equal(*twice)


def test_an_adapter_over_a_head_that_was_made_anew(headless: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter", headless, "ColQwen2", head="tuned")
    with pytest.raises(
        InputError, match=r"weights that nobody saved \(custom_text_proj\.bias, custom_text_proj\.weight\)"
    ):
        load_multivector(str(tmp_path / "adapter"))


def test_names_of_older_versions(tiny_folder: Folders, tmp_path: Path) -> None:
    """Adapters of ColQwen2 were saved when its language model's layers were `model.layers`."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "adapter"
    write_adapter(folder, tiny_folder("ColQwen2"), "ColQwen2")
    now = load_multivector(str(folder)).questions(["hot"])[0].vectors
    older = Path(shutil.copytree(folder, tmp_path / "older"))
    path = older / "adapter_model.safetensors"
    weights = {key.replace(".language_model.", ".model."): value for key, value in load_file(path).items()}
    assert any(key.startswith("base_model.model.model.layers.") for key in weights)
    save_file(weights, path)
    assert np.array_equal(load_multivector(str(older)).questions(["hot"])[0].vectors, now)


def test_adapter_weights_missing_left_over_or_of_another_base(tiny_folder: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    write_adapter(folder, tiny_folder("ColQwen2"), "ColQwen2")
    lacking = Path(shutil.copytree(folder, tmp_path / "lacking"))
    change_weights(lacking, without="1.self_attn.o_proj.lora_B.weight")
    with pytest.raises(InputError, match=r"weights of the adapter \S+ do not fit .*missing \S+lora_B\.weight"):
        load_multivector(str(lacking))
    extra = Path(shutil.copytree(folder, tmp_path / "extra"))
    change_weights(extra, extra="base_model.model.layers.7.lora_A.weight")
    with pytest.raises(InputError, match=r"unexpected base_model\.model\.layers\.7\.lora_A\.weight"):
        load_multivector(str(extra))
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    settings = json.loads((other / "adapter_config.json").read_text("utf-8"))
    for changes, said in (
        (
            {"target_modules": ["nothing"]},
            r"does not fit its base model .*No modules were targeted.*correct base_model_name_or_path",
        ),
        ({"base_model_name_or_path": str(tiny_folder("ColQwen3"))}, r"does not fit"),
        ({"base_model_name_or_path": str(tmp_path / "nowhere")}, r"the base model of the adapter .*: no model in"),
        ({"base_model_name_or_path": None}, "does not name its base model"),
        ({"peft_type": "IA3"}, "only LoRA is supported"),
    ):
        (other / "adapter_config.json").write_text(json.dumps({**settings, **changes}), encoding="utf-8")
        with pytest.raises(InputError, match=said):
            load_multivector(str(other))
