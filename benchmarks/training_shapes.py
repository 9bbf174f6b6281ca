"""Models with random weights for `training.py`: a tiny ColQwen2.5 as a checkpoint, and models of real shapes in memory.

Time and memory do not depend on what weights are. Texts are read byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from colpali_engine.models import ColQwen2_5, ColQwen2_5_Processor
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

from svrag.retrievers.elements.config import ElementConfig
from svrag.retrievers.elements.model import ElementGraphModel, with_lora
from svrag.retrievers.elements.prepare import Inputs
from svrag.retrievers.elements.towers import Towers
from svrag.retrievers.multivector.colpali_inputs import TokenVectors
from svrag.retrievers.multivector.hub import Checkpoint
from svrag.training.config import Adapter, RetrieverModel
from svrag.training.models import lora
from svrag.training.models.colpali import ColPaliTrainable
from svrag.training.models.elements import ElementsTrainable
from svrag.training.models.places import Places
from svrag.training.models.trainable import Trainable

_PATCH = 14
_SIGNS = ("endoftext", "im_start", "im_end", "vision_start", "vision_end", "image_pad", "video_pad")
# Of Qwen2.5-VL-3B, and a few thousand weights of the same make.
_REAL_TEXT = {
    "hidden_size": 2048,
    "intermediate_size": 11_008,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
}
_TINY_TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
_REAL_VISION = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16}
_TINY_VISION = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "fullatt_block_indexes": [1]}


def write_colqwen(folder: Path, *, picture_tokens: int) -> Path:
    """The tiny one."""
    processor = _processor(picture_tokens)
    processor.save_pretrained(folder)
    torch.manual_seed(0)
    model = ColQwen2_5(_colqwen_config(processor, tiny=True))
    with torch.no_grad():
        # colpali-engine divides by the length of every vector, also where padding gives one of length 0.
        model.custom_text_proj.bias.normal_(0.0, 0.1)
    model.save_pretrained(folder)
    return folder


def colqwen(adapter: Adapter, device: str, *, picture_tokens: int, tiny: bool) -> Trainable:
    """ColQwen2.5 of 3B with LoRA on its decoder and its head, frozen weights in bfloat16 where there is a GPU."""
    processor = _processor(picture_tokens)
    make = lambda: ColQwen2_5(_colqwen_config(processor, tiny=tiny))  # noqa: E731
    model = _made(make, device, torch.bfloat16 if device == "cuda" else torch.float32)
    lora.add(model, adapter, lora.DECODER, seed=0, whole=("custom_text_proj",))
    settings, base = RetrieverModel(name="random"), Checkpoint("random", Path("random"), "")
    network = TokenVectors(model, "ColQwen2_5")
    places = Places(settings, base.folder, network, None, width=model.config.text_config.hidden_size, seed=0)
    return ColPaliTrainable("ColQwen2_5", model, processor, base, places, all_used=True)


def siglip2(adapter: Adapter, device: str, *, tiny: bool) -> Trainable:
    """The element-graph encoder over towers of SigLIP2-base, of patches of 16 in 224 pixels."""
    tokenizer = _tokenizer(["<pad>", "<eos>"], pad_token="<pad>", eos_token="<eos>")
    shape = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    size = small if tiny else shape
    config = SiglipConfig(
        text_config={**size, "vocab_size": 300 if tiny else 256_000, "max_position_embeddings": 64},
        vision_config={**size, "image_size": 224, "patch_size": 16, "vision_use_head": False},
    )
    towers = _made(lambda: SiglipModel(config), device, torch.float32)
    elements = ElementConfig(vision="random")
    pictures = SiglipImageProcessor(size={"height": 224, "width": 224})
    parts = Towers(towers.text_model, towers.vision_model, tokenizer, pictures)
    model = ElementGraphModel(elements, parts.text, parts.vision)
    with_lora(model, adapter.rank, adapter.alpha, dropout=adapter.dropout)
    return ElementsTrainable(model.to(device), Inputs(elements, parts), all_used=False)


def _made(make: Callable[[], Any], device: str, dtype: torch.dtype) -> Any:
    """On the device from the start, in the data type that it is used in."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            return make().eval()
    finally:
        torch.set_default_dtype(before)


def _tokenizer(special: list[str], **named: Any) -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={byte: i for i, byte in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=4096, **named)


def _processor(picture_tokens: int) -> ColQwen2_5_Processor:
    """Of pictures of at most so many tokens, of two by two patches each."""
    tokenizer = _tokenizer([f"<|{sign}|>" for sign in _SIGNS], pad_token="<|endoftext|>", eos_token="<|im_end|>")
    area = (2 * _PATCH) ** 2
    size = {"shortest_edge": 4 * area, "longest_edge": picture_tokens * area}
    return ColQwen2_5_Processor(
        image_processor=Qwen2VLImageProcessor(patch_size=_PATCH, merge_size=2, size=size),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(patch_size=_PATCH),
    )


def _colqwen_config(processor: ColQwen2_5_Processor, *, tiny: bool) -> Any:
    text = _TINY_TEXT if tiny else _REAL_TEXT
    head = text["hidden_size"] // text["num_attention_heads"]
    sections = [head // 8, head // 16 * 3, head // 2 - head // 8 - head // 16 * 3]
    words = len(processor.tokenizer) if tiny else 151_936
    ids = {
        f"{sign}_token_id": processor.tokenizer.convert_tokens_to_ids(f"<|{token}|>")
        for sign, token in (
            ("image", "image_pad"),
            ("video", "video_pad"),
            ("vision_start", "vision_start"),
            ("vision_end", "vision_end"),
        )
    }
    return ColQwen2_5.config_class(
        vision_config={
            "patch_size": _PATCH,
            "window_size": 4 * 2 * _PATCH,
            "out_hidden_size": text["hidden_size"],
            **(_TINY_VISION if tiny else _REAL_VISION),
        },
        text_config={
            **text,
            "vocab_size": words,
            "max_position_embeddings": 32_768,
            "pad_token_id": processor.tokenizer.pad_token_id,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": sections},
        },
        **ids,
    )
