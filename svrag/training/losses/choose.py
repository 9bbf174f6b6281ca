"""The loss that a recipe names."""

from __future__ import annotations

from svrag.training.batch import Loss
from svrag.training.config import LossPart
from svrag.training.losses.distillation import KLDistillation
from svrag.training.losses.grcl import GRCL
from svrag.training.losses.infonce import InfoNCE
from svrag.training.losses.margin_mse import MarginMSE
from svrag.training.losses.negative import NegativeCE
from svrag.training.losses.pairwise import Pairwise
from svrag.training.losses.triplet import Triplet


def loss_of(part: LossPart) -> Loss:
    """Without the coverage and consistency terms, which `svrag.training.objective` adds."""
    match part.name:
        case "infonce":
            return InfoNCE(part.temperature)
        case "pairwise":
            return Pairwise(part.temperature)
        case "negatives":
            return NegativeCE(part.temperature)
        case "grcl" | "grcl_binary":
            return GRCL(part.temperature, binary=part.name == "grcl_binary")
        case "triplet":
            return Triplet(part.temperature, part.margin)
        case "kl_distillation":
            return KLDistillation(part.temperature)
        case "margin_mse":
            return MarginMSE(part.temperature)
