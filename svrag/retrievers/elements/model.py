"""The element-graph encoder as a network: towers, graph position embedding, and a head for each kind of input.

hidden states (+ GPE) -> LayerNorm -> Linear -> length 1, with a norm and a projection of their own for texts and for
pictures. Facts of the method: Element Graph for Academic Multimodal Retrieval, v2.1 (github.com/monkcat/dl_project).
What makes tensors of texts and pictures: `svrag.retrievers.elements.prepare`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.elements.config import ElementConfig, Lora
from svrag.retrievers.elements.gpe import GATE, GraphPositionEmbedding
from svrag.retrievers.elements.prepare import Inputs
from svrag.retrievers.elements.towers import read_towers, tokens_of_picture

_EPS = 1e-12
# The projections of attention, as SigLIP, CLIP and decoders, BERT and its kin, DistilBERT, MPNet and ModernBERT call
# them.
ATTENTION = (
    r"(?:.*\.)?(?:(?:q|k|v|o|out)_proj|(?:q|k|v|out)_lin|query|key|value|attention\.output\.dense"
    r"|attention\.attn\.[qkvo]|attn\.(?:Wqkv|Wo))"
)


class ElementGraphModel(nn.Module):
    """Heads and GPE are new (drawn from torch's generator) until they are trained or loaded.

    Args:
        text, vision: the towers, as `read_towers` gives them.
        gate: raw value of the GPE's gates at the start.
    """

    def __init__(self, config: ElementConfig, text: Any, vision: Any, *, gate: float = GATE) -> None:
        super().__init__()
        self.config = config
        self.text = text
        self.vision = vision
        width = int(text.config.hidden_size)
        self.ln_text, self.proj_text = nn.LayerNorm(width), _projection(width, config.dimension)
        self.gpe = GraphPositionEmbedding(width, config.facets, gate) if config.facets else None
        self.gpe_to_vision: nn.Linear | None = None
        if vision is not None:
            seen = int(vision.config.hidden_size)
            self.side = tokens_of_picture(config, vision)
            self.ln_vision, self.proj_vision = nn.LayerNorm(seen), _projection(seen, config.dimension)
            if self.gpe is not None and seen != width:
                self.gpe_to_vision = nn.Linear(width, seen, bias=False)
                nn.init.zeros_(self.gpe_to_vision.weight)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        pixel_values: Tensor | None = None,
        **places: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Token vectors of texts, or of pictures.

        Args:
            input_ids, attention_mask: (n, tokens) of texts; 0 in the mask at padding, on the right.
            pixel_values: (n, 3, size, size), of pictures.
            places: as `features_of` makes them; without them nothing is added.

        Returns:
            vectors: (n, tokens, dimension) float32, of length 1, 0 at padding.
            mask: (n, tokens) bool, False at padding.
        """
        if pixel_values is not None:
            hidden = self._seen(pixel_values)
            mask = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
            norm, project = self.ln_vision, self.proj_vision
        else:
            assert attention_mask is not None, "texts come with their mask"
            hidden = self.text(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.bool()
            norm, project = self.ln_text, self.proj_text
        if self.gpe is not None and places:
            embedding = self.gpe.embed(places).to(hidden.dtype)
            if pixel_values is not None and self.gpe_to_vision is not None:
                embedding = self.gpe_to_vision(embedding)
            hidden = hidden + embedding[:, None]
        vectors = nn.functional.normalize(project(norm(hidden)).float(), dim=-1, eps=_EPS)
        return vectors * mask[..., None], mask

    def _seen(self, pixel_values: Tensor) -> Tensor:
        """(n, tokens, width) of the patches, row by row; CLIP's first token sees the whole picture and is left out."""
        assert self.vision is not None, "this encoder reads no pictures"
        hidden: Tensor = self.vision(pixel_values=pixel_values.to(self.vision.dtype)).last_hidden_state
        if self.vision.config.model_type == "clip_vision_model":
            hidden = hidden[:, 1:]
        side = round(hidden.shape[1] ** 0.5)
        if side == self.side:
            return hidden
        grid = hidden.transpose(1, 2).reshape(len(hidden), -1, side, side)
        return nn.functional.adaptive_avg_pool2d(grid, self.side).flatten(2).transpose(1, 2)


def new_model(config: ElementConfig, *, gate: float = GATE) -> tuple[ElementGraphModel, Inputs]:
    """An encoder over pretrained towers, in float32 and training mode, with what prepares its inputs.

    Heads and GPE are new: seed torch before. LoRA that `config` tells of is put on, and does nothing yet.

    Raises:
        InputError: a tower cannot be had.
    """
    towers = read_towers(config)
    model = ElementGraphModel(config, towers.text, towers.vision, gate=gate)
    if config.lora is not None:
        with_lora(model, config.lora.rank, config.lora.alpha, targets=config.lora.targets)
    return model.train(), Inputs(config, towers)


def with_lora(
    model: ElementGraphModel,
    rank: int,
    alpha: int,
    *,
    dropout: float = 0.0,
    targets: str | tuple[str, ...] | None = None,
    init: bool | str = True,
) -> None:
    """Freeze the towers and put LoRA on their attention, in place. Heads and GPE are trained on as they were.

    Args:
        targets: a pattern of whole names of layers in a tower, or ends of names; None means `ATTENTION`.
        init: of peft: True, or "gaussian". The adapters do nothing at first either way.

    Raises:
        InputError: a tower has no such layers.
    """
    from peft import LoraConfig, inject_adapter_in_model

    wanted = ATTENTION if targets is None else targets if isinstance(targets, str) else list(targets)
    for tower in filter(None, (model.text, model.vision)):
        lora = LoraConfig(
            r=rank,
            lora_alpha=alpha,
            lora_dropout=dropout,
            target_modules=wanted,
            init_lora_weights=init,  # type: ignore[arg-type]
        )
        tower.requires_grad_(False)
        try:
            inject_adapter_in_model(lora, tower)
        except ValueError as error:
            kind = tower.config.model_type
            raise InputError(f"no layers for LoRA in a tower of type {kind}: name `targets` ({error})"[:300]) from None
    model.config = replace(model.config, lora=Lora(rank, alpha, targets), whole=False)


def _projection(width: int, dimension: int) -> nn.Linear:
    layer = nn.Linear(width, dimension)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
