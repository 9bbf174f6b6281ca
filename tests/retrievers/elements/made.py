"""Encoders over tiny towers, with weights that training would have changed, and what they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image

from svrag.graph.places import Place
from svrag.retrievers.elements.config import ElementConfig
from svrag.retrievers.elements.model import ElementGraphModel, new_model, with_lora
from svrag.retrievers.elements.prepare import Inputs

PLACES = [Place("text", "method", 2.0, 0.25), Place("caption", "result", 1.0, 0.5), None]
TEXTS = ["salt", "the kiln was fired for nine hours", "a bowl"]


def pictures() -> list[Image.Image]:
    """A wide, a tall and a small one."""
    sizes, colours = ((90, 40), (30, 70), (8, 8)), ("red", "green", "blue")
    made = [Image.new("RGB", size, colour) for size, colour in zip(sizes, colours, strict=True)]
    for image in made:
        image.paste("white", (0, 0, image.width // 2, image.height // 3))
    return made


def encoder(
    tower: Callable[[str], str], kind: str, *, lora: int = 0, **settings: Any
) -> tuple[ElementGraphModel, Inputs]:
    """Over the tower `kind`, or "siglip2+bert"; each weight above the towers is moved from where it starts."""
    vision, _, text = kind.partition("+")
    if vision == "bert":
        config = ElementConfig(vision=None, text=tower("bert"), **settings)
    else:
        config = ElementConfig(vision=tower(vision), text=tower(text) if text else None, **settings)
    torch.manual_seed(0)
    model, inputs = new_model(config, gate=2.0)  # wide open, so that places show
    if lora:
        with_lora(model, lora, 2 * lora)
    else:
        for tower_ in filter(None, (model.text, model.vision)):
            tower_.requires_grad_(False)
    moved(model)
    return model.eval(), inputs


def moved(model: torch.nn.Module) -> None:
    """As training moves weights, for ever the same way."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, weight in sorted(model.named_parameters()):
            if weight.requires_grad:
                weight += torch.randn(weight.shape, generator=generator) * 0.2
