"""Tiny towers, each written once, and the encoders over them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.retrievers.elements.tiny import write_bert, write_clip, write_siglip2

_TOWERS = {"siglip2": write_siglip2, "clip": write_clip, "bert": write_bert}


@pytest.fixture(scope="session")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Folder of "siglip2", "clip" or "bert"."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> str:
        if kind not in made:
            made[kind] = _TOWERS[kind](tmp_path_factory.mktemp(kind))
        return str(made[kind])

    return folder
