"""Encoders in the layout that the element-graph project publishes them in: adapters/<row>.pt and manifest.json.

A state file holds what was trained, by the names of that project's network: `base.base_model.model.` before the towers
with their LoRA, `gpe.`, `raw_beta`, `gpe_to_vision`, `ln_*`, `proj_*`. Facts: github.com/monkcat/dl_project. Its files
are pickles: only tensors are read from them.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from svrag.errors import InputError
from svrag.retrievers.elements.config import FACETS
from svrag.retrievers.elements.gpe import GraphPositionEmbedding
from svrag.retrievers.elements.model import ElementGraphModel

MANIFEST = "manifest.json"

_BASE = "base.base_model.model."
_TOWERS = {"text_model.": "text.", "vision_model.": "vision."}
_BETA = {"raw_beta": "gpe.raw_beta"}
# Saved there because LoRA reached it or nothing froze it, but no token vector depends on it: what compares whole texts
# and pictures, and SigLIP's attention pooling.
_UNUSED = re.compile(r"base\.base_model\.model\.(?:logit_(?:scale|bias)$|vision_model\.head\.)")
_POSITIONS = ("gpe.", "raw_beta", "gpe_to_vision.")
_SHUT = -100.0  # of a gate: its sigmoid is 0 in float32 arithmetic with anything
_DIMENSION, _LONGEST = 128, 64  # the layout does not tell them: that project's code has these


def read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    """What a manifest tells of each row.

    Raises:
        InputError: it is broken, or no manifest of rows.
    """
    try:
        rows = json.loads(path.read_text("utf-8"))
        good = isinstance(rows, dict) and all(
            {"hf_id", "lora_rank", "lora_alpha", "gpe_facets", "adapter"} <= row.keys() for row in rows.values()
        )
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}): get it again") from None
    if not good:
        raise InputError(f"{path} lacks what an adapter is built with (hf_id, lora_rank, lora_alpha, gpe_facets)")
    return rows  # type: ignore[no-any-return]


def read_state(path: Path, *, positions: bool) -> dict[str, Tensor]:
    """The weights of a state file by the names that they have here.

    Args:
        positions: False leaves those of the GPE out.

    Raises:
        InputError: the file is broken, or holds something else than tensors.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        said = str(error).splitlines()[0]
        raise InputError(f"{path} is no file of weights ({said[:120]}): get it again") from None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path} holds more than weights: get it again")
    return {
        _ours(key): value.float()
        for key, value in state.items()
        if not _UNUSED.match(key) and (positions or not key.startswith(_POSITIONS))
    }


def export(model: ElementGraphModel, folder: Path, row: str) -> None:
    """Write the encoder as a row of the published layout, beside those that are in the folder.

    An encoder without a GPE gets one with its gate shut: that project's code always has one.

    Raises:
        InputError: the layout cannot tell of such an encoder.
    """
    config = model.config
    for what, fits in (
        ("one whose text tower is not that of its vision tower", config.vision is not None and config.text is None),
        ("one without LoRA", config.lora is not None),
        ("LoRA on other layers", config.lora is not None and config.lora.targets is None),
        (f"vectors of {config.dimension} numbers", config.dimension == _DIMENSION),
        (f"texts of {config.longest} tokens", config.longest == _LONGEST),
    ):
        if not fits:
            raise InputError(f"the published layout does not know {what}: save the encoder in our own")
    assert config.lora is not None  # as just seen
    state = {key: value for key, value in model.state_dict().items() if _trained(key)}
    if model.gpe is None:
        width, seen = int(model.text.config.hidden_size), int(model.vision.config.hidden_size)
        state |= {f"gpe.{key}": value for key, value in GraphPositionEmbedding(width, FACETS).state_dict().items()}
        state["gpe.raw_beta"] = torch.tensor(_SHUT)
        if width != seen:
            state["gpe_to_vision.weight"] = torch.zeros(seen, width)
    file = f"adapters/{row}.pt"
    (folder / "adapters").mkdir(parents=True, exist_ok=True)
    torch.save({_theirs(key): value.detach().cpu().float() for key, value in state.items()}, folder / file)
    path = folder / MANIFEST
    rows = read_manifest(path) if path.is_file() else {}
    rows[row] = {
        "hf_id": config.vision,
        "lora_rank": config.lora.rank,
        "lora_alpha": config.lora.alpha,
        "gpe_facets": ",".join(config.facets or FACETS),
        "adapter": file,
        "n_trainable_keys": len(state),
        "size_bytes": (folder / file).stat().st_size,
        # Not told there, where a row's name tells it.
        "tokens_per_visual": config.tokens or 0,
    }
    path.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")


def _trained(key: str) -> bool:
    return ".lora_" in key or not key.startswith(tuple(_TOWERS.values()))


def _ours(key: str) -> str:
    bare = key.removeprefix(_BASE)
    for theirs, ours in _TOWERS.items():
        if bare != key and bare.startswith(theirs):
            return ours + bare.removeprefix(theirs)
    return _BETA.get(key, key)


def _theirs(key: str) -> str:
    for theirs, ours in _TOWERS.items():
        if key.startswith(ours):
            return _BASE + theirs + key.removeprefix(ours)
    return {ours: theirs for theirs, ours in _BETA.items()}.get(key, key)
