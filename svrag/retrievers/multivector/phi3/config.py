"""Settings: those of the Phi-3 decoder of 2024 into those of transformers 5, and which of them decide the vectors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from transformers import PreTrainedConfig

_SAME = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "rms_norm_eps",
    "max_position_embeddings",
    "original_max_position_embeddings",
    "hidden_act",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
)

# The shapes of the weights say the rest.
_DECIDING = {
    "text_config": (
        "num_attention_heads",
        "num_key_value_heads",
        "rms_norm_eps",
        "hidden_act",
        "rope_parameters",
        "sliding_window",
    ),
    "vision_config": ("num_attention_heads", "layer_norm_eps", "hidden_act", "image_size", "patch_size"),
}


def deciding(config: PreTrainedConfig, *own: str) -> str:
    """The settings that decide a model's vectors, for its fingerprint: not those that each version of transformers adds.

    Args:
        own: names of settings besides those of the decoder and of the pictures' encoder.
    """
    settings = config.to_dict()
    parts = {part: {name: settings[part].get(name) for name in names} for part, names in _DECIDING.items()}
    return json.dumps({**parts, **{name: settings[name] for name in own}}, sort_keys=True)


def decoder_settings(published: Mapping[str, Any]) -> dict[str, Any]:
    """What `Phi3Config` takes, without dropout; "su" is the first name of LongRoPE."""
    settings = {key: published[key] for key in _SAME if key in published}
    settings["tie_word_embeddings"] = False
    scaling = published.get("rope_scaling")
    if scaling:
        settings["rope_parameters"] = {
            "rope_type": "longrope",
            "rope_theta": published.get("rope_theta", 10_000.0),
            "short_factor": [float(factor) for factor in scaling["short_factor"]],
            "long_factor": [float(factor) for factor in scaling["long_factor"]],
            "original_max_position_embeddings": published["original_max_position_embeddings"],
            "factor": published["max_position_embeddings"] / published["original_max_position_embeddings"],
        }
    window = published.get("sliding_window")
    # A window wider than any text hides nothing, but keeps attention from its fastest kernels.
    if window and window < published["max_position_embeddings"]:
        settings["sliding_window"] = window
    return settings
