"""Requests to chat models in this process, and what is heard of their replies."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from svrag.generation.model import ChatModel, ChatRequest, Message, Picture, Reply, Text


def picture(seed: int = 0, width: int = 80, height: int = 60) -> Picture:
    """Of noise."""
    file = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3))
    Image.fromarray(noise.astype(np.uint8)).save(file, "PNG")
    return Picture(file.getvalue())


def asked(*parts: str | Picture, most: int = 12) -> ChatRequest:
    """A request of a system message and one of the user with these parts."""
    said = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    return ChatRequest((Message("system", (Text("Be brief."),)), Message("user", said)), max_tokens=most)


def heard(model: ChatModel, request: ChatRequest) -> tuple[Reply, list[str]]:
    pieces: list[str] = []
    return model.chat(request, on_token=pieces.append), pieces
