"""What the tiny checkpoints of both models share: a decoder with LongRoPE, LoRA weights, the layout of 2024."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)

DECODER: dict[str, Any] = {
    "vocab_size": 272,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "original_max_position_embeddings": 64,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "rope_parameters": {
        "rope_type": "longrope",
        "rope_theta": 10_000.0,
        "short_factor": [1.0] * 8,
        "long_factor": [1.0, 1.1, 1.5, 2.0, 4.0, 8.0, 16.0, 32.0],
        "original_max_position_embeddings": 64,
        "factor": 32.0,
    },
}


def published_decoder() -> dict[str, Any]:
    """`DECODER` as config.json had it in 2024."""
    settings = {key: value for key, value in DECODER.items() if key not in ("rope_parameters", "initializer_range")}
    rope = DECODER["rope_parameters"]
    scaling = {"type": "su", "short_factor": rope["short_factor"], "long_factor": rope["long_factor"]}
    return {
        **settings,
        "rms_norm_eps": 1e-5,
        "rope_theta": rope["rope_theta"],
        "rope_scaling": scaling,
        "sliding_window": 4096,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
    }


def shaken(make: Callable[[], Model]) -> Model:
    """A model with random weights, the same each time; also those that begin at 0 or 1 are random."""
    torch.manual_seed(0)
    model = make()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.15)
    model.eval()
    return model


def lora(layers: str, rank: int = 2, seed: int = 1) -> dict[str, Tensor]:
    """LoRA weights for each projection of `DECODER`, under the keys that peft saves."""
    torch.manual_seed(seed)
    width, inner = DECODER["hidden_size"], DECODER["intermediate_size"]
    shapes = {
        "self_attn.qkv_proj": (width, 3 * width),
        "self_attn.o_proj": (width, width),
        "mlp.gate_up_proj": (width, 2 * inner),
        "mlp.down_proj": (inner, width),
    }
    weights = {}
    for layer in range(DECODER["num_hidden_layers"]):
        for name, (taken, given) in shapes.items():
            key = f"base_model.model.{layers}.{layer}.{name}"
            weights[f"{key}.lora_A.weight"] = torch.randn(rank, taken) * 0.3
            weights[f"{key}.lora_B.weight"] = torch.randn(given, rank) * 0.3
    return weights


def words() -> Tensor:
    """The layer that chooses the next word of `DECODER`."""
    return torch.randn(DECODER["vocab_size"], DECODER["hidden_size"], generator=torch.Generator().manual_seed(5))


def write_adapter(folder: Path, base: Path, weights: dict[str, Tensor], targets: str) -> None:
    folder.mkdir()
    settings = {
        "peft_type": "LORA",
        "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": str(base),
        "r": 2,
        "lora_alpha": 8,
        "lora_dropout": 0.1,
        "init_lora_weights": "gaussian",
        "inference_mode": True,
        "target_modules": targets,
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    save_file(weights, folder / "adapter_model.safetensors")


def write_shards(folder: Path, weights: dict[str, Tensor]) -> None:
    """In two files and an index."""
    keys = sorted(weights)
    parts = {"model-1.safetensors": keys[: len(keys) // 2], "model-2.safetensors": keys[len(keys) // 2 :]}
    for file, some in parts.items():
        save_file({key: weights[key].contiguous() for key in some}, folder / file)
    index = {"weight_map": {key: file for file, some in parts.items() for key in some}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
