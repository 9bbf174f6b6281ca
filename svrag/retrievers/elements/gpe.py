"""The graph position embedding (GPE): a vector for an element's place in its document, added to each of its tokens.

`h + sigmoid(beta) * sum_f sigmoid(alpha_f) * facet_f`, with learned tables for the element's type and its section's
role, and sinusoids for the section's depth and for the element's position in it. Facts of the method: Element Graph
for Academic Multimodal Retrieval, v2.1 (github.com/monkcat/dl_project). What has no place gets nothing added.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from svrag.documents.model import ELEMENT_TYPES
from svrag.graph.model import SECTION_ROLES
from svrag.graph.places import Place
from svrag.retrievers.elements.config import FACETS, Facet

FEATURES = ("place_type", "place_role", "place_depth", "place_position", "place_present")
"""Keys of what `features_of` makes; all begin with "place_", so that they can be told from a model's other inputs."""

GATE = -3.0
"""Raw gates at the start: sigmoid(-3) = 0.047."""

_TYPES = tuple(name for name in ELEMENT_TYPES if name != "page")  # a page is no node of a graph
_CLOSED = -10.0
_DEVIATION = 0.02
_MAX_PERIOD = 1000.0
_STEPS = 100.0  # of a section: positions from 0 to 1 become numbers of the size of depths


def features_of(places: Sequence[Place | None]) -> dict[str, Tensor]:
    """Places as tensors of (n,): type and role int64, depth and position float32, present 1 or 0 (float32).

    Raises:
        ValueError: a place of a type that graphs do not have.
    """
    known = [place or Place("text", "other", 1.0, 0.0) for place in places]
    return {
        "place_type": torch.tensor([_TYPES.index(place.type) for place in known], dtype=torch.int64),
        "place_role": torch.tensor([SECTION_ROLES.index(place.role) for place in known], dtype=torch.int64),
        "place_depth": torch.tensor([place.depth for place in known], dtype=torch.float32),
        "place_position": torch.tensor([place.position for place in known], dtype=torch.float32),
        "place_present": torch.tensor([float(place is not None) for place in places], dtype=torch.float32),
    }


def sinusoid(values: Tensor, width: int) -> Tensor:
    """(n, width) of (n,): width / 2 sines, then as many cosines, of periods from 2 pi to 2 pi * 1000.

    An odd width ends with a 0.
    """
    half = width // 2
    steps = torch.arange(half, device=values.device, dtype=torch.float32)
    angles = values.float()[:, None] * torch.exp(-math.log(_MAX_PERIOD) * steps / max(half, 1))
    return nn.functional.pad(torch.cat([angles.sin(), angles.cos()], dim=-1), (0, width - 2 * half))


class GraphPositionEmbedding(nn.Module):
    """Of elements, for hidden states of one width.

    Args:
        width: of the hidden states.
        facets: the gates of others are shut (sigmoid(-10)) and are not trained.
        gate: raw value of the open ones at the start.
    """

    def __init__(self, width: int, facets: Collection[Facet], gate: float = GATE) -> None:
        super().__init__()
        self.width = width
        self.facets = tuple(facet for facet in FACETS if facet in facets)
        self.type_emb = nn.Embedding(len(_TYPES), width)
        self.role_emb = nn.Embedding(len(SECTION_ROLES), width)
        for table in (self.type_emb, self.role_emb):
            nn.init.normal_(table.weight, std=_DEVIATION)
        self.raw_alpha_type = _gate("type" in facets, gate)
        self.raw_alpha_role = _gate("role" in facets, gate)
        self.raw_alpha_depth = _gate("depth" in facets, gate)
        self.raw_alpha_pos = _gate("pos" in facets, gate)
        self.raw_beta = nn.Parameter(torch.tensor(gate))

    def embed(self, features: Mapping[str, Tensor]) -> Tensor:
        """(n, width): what is added to each token of an element; 0 where there is no place.

        Args:
            features: as `features_of` makes them.
        """
        facets = (
            (self.raw_alpha_type, self.type_emb(features["place_type"]).float()),
            (self.raw_alpha_role, self.role_emb(features["place_role"]).float()),
            (self.raw_alpha_depth, sinusoid(features["place_depth"], self.width)),
            (self.raw_alpha_pos, sinusoid(_STEPS * features["place_position"].float(), self.width)),
        )
        total = torch.stack([torch.sigmoid(alpha) * facet for alpha, facet in facets]).sum(dim=0)
        return torch.sigmoid(self.raw_beta) * total * features["place_present"][:, None]

    def forward(self, hidden: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """(n, tokens, width) hidden states with their elements' embeddings added, in the type that they came in."""
        return hidden + self.embed(features)[:, None].to(hidden.dtype)


def _gate(open_: bool, raw: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(raw if open_ else _CLOSED), requires_grad=open_)
