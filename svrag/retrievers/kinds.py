"""What kind of retriever a name means: by itself, or by what the settings of its checkpoint say. Loads no model."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

from svrag.retrievers.dense.loading import family_in, is_single_name
from svrag.retrievers.multivector.hub import Checkpoint, is_hub_name, locate
from svrag.retrievers.multivector.loading import ALIASES, is_late_interaction, is_model_name, is_of_own_family
from svrag.retrievers.sparse.encoder import is_sparse_name

Kind = Literal["lexical", "single", "sparse", "multi"]
"""Words; one vector per passage; weighted terms; one vector per token."""

LEXICAL = "lexical"

BUILT_IN = (LEXICAL, "dense")
"""Those that are svrag's own, in the order in which they are fused."""


def is_retriever_name(text: str) -> bool:
    """Whether `text` can name a retriever."""
    return text in BUILT_IN or is_single_name(text) or is_sparse_name(text) or is_model_name(text)


def kind_of(name: str) -> Kind:
    """The kind of the retriever of this name, for which `is_retriever_name` holds.

    Raises:
        InputError: there is no such model, or no network to get it.
    """
    if name == LEXICAL:
        return "lexical"
    if name == "dense" or is_single_name(name) or family_in(name):
        return "single"
    if is_sparse_name(name):
        return "sparse"
    folder = Path(name).expanduser()
    if name in ALIASES or not (folder.is_dir() or is_hub_name(name)):
        return "multi"
    return _kind_in(str(folder.resolve()) if folder.is_dir() else name)


def is_sparse(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint's own settings say that it weighs terms."""
    if "model_type" in (settings := checkpoint.read("config_sentence_transformers.json")):
        return bool(settings["model_type"] == "SparseEncoder")
    return any(str(module.get("type")).endswith("SpladePooling") for module in checkpoint.read_list("modules.json"))


@functools.lru_cache(maxsize=64)
def _kind_in(source: str) -> Kind:
    """What is in a folder, or in a repository on the Hub."""
    checkpoint = locate(source)
    if not checkpoint.read_list("modules.json") or is_late_interaction(checkpoint) or is_of_own_family(checkpoint):
        return "multi"
    return "sparse" if is_sparse(checkpoint) else "single"
