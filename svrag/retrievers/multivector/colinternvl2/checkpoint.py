"""From files to Col-InternVL2: a folder that `save_pretrained` wrote, or the published base, adapter and head.

The base is OpenGVLab/InternVL2-4B as its makers wrote it; what an adapter stands on is in its adapter_config.json.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

import torch

from svrag.retrievers.multivector.colinternvl2.config import ColInternVL2Config, from_published
from svrag.retrievers.multivector.colinternvl2.model import ColInternVL2
from svrag.retrievers.multivector.colinternvl2.processor import ColInternVL2Processor
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

_NAMES = (
    (r"^vision_model\.embeddings\.class_embedding$", "vision_tower.embeddings.cls_token"),
    (r"^vision_model\.embeddings\.position_embedding$", "vision_tower.embeddings.position_embeddings"),
    (r"^vision_model\.embeddings\.patch_embedding\.", "vision_tower.embeddings.patch_embeddings.projection."),
    (r"^vision_model\.encoder\.layers\.", "vision_tower.encoder.layer."),
    (r"(?<=\d)\.attn\.proj\.", ".attention.projection_layer."),
    (r"(?<=\d)\.attn\.([qk])_norm\.", r".attention.\1_norm."),
    (r"(?<=\d)\.norm1\.", ".layernorm_before."),
    (r"(?<=\d)\.norm2\.", ".layernorm_after."),
    (r"(?<=\d)\.ls([12])$", r".lambda_\1"),
    (r"^mlp1\.0\.", "multi_modal_projector.layer_norm."),
    (r"^mlp1\.1\.", "multi_modal_projector.linear_1."),
    (r"^mlp1\.3\.", "multi_modal_projector.linear_2."),
    (r"^language_model\.model\.", "language_model."),
)
_QKV = re.compile(r"\.attn\.qkv\.")


def place_of(key: str) -> tuple[str, ...]:
    """From a key of the published base, with or without "model." in front, to those of `ColInternVL2`, which stay."""
    key = key.removeprefix("model.")
    if key in ("language_model.lm_head.weight", "lm_head.weight"):
        return ()  # chooses the next word of an answer
    for pattern, name in _NAMES:
        key = re.sub(pattern, name, key)
    if _QKV.search(key):
        return tuple(_QKV.sub(f".attention.{part}_proj.", key) for part in "qkv")
    return (key,)


def read(
    checkpoint: Checkpoint,
    base: Checkpoint,
    *,
    device: str,
    dtype: torch.dtype,
    new_head: torch.Generator | None = None,
) -> tuple[ColInternVL2 | PeftModel, ColInternVL2Processor]:
    """The model, with its adapter apart from it where the checkpoint is one, and its processor.

    Args:
        checkpoint: a folder of this model, or an adapter and a head.
        base: what the adapter stands on; the checkpoint itself when it is none.
        new_head: draws a head where there is none yet; without it that is an error.

    Raises:
        InputError: files or weights are missing, left over or broken.
    """
    settings = base.read("config.json")
    if settings.get("model_type") == ColInternVL2Config.model_type:
        config = ColInternVL2Config.from_dict(settings)
        processor = ColInternVL2Processor.from_pretrained(base.folder)
    else:
        with published_settings(base.name):
            config = from_published(settings)
        vocabulary = Vocabulary.of(base.folder)
        processor = ColInternVL2Processor(
            vocabulary, tile=config.vision_config.image_size[0], tokens=config.image_seq_length
        )
        config.image_token_id = processor.image_token
    drawn = drawn_head(config.text_config.hidden_size, config.dimension, new_head) if new_head else []
    model = fill(
        build(lambda: ColInternVL2(config)),
        chain(drawn, tensors(files_of(base.folder)), head_of(checkpoint.folder)),  # the last of a name counts
        place_of,
        source=base.name,
        device=device,
        dtype=dtype,
    )
    if checkpoint == base:
        return model, processor
    return add_adapter(model, checkpoint.folder, adapted_place), processor


def adapted_place(key: str) -> str:
    """From a key of an adapter to that of the layer it changes; those trained here have our names already."""
    return key.removeprefix("model.").replace("language_model.model.", "language_model.")
