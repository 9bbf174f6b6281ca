"""Settings of Col-InternVL2, and how those of the published base become them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import InternVLConfig

from svrag.retrievers.multivector.phi3.config import decoder_settings

IMAGE_TOKEN = 32013  # <IMG_CONTEXT> in the tokenizer of InternVL2-4B


class ColInternVL2Config(InternVLConfig):
    """Those of `InternVLConfig` (vision_config, text_config, image_token_id, ...) and the width of the vectors."""

    model_type = "colinternvl2"

    # Settings as a dictionary are made into those of their classes.
    vision_config: Any = None
    text_config: Any = None
    dimension: int = 128


def from_published(published: Mapping[str, Any]) -> ColInternVL2Config:
    """The config.json of OpenGVLab/InternVL2-4B and its kind (model_type "internvl_chat") in the terms of transformers."""
    vision = published["vision_config"]
    size = published.get("force_image_size") or vision["image_size"]
    return ColInternVL2Config(
        vision_config={
            "hidden_size": vision["hidden_size"],
            "num_hidden_layers": vision["num_hidden_layers"],
            "num_attention_heads": vision["num_attention_heads"],
            "intermediate_size": vision["intermediate_size"],
            "image_size": size,
            "patch_size": vision["patch_size"],
            "attention_bias": vision["qkv_bias"],
            "use_qk_norm": vision["qk_normalization"],
            "norm_type": vision["norm_type"],
            "layer_norm_eps": vision["layer_norm_eps"],
            "hidden_act": vision["hidden_act"],
            "use_mean_pooling": True,  # there is no norm after the last layer
        },
        text_config={"model_type": "phi3", **decoder_settings(published["llm_config"])},
        image_token_id=IMAGE_TOKEN,
        image_seq_length=int((size // vision["patch_size"] * published["downsample_ratio"]) ** 2),
        downsample_ratio=published["downsample_ratio"],
        vision_feature_layer=published["select_layer"],
        tie_word_embeddings=False,
    )
