"""What an element-graph encoder is made of, as data: towers, heads, LoRA, the facets of its graph position embedding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isqrt
from typing import Any, Literal, get_args

from svrag.errors import InputError

Facet = Literal["type", "role", "depth", "pos"]
FACETS: tuple[Facet, ...] = get_args(Facet)

MODEL_TYPE = "svrag_element_graph"
"""`model_type` in the config.json of a saved encoder, by which it is recognised."""


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapters of a tower's layers (Hu et al., arXiv 2106.09685).

    Attributes:
        targets: pattern of whole names of layers, or ends of names; None means the projections of attention.
    """

    rank: int
    alpha: int
    targets: str | tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ElementConfig:
    """An encoder.

    Attributes:
        vision: name or folder of a SigLIP, SigLIP2 or CLIP checkpoint; None reads figures by their words.
        text: of a text encoder; None takes the text tower of `vision`.
        dimension: of token vectors.
        longest: tokens of a text that are read, where the tower can read so many.
        facets: of the graph position embedding; without any there is none.
        tokens: of a picture, a square number: its patches are pooled to so many; None keeps all.
        lora: of both towers.
        whole: the towers were trained themselves, and are saved with the encoder.
    """

    vision: str | None = "google/siglip2-base-patch16-224"
    text: str | None = None
    dimension: int = 128
    longest: int = 64
    facets: tuple[Facet, ...] = FACETS
    tokens: int | None = None
    lora: Lora | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        """Raises:
        InputError: no tower, an unknown facet, or a number of tokens that is no square.
        """
        if self.vision is None and self.text is None:
            raise InputError("an element-graph encoder needs a text tower: name `text`, or a `vision` that has one")
        if unknown := [facet for facet in self.facets if facet not in FACETS]:
            raise InputError(f"no facet {unknown[0]!r} of a graph position embedding: there are {', '.join(FACETS)}")
        if self.tokens is not None and isqrt(max(0, self.tokens)) ** 2 != self.tokens:
            raise InputError(f"tokens of a picture fill a square: 16, 64 or 196, not {self.tokens}")

    def to_json(self) -> str:
        return json.dumps({"model_type": MODEL_TYPE, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> ElementConfig:
        """Raises:
        InputError: keys are missing or unknown, or values are not possible.
        """
        given = {key: value for key, value in settings.items() if key != "model_type"}
        known = {field.name for field in fields(cls)}
        if given.keys() != known:
            odd = sorted(given.keys() ^ known)
            raise InputError(f"not the settings of an element-graph encoder: {', '.join(odd)} missing or unknown")
        lora = given["lora"]
        if lora is not None:
            targets = lora["targets"]
            lora = Lora(lora["rank"], lora["alpha"], tuple(targets) if isinstance(targets, list) else targets)
        return cls(**{**given, "facets": tuple(given["facets"]), "lora": lora})
