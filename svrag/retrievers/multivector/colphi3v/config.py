"""Settings of Col-Phi-3-V, and how those of the published base become them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import CLIPVisionConfig, Phi3Config, PreTrainedConfig

from svrag.retrievers.multivector.phi3.config import decoder_settings

# openai/clip-vit-large-patch14-336, which the base's config.json only names.
_CLIP = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "hidden_act": "quick_gelu",
}


class ColPhi3VConfig(PreTrainedConfig):
    """Settings of the picture's encoder and of the decoder, and which of its states become vectors.

    Attributes:
        layer: the vectors are states after so many layers, without the final norm; None: after all and the norm.
            Released is 20 of 32.
        project: whether a head makes them `dimension` wide (as the paper has it), or they stay as wide as the decoder
            is (as released).
    """

    model_type = "colphi3v"
    sub_configs = {"vision_config": CLIPVisionConfig, "text_config": Phi3Config}  # noqa: RUF012 -- as in transformers

    # Settings as a dictionary are made into those of their classes.
    vision_config: Any = None
    text_config: Any = None
    layer: int | None = 20
    project: bool = False
    dimension: int = 128
    tie_word_embeddings: bool = False

    def __post_init__(self, **others: Any) -> None:
        if not isinstance(self.vision_config, PreTrainedConfig):
            self.vision_config = CLIPVisionConfig(**(self.vision_config or _CLIP))
        if not isinstance(self.text_config, PreTrainedConfig):
            self.text_config = Phi3Config(**(self.text_config or {}))
        super().__post_init__(**others)  # type: ignore[no-untyped-call]


def from_published(published: Mapping[str, Any]) -> ColPhi3VConfig:
    """The config.json of microsoft/Phi-3-vision-128k-instruct and its kind (model_type "phi3_v").

    A smaller picture encoder than that of the base may be described in `img_processor["config"]`.
    """
    return ColPhi3VConfig(
        vision_config=published["img_processor"].get("config", _CLIP), text_config=decoder_settings(published)
    )
