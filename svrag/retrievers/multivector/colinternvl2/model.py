"""Col-InternVL2: InternViT and Phi-3 as transformers has them, and a head that makes a vector of each token.

After SV-RAG (arXiv 2411.01106, section 3). Knows nothing of pictures as files, of prompts or of published layouts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import InternVLModel

from svrag.retrievers.multivector.colinternvl2.config import ColInternVL2Config
from svrag.retrievers.multivector.phi3.decoder import decode, unit


class ColInternVL2(InternVLModel):
    """`ColInternVL2(config)` has random weights; `from_pretrained` and `save_pretrained` are those of transformers."""

    config_class = ColInternVL2Config

    def __init__(self, config: ColInternVL2Config) -> None:
        super().__init__(config)
        self.custom_text_proj = nn.Linear(config.text_config.hidden_size, config.dimension)
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        pixel_values: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """(batch, tokens, dimension) float32: a vector of length 1 for each token, 0 at padding.

        Args:
            input_ids: (batch, tokens).
            attention_mask: (batch, tokens), 0 at padding, on either side.
            pixel_values: (tiles, 3, size, size), those of all pictures one after another; they take the places of
                the image tokens in `input_ids`.
        """
        embeddings = self.embed(input_ids, pixel_values)
        hidden = decode(self.language_model, embeddings, attention_mask)
        return unit(self.custom_text_proj(hidden), attention_mask)

    def embed(self, input_ids: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        """(batch, tokens, width): what the decoder reads.

        Raises:
            ValueError: there are not as many image tokens as the tiles give.
        """
        embeddings: Tensor = self.language_model.embed_tokens(input_ids)
        if pixel_values is None:
            return embeddings
        features = self.features(pixel_values).to(embeddings)
        places = (input_ids == self.config.image_token_id).unsqueeze(-1)
        if int(places.sum()) != features.shape[0] * features.shape[1]:
            raise ValueError(f"{int(places.sum())} image tokens for {features.shape[0]} tiles")
        return torch.masked_scatter(embeddings, places, features)

    def features(self, pixel_values: Tensor) -> Tensor:
        """(tiles, tokens of a tile, width): what the decoder reads in the places of image tokens."""
        output = self.get_image_features(
            pixel_values,
            vision_feature_layer=self.config.vision_feature_layer,
            vision_feature_select_strategy="default",
        )
        return output.pooler_output  # type: ignore[no-any-return]
