"""The model as transformers saves and loads it, and inputs that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from svrag.retrievers.multivector.colinternvl2.model import ColInternVL2
from tests.retrievers.multivector.colinternvl2 import tiny


def test_transformers_saves_and_loads_it(tmp_path: Path) -> None:
    made = tiny.write(tmp_path / "model")
    loaded, report = ColInternVL2.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    with torch.inference_mode():
        torch.testing.assert_close(loaded.eval()(torch.tensor([[1, 5]])), made(torch.tensor([[1, 5]])))


def test_image_tokens_and_tiles_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="2 image tokens for 1 tiles"):
        tiny.model(image_token=9).embed(torch.tensor([[1, 9, 9]]), torch.zeros(1, 3, 28, 28))


def test_gradients_reach_what_is_trained() -> None:
    model = tiny.model(image_token=9)
    model(torch.tensor([[1, 9, 9, 9, 9]]), pixel_values=torch.ones(1, 3, 28, 28)).sum().backward()
    assert model.custom_text_proj.weight.grad.abs().sum() > 0
    assert model.language_model.layers[0].self_attn.qkv_proj.weight.grad.abs().sum() > 0
    assert model.vision_tower.embeddings.patch_embeddings.projection.weight.grad.abs().sum() > 0
