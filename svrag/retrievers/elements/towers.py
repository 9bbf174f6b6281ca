"""The pretrained towers under an element-graph encoder: networks from transformers with what prepares their input.

Fixed-size SigLIP, SigLIP2 and CLIP for pictures, and their text towers or any text encoder for texts. Nothing is
trained or projected here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any

from torch import nn

from svrag.errors import InputError
from svrag.retrievers.elements.config import ElementConfig
from svrag.retrievers.multivector.checkpoint import check_weights, load_pretrained, quiet_loading
from svrag.retrievers.multivector.hub import Checkpoint, locate

_DUAL = ("siglip", "clip")  # model types; SigLIP2 of one picture size is "siglip" too
_UNUSED = ("pooler.", "cls.", "lm_head.")  # of text encoders: what makes one vector, or words, of hidden states


@dataclass(frozen=True, slots=True)
class Towers:
    """Attributes:
    text: gives `last_hidden_state` of input_ids and attention_mask.
    vision: of pixel_values; None where figures are read by their words.
    tokenizer, pictures: of transformers, what prepares their input.
    """

    text: nn.Module
    vision: nn.Module | None
    tokenizer: Any
    pictures: Any


def read_towers(config: ElementConfig) -> Towers:
    """The towers that `config` names, with their pretrained weights, in float32; downloaded where they are not here.

    Raises:
        InputError: there is no such checkpoint, or it is of a kind that cannot be a tower, or weights are missing.
    """
    from transformers import AutoImageProcessor, AutoTokenizer

    source = locate(config.text or str(config.vision))
    seeing = locate(config.vision) if config.vision else None
    vision = pictures = None
    if seeing is not None:
        if (kind := _kind(seeing)) not in _DUAL:
            raise InputError(
                f"{seeing.name} is a model of type {kind or 'unknown'}, no vision tower known here: "
                f"name one of type {' or '.join(_DUAL)} (SigLIP2 of a fixed picture size is one)"
            )
        dual = _network(seeing)
        vision = dual.vision_model
        _without_pooling(vision)
        with quiet_loading(seeing.name):
            pictures = AutoImageProcessor.from_pretrained(seeing.folder, local_files_only=True)
    if seeing is not None and config.text is None:
        text = dual.text_model
    else:
        read = _network(source)
        text = read.text_model if _kind(source) in _DUAL else read
    with quiet_loading(source.name):
        tokenizer = AutoTokenizer.from_pretrained(source.folder, local_files_only=True)
    return Towers(text, vision, tokenizer, pictures)


def patches(vision: Any) -> int:
    """In a row, and in a column, of a picture."""
    return int(vision.config.image_size) // int(vision.config.patch_size)


def tokens_of_picture(config: ElementConfig, vision: Any) -> int:
    """In a row, and in a column.

    Raises:
        InputError: the configuration asks for more than there are.
    """
    side = patches(vision)
    if config.tokens is not None and isqrt(config.tokens) > side:
        raise InputError(f"{config.vision} has {side * side} patches: `tokens` cannot be {config.tokens}")
    return side if config.tokens is None else isqrt(config.tokens)


def reads(config: ElementConfig, text: Any, tokenizer: Any) -> int:
    """Tokens of a text that are read."""
    return int(min(config.longest, text.config.max_position_embeddings, tokenizer.model_max_length))


def _kind(checkpoint: Checkpoint) -> str:
    return str(checkpoint.read("config.json").get("model_type") or "")


def _network(checkpoint: Checkpoint) -> Any:
    import torch
    from transformers import AutoModel

    with quiet_loading(checkpoint.name):
        network, missing, unexpected = load_pretrained(AutoModel, checkpoint.folder, dtype=torch.float32)
        lacking, extra = ([key for key in keys if not key.startswith(_UNUSED)] for keys in (missing, unexpected))
        check_weights(checkpoint.name, lacking, extra)
    return network


def _without_pooling(vision: Any) -> None:
    """SigLIP's attention pooling makes one vector of the patches, which nobody reads."""
    if vision.config.model_type == "siglip_vision_model" and vision.use_head:
        vision.use_head = False
        del vision.head
