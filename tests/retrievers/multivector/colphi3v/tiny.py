"""Col-Phi-3-V with a few thousand random weights, in our layout and in the published one."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from svrag.retrievers.multivector.colphi3v.config import ColPhi3VConfig
from svrag.retrievers.multivector.colphi3v.model import ColPhi3V
from svrag.retrievers.multivector.colphi3v.processor import ColPhi3VProcessor
from svrag.retrievers.multivector.phi3.prompts import Vocabulary
from tests.retrievers.multivector.phi3.tiny import (
    DECODER,
    lora,
    published_decoder,
    shaken,
    words,
    write_adapter,
    write_shards,
)
from tests.retrievers.multivector.tiny import write_tokenizer

TARGETS = (
    "(.*(model.layers).*(qkv_proj|gate_up_proj|v_proj|o_proj|down_proj|k_proj|q_proj).*$|.*(custom_text_proj).*$)"
)
_SPECIAL = ["<|endoftext|>", "<s>", "<|user|>", "<|end|>", "<|assistant|>", "<|system|>"]
_VISION = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "image_size": 28,
    "patch_size": 7,
    "hidden_act": "quick_gelu",
}


def vocabulary(folder: Path) -> Vocabulary:
    return Vocabulary(write_tokenizer(folder, _SPECIAL, bos_token="<s>", pad_token="<|endoftext|>"))


def processor(folder: Path) -> ColPhi3VProcessor:
    """Views of 28 x 28 pixels, 2 x 2 tokens each."""
    return ColPhi3VProcessor(vocabulary(folder), crop=28, side=2)


def model(*, layer: int | None = 2, project: bool = False, dimension: int = 16) -> ColPhi3V:
    config = ColPhi3VConfig(
        vision_config=_VISION, text_config=DECODER, layer=layer, project=project, dimension=dimension
    )
    return shaken(lambda: ColPhi3V(config))


def write(folder: Path, *, layer: int | None = 2, project: bool = False) -> ColPhi3V:
    """In our layout; what was written."""
    folder.mkdir()
    processor(folder).save_pretrained(folder)
    made = model(layer=layer, project=project)
    made.save_pretrained(folder)
    return made


def write_published(folder: Path) -> ColPhi3V:
    """Base and adapter as published, in folder/base and folder/adapter; the base in two files.

    Returns:
        the model without the adapter. It has less than the 20 layers that the published layout takes for granted:
        settings of ours beside the adapter say which make the vectors.
    """
    base, adapter = folder / "base", folder / "adapter"
    base.mkdir(parents=True)
    vocabulary(base)
    made = model()
    write_shards(base, _published(made.state_dict()))
    settings = {
        **published_decoder(),
        "model_type": "phi3_v",
        "architectures": ["Phi3VForCausalLM"],
        "img_processor": {"name": "clip_vision_model", "config": _VISION},
    }
    (base / "config.json").write_text(json.dumps(settings))
    weights = lora("model.layers")
    weights["base_model.model.custom_text_proj.lora_A.weight"] = torch.ones(2, 32)
    weights["base_model.model.custom_text_proj.lora_B.weight"] = torch.ones(128, 2)
    write_adapter(adapter, base, weights, TARGETS)
    made.config.save_pretrained(adapter)
    return made


def _published(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our names into those of 2024."""
    vision = "model.vision_embed_tokens."
    made = {
        "lm_head.weight": words(),
        f"{vision}wte.weight": weights["language_model.embed_tokens.weight"].clone(),
    }
    for key, tensor in weights.items():
        if key.startswith("vision_tower."):
            key = f"{vision}img_processor.vision_model.{key.removeprefix('vision_tower.')}"
        elif key.startswith("language_model."):
            key = f"model.{key.removeprefix('language_model.')}"
        else:
            key = vision + key
        made[key] = tensor
    return made
