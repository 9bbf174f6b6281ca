"""Col-InternVL2 with a few thousand random weights, in our layout and in the published one."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from svrag.retrievers.multivector.colinternvl2.config import ColInternVL2Config
from svrag.retrievers.multivector.colinternvl2.model import ColInternVL2
from svrag.retrievers.multivector.colinternvl2.processor import ColInternVL2Processor
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

TARGETS = "(.*(language_model).*(qkv_proj|gate_up_proj|o_proj|down_proj).*$)"
_SIGNS = ["<|system|>", "<|user|>", "<|end|>", "<|assistant|>"]
_SPECIAL = ["</s>", "<s>", "<pad>", "<img>", "</img>", "<IMG_CONTEXT>", *_SIGNS]
_VISION = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


def vocabulary(folder: Path) -> Vocabulary:
    return Vocabulary(write_tokenizer(folder, _SPECIAL, bos_token="<s>", eos_token="</s>", pad_token="<pad>"))


def model(image_token: int, dimension: int = 16) -> ColInternVL2:
    """Tiles of 28 x 28 pixels, 4 tokens each."""
    config = ColInternVL2Config(
        vision_config={**_VISION, "image_size": 28, "patch_size": 7, "attention_bias": True},
        text_config={"model_type": "phi3", **DECODER},
        image_token_id=image_token,
        image_seq_length=4,
        dimension=dimension,
        tie_word_embeddings=False,
    )
    return shaken(lambda: ColInternVL2(config))


def write(folder: Path) -> ColInternVL2:
    """In our layout; what was written."""
    folder.mkdir()
    processor = ColInternVL2Processor(vocabulary(folder), tile=28, tokens=4)
    processor.save_pretrained(folder)
    made = model(processor.image_token)
    made.save_pretrained(folder)
    return made


def write_published(folder: Path) -> ColInternVL2:
    """Base, adapter and head, as published, in folder/base and folder/adapter; the base in two files.

    Returns:
        the model without the adapter.
    """
    base, adapter = folder / "base", folder / "adapter"
    base.mkdir(parents=True)
    made = model(vocabulary(base).number("<IMG_CONTEXT>"), dimension=128)
    weights = _published(made.state_dict())
    head = {f"base_layer.{key}": weights.pop(f"custom_text_proj.{key}") for key in ("weight", "bias")}
    write_shards(base, weights)
    (base / "config.json").write_text(json.dumps(_settings()))
    write_adapter(adapter, base, lora("model.language_model.model.layers"), TARGETS)
    save_file(head, adapter / "custom_text_proj.safetensors")
    return made


def _settings() -> dict[str, object]:
    vision = {
        **_VISION,
        "image_size": 28,
        "patch_size": 7,
        "qkv_bias": True,
        "qk_normalization": False,
        "norm_type": "layer_norm",
        "layer_norm_eps": 1e-6,
        "hidden_act": "gelu",
    }
    return {
        "model_type": "internvl_chat",
        "architectures": ["InternVLChatModel"],
        "downsample_ratio": 0.5,
        "force_image_size": 28,
        "select_layer": -1,
        "vision_config": vision,
        "llm_config": published_decoder(),
    }


def _published(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our names into those of 2024, written here once more and the other way round."""
    made = {"language_model.lm_head.weight": words()}
    for key, tensor in weights.items():
        if ".k_proj." in key or ".v_proj." in key:
            continue
        if ".attention.q_proj." in key:
            tensor = torch.cat([weights[key.replace("q_proj", f"{part}_proj")] for part in "qkv"])
        for before, after in (
            ("vision_tower.embeddings.cls_token", "vision_model.embeddings.class_embedding"),
            ("vision_tower.embeddings.position_embeddings", "vision_model.embeddings.position_embedding"),
            ("vision_tower.embeddings.patch_embeddings.projection", "vision_model.embeddings.patch_embedding"),
            ("vision_tower.encoder.layer", "vision_model.encoder.layers"),
            ("attention.q_proj", "attn.qkv"),
            ("attention.projection_layer", "attn.proj"),
            ("layernorm_before", "norm1"),
            ("layernorm_after", "norm2"),
            ("lambda_", "ls"),
            ("multi_modal_projector.layer_norm", "mlp1.0"),
            ("multi_modal_projector.linear_1", "mlp1.1"),
            ("multi_modal_projector.linear_2", "mlp1.3"),
            ("language_model.", "language_model.model."),
        ):
            key = key.replace(before, after)
        made[key] = tensor
    return made
