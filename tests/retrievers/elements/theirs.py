"""An encoder as the published ones were built and saved: peft around a whole dual encoder, GPE and heads beside it.

Written from what is known of the layout, apart from the code under test: what reads these files must give its vectors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from svrag.documents.model import ELEMENT_TYPES
from svrag.graph.model import SECTION_ROLES
from svrag.graph.places import Place


class _Positions(nn.Module):
    def __init__(self, width: int, facets: tuple[str, ...]) -> None:
        super().__init__()
        self.width = width
        self.type_emb, self.role_emb = nn.Embedding(6, width), nn.Embedding(10, width)
        for facet in ("type", "role", "depth", "pos"):
            self.register_parameter(
                f"raw_alpha_{facet}", nn.Parameter(torch.tensor(0.5 if facet in facets else -10.0))
            )

    def forward(self, place: Place) -> Tensor:
        def wave(value: float) -> Tensor:
            half = self.width // 2
            angles = torch.tensor([value / 1000 ** (i / half) for i in range(half)])
            return torch.cat([angles.sin(), angles.cos()])

        return (
            torch.sigmoid(self.raw_alpha_type) * self.type_emb.weight[ELEMENT_TYPES.index(place.type)]
            + torch.sigmoid(self.raw_alpha_role) * self.role_emb.weight[SECTION_ROLES.index(place.role)]
            + torch.sigmoid(self.raw_alpha_depth) * wave(place.depth)
            + torch.sigmoid(self.raw_alpha_pos) * wave(100 * place.position)
        )


class Theirs(nn.Module):
    """Args:
    folder: of the dual encoder.
    """

    def __init__(
        self, folder: str, *, rank: int = 4, facets: tuple[str, ...] = ("type", "role", "depth", "pos")
    ) -> None:
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModel

        super().__init__()
        torch.manual_seed(5)
        base = AutoModel.from_pretrained(folder)
        read, seen = base.config.text_config.hidden_size, base.config.vision_config.hidden_size
        settings = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=["q_proj", "k_proj", "v_proj", "out_proj"])
        self.base = get_peft_model(base, settings)
        self.gpe = _Positions(read, facets)
        self.raw_beta = nn.Parameter(torch.tensor(0.7))
        self.ln_text, self.ln_vision = nn.LayerNorm(read), nn.LayerNorm(seen)
        self.proj_text, self.proj_vision = nn.Linear(read, 128), nn.Linear(seen, 128)
        self.gpe_to_vision: Any = nn.Linear(read, seen, bias=False) if read != seen else None
        self.clip = base.config.model_type == "clip"
        self.settings = {"hf_id": folder, "lora_rank": rank, "lora_alpha": 2 * rank, "gpe_facets": ",".join(facets)}
        with torch.no_grad():
            for key, weight in self.named_parameters():
                if "lora_B" in key:
                    weight.normal_(0.0, 0.2)
        self.eval()

    @torch.no_grad()
    def text(self, ids: list[int], place: Place | None) -> Tensor:
        """(tokens, 128) of one text."""
        network = self.base.base_model.model.text_model
        hidden = network(input_ids=torch.tensor([ids])).last_hidden_state[0]
        if place:
            hidden = hidden + torch.sigmoid(self.raw_beta) * self.gpe(place)
        return nn.functional.normalize(self.proj_text(self.ln_text(hidden)), dim=-1)

    @torch.no_grad()
    def picture(self, pixels: Tensor, place: Place | None, tokens: int | None = None) -> Tensor:
        """(tokens, 128) of one picture, (3, size, size)."""
        hidden = self.base.base_model.model.vision_model(pixel_values=pixels[None]).last_hidden_state[0]
        hidden = hidden[1:] if self.clip else hidden
        if tokens:
            side, new = round(len(hidden) ** 0.5), round(tokens**0.5)
            grid = nn.functional.adaptive_avg_pool2d(hidden.T.reshape(-1, side, side), new)
            hidden = grid.flatten(1).T
        if place:
            vector = self.gpe(place)
            hidden = hidden + torch.sigmoid(self.raw_beta) * (
                self.gpe_to_vision(vector) if self.gpe_to_vision else vector
            )
        return nn.functional.normalize(self.proj_vision(self.ln_vision(hidden)), dim=-1)

    def trained(self) -> dict[str, Tensor]:
        """What is published: LoRA, what stands beside the base, and the two numbers that no one froze."""
        return {
            key: value
            for key, value in self.state_dict().items()
            if "lora_" in key or not key.startswith("base.") or key.endswith(("logit_scale", "logit_bias"))
        }

    def publish(self, folder: Path, row: str) -> Path:
        (folder / "adapters").mkdir(parents=True, exist_ok=True)
        torch.save(self.trained(), folder / "adapters" / f"{row}.pt")
        path = folder / "manifest.json"
        rows = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        rows[row] = {**self.settings, "adapter": f"adapters/{row}.pt", "n_trainable_keys": len(self.trained())}
        path.write_text(json.dumps(rows), "utf-8")
        return folder
