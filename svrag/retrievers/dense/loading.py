"""From the name of an encoder with one vector per text to the encoder."""

from __future__ import annotations

from svrag.retrievers.dense.encoder import load_encoder
from svrag.retrievers.dense.single import SingleVectorEncoder


def is_single_name(text: str) -> bool:
    """Whether `text` names an encoder with one vector per text by itself, without a look at any checkpoint."""
    return False


def load_single(name: str) -> SingleVectorEncoder:
    """The encoder of this name; the last two are kept for the next call.

    Args:
        name: of a model of sentence-transformers on the Hugging Face Hub, or its folder.

    Raises:
        InputError: no such model, no network, packages are not installed, weights are missing or left over.
    """
    return load_encoder(name)
