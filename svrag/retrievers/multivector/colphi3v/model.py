"""Col-Phi-3-V: CLIP and Phi-3 as transformers has them, joined as Phi-3-vision joins them.

A picture is read as a whole (the global view) and in crops; 2 x 2 patches become a token, a learnt separator ends each
row of tokens and another stands between crops and global view ("sub_glb" order). Knows nothing of files or prompts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPVisionModel, Phi3Model, PreTrainedModel

from svrag.retrievers.multivector.colphi3v.config import ColPhi3VConfig
from svrag.retrievers.multivector.phi3.decoder import decode, unit


class ColPhi3V(PreTrainedModel):
    """`ColPhi3V(config)` has random weights; `from_pretrained` and `save_pretrained` are those of transformers."""

    config_class = ColPhi3VConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _no_split_modules = ["Phi3DecoderLayer", "CLIPEncoderLayer"]  # noqa: RUF012 -- as in transformers
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(self, config: ColPhi3VConfig) -> None:
        super().__init__(config)
        self.vision_tower = CLIPVisionModel._from_config(config.vision_config)
        self.language_model = Phi3Model._from_config(config.text_config)
        width, merged = config.text_config.hidden_size, 4 * config.vision_config.hidden_size
        self.glb_GN = nn.Parameter(torch.zeros(1, 1, merged))
        self.sub_GN = nn.Parameter(torch.zeros(1, 1, 1, merged))
        self.img_projection = nn.Sequential(nn.Linear(merged, width), nn.GELU(), nn.Linear(width, width))
        self.custom_text_proj = nn.Linear(width, config.dimension) if config.project else None
        self.post_init()  # type: ignore[no-untyped-call]

    def get_input_embeddings(self) -> nn.Module:
        return self.language_model.embed_tokens  # type: ignore[no-any-return]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_sizes: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """(batch, tokens, dimension, or the decoder's width) float32: vectors of length 1, 0 at padding.

        Args:
            input_ids: (batch, tokens); negative ones are the places of the picture's tokens.
            attention_mask: (batch, tokens), 0 at padding, on either side.
            pixel_values: (batch, views, 3, size, size): the global view, then crops in the order of reading, then
                anything.
            image_sizes: (batch, 2): height and width of the crops together, in pixels.
        """
        embeddings = self.embed(input_ids, pixel_values, image_sizes)
        hidden = decode(self.language_model, embeddings, attention_mask, self.config.layer)
        return unit(hidden if self.custom_text_proj is None else self.custom_text_proj(hidden), attention_mask)

    def embed(
        self, input_ids: Tensor, pixel_values: Tensor | None = None, image_sizes: Tensor | None = None
    ) -> Tensor:
        """(batch, tokens, width): what the decoder reads.

        Raises:
            ValueError: there are not as many places as the pictures give tokens.
        """
        embeddings: Tensor = self.language_model.embed_tokens(input_ids.clamp(min=0))
        if pixel_values is None or image_sizes is None:
            return embeddings
        size = self.config.vision_config.image_size
        grids = [(int(height) // size, int(width) // size) for height, width in image_sizes.tolist()]
        features = self.features(pixel_values, grids).to(embeddings)
        places = (input_ids < 0).unsqueeze(-1)
        if int(places.sum()) != len(features):
            raise ValueError(f"{int(places.sum())} places for {len(features)} tokens of pictures")
        return torch.masked_scatter(embeddings, places, features)

    def features(self, pixel_values: Tensor, grids: list[tuple[int, int]]) -> Tensor:
        """(tokens of all pictures, width), for grids of so many rows and columns of crops."""
        counts = [1 + rows * columns for rows, columns in grids]
        views = torch.cat([picture[:count] for picture, count in zip(pixel_values, counts, strict=True)])
        states = self.vision_tower(views.to(self.dtype), output_hidden_states=True).hidden_states[-2][:, 1:]
        merged = [self._arranged(some, *grid) for some, grid in zip(states.split(counts), grids, strict=True)]
        return self.img_projection(torch.cat(merged))  # type: ignore[no-any-return]

    def _arranged(self, patches: Tensor, rows: int, columns: int) -> Tensor:
        """(tokens, 4 * width) of one picture from its views' patches, (views, patches, width)."""
        whole, crops = self._rows(patches[:1], 1, 1), self._rows(patches[1:], rows, columns)
        return torch.cat([crops, self.glb_GN[0], whole])

    def _rows(self, patches: Tensor, rows: int, columns: int) -> Tensor:
        """Rows of tokens over `rows` x `columns` views, each row ended by the separator: (tokens, 4 * width)."""
        side, width = int(patches.shape[1] ** 0.5) // 2, patches.shape[2]
        grid = patches.reshape(rows, columns, side, 2, side, 2, width)
        # (row of views, row in the view, view, column in the view, row and column among the four, width)
        grid = grid.permute(0, 2, 1, 4, 3, 5, 6).reshape(rows * side, columns * side, 4 * width)
        ends = self.sub_GN[0].expand(rows * side, 1, -1)
        return torch.cat([grid, ends], dim=1).flatten(0, 1)
