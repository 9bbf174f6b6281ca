"""From files to Col-Phi-3-V: a folder that `save_pretrained` wrote, or the published base, adapter and head.

The base is microsoft/Phi-3-vision-128k-instruct as its makers wrote it; what an adapter stands on is in its
adapter_config.json.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

from svrag.errors import InputError
from svrag.retrievers.multivector.colphi3v.config import ColPhi3VConfig, from_published
from svrag.retrievers.multivector.colphi3v.model import ColPhi3V
from svrag.retrievers.multivector.colphi3v.processor import ColPhi3VProcessor
from svrag.retrievers.multivector.hub import Checkpoint
from svrag.retrievers.multivector.phi3.prompts import Vocabulary
from svrag.retrievers.multivector.phi3.published import (
    add_adapter,
    build,
    drawn_head,
    files_of,
    fill,
    head_of,
    published_settings,
    tensors,
)

if TYPE_CHECKING:
    from peft import PeftModel

_VISION = "model.vision_embed_tokens."
_CLIP = f"{_VISION}img_processor.vision_model."
_HEAD = "custom_text_proj."
# The word embeddings once more; the numbers of patches; what chooses the next word of an answer.
_WITHOUT_USE = (f"{_VISION}wte.weight", f"{_CLIP}embeddings.position_ids", "lm_head.weight")


def place_of(key: str, *, project: bool) -> tuple[str, ...]:
    """From a key of the published base to that of `ColPhi3V`, with or without a head; our own keys stay.

    Heads were published too, but what was released makes its vectors without them.
    """
    if key in _WITHOUT_USE or (key.startswith(_HEAD) and not project):
        return ()
    for before, after in ((_CLIP, "vision_tower."), (_VISION, ""), ("model.", "language_model.")):
        if key.startswith(before):
            return (after + key.removeprefix(before),)
    return (key,)


def adapted_place(key: str, *, project: bool) -> str | None:
    """From a key of an adapter to that of the layer it changes; those trained here have our names already."""
    if key.startswith(_HEAD) and not project:
        return None
    return f"language_{key}" if key.startswith("model.") else key


def read(
    checkpoint: Checkpoint,
    base: Checkpoint,
    *,
    device: str,
    dtype: torch.dtype,
    new_head: tuple[torch.Generator, int] | None = None,
) -> tuple[ColPhi3V | PeftModel, ColPhi3VProcessor]:
    """The model, with its adapter apart from it where the checkpoint is one, and its processor.

    Args:
        checkpoint: a folder of this model, or an adapter and perhaps a head. A config.json of ours beside an adapter
            says what becomes a vector, the base's else, or it is as released: states after layer 20, no head.
        base: what the adapter stands on; the checkpoint itself when it is none.
        new_head: the published base gets a head, which this draws, for vectors so wide; as released it has none.

    Raises:
        InputError: files or weights are missing, left over or broken.
    """
    settings, beside = base.read("config.json"), checkpoint.read("config.json")
    ours = _is_ours(settings)
    if ours:
        config = ColPhi3VConfig.from_dict(settings)
    else:
        with published_settings(base.name):
            config = from_published(settings)
    if _is_ours(beside):
        chosen = ColPhi3VConfig.from_dict(beside)
        config.layer, config.project, config.dimension = chosen.layer, chosen.project, chosen.dimension
    layers = config.text_config.num_hidden_layers
    drawn: list[tuple[str, torch.Tensor]] = []
    if new_head and checkpoint == base and not ours:
        generator, config.dimension = new_head
        config.project = True
        config.layer = config.layer if config.layer and config.layer <= layers else None
        drawn = drawn_head(config.text_config.hidden_size, config.dimension, generator)
    if config.layer is not None and not 0 < config.layer <= layers:
        raise InputError(
            f"{base.name} has {layers} layers, its vectors were to be states after {config.layer}: say which in "
            f"{checkpoint.folder / 'config.json'}"
        )
    vision = config.vision_config
    processor = (
        ColPhi3VProcessor.from_pretrained(base.folder)
        if ours
        else ColPhi3VProcessor(
            Vocabulary.of(base.folder), crop=vision.image_size, side=vision.image_size // vision.patch_size // 2
        )
    )

    model = fill(
        build(lambda: ColPhi3V(config)),
        chain(drawn, tensors(files_of(base.folder)), head_of(checkpoint.folder)),  # the last of a name counts
        lambda key: place_of(key, project=config.project),
        source=base.name,
        device=device,
        dtype=dtype,
    )
    if checkpoint == base:
        return model, processor

    adapted = add_adapter(model, checkpoint.folder, lambda key: adapted_place(key, project=config.project))
    return adapted, processor


def _is_ours(settings: dict[str, Any]) -> bool:
    return settings.get("model_type") == ColPhi3VConfig.model_type
