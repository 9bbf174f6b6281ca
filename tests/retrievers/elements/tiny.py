"""Towers with a few thousand random weights, written as their makers write them: SigLIP2, CLIP and BERT.

Text is read byte by byte. Pictures are cut into 4 by 4 patches.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.retrievers.multivector.tiny import write_checkpoint

_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "initializer_range": 0.2,
}
_VISION = {**_TEXT, "num_hidden_layers": 1, "image_size": 32, "patch_size": 8}
SIZE = {"height": 32, "width": 32}


def write_siglip2(folder: Path, *, longest: int = 64, side: int = 32) -> Path:
    """Of a fixed picture size, so of the type "siglip"; its tokenizer tells no mask, and pads with 0."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    _tokenizer(folder, longest, ["<pad>", "<eos>"], end="<eos>", model_input_names=["input_ids"])
    SiglipImageProcessor(size={"height": side, "width": side}).save_pretrained(folder)
    vocabulary = {"vocab_size": 258, "pad_token_id": 0, "bos_token_id": None, "eos_token_id": 1}
    config = SiglipConfig(
        text_config={**_TEXT, **vocabulary, "max_position_embeddings": longest, "projection_size": 32},
        vision_config={**_VISION, "image_size": side},
    )
    return write_checkpoint(folder, SiglipModel, config)


def write_clip(folder: Path) -> Path:
    """With a wider vision tower; the processor cuts pictures to a square."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    _tokenizer(folder, 77, ["<pad>", "<eos>"], end="<eos>")
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=SIZE).save_pretrained(folder)
    vocabulary = {"vocab_size": 258, "pad_token_id": 0, "bos_token_id": None, "eos_token_id": 1}
    config = CLIPConfig(
        text_config={**_TEXT, **vocabulary, "max_position_embeddings": 77},
        vision_config={**_VISION, "hidden_size": 48},
        projection_dim=32,
    )
    return write_checkpoint(folder, CLIPModel, config)


def write_bert(folder: Path) -> Path:
    from transformers import BertConfig, BertModel

    _tokenizer(folder, 128, ["[PAD]", "[CLS]", "[SEP]"], begin="[CLS]", end="[SEP]")
    config = BertConfig(**_TEXT, vocab_size=259, max_position_embeddings=128)
    return write_checkpoint(folder, BertModel, config)


def _tokenizer(folder: Path, longest: int, special: list[str], *, begin: str = "", end: str, **named: Any) -> None:
    """The special tokens come first: padding is 0."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*special, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}".strip(), special_tokens=[(token, vocabulary[token]) for token in special]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=longest, pad_token=special[0], eos_token=end, **named
    )
    fast.save_pretrained(folder)
