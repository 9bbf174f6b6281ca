"""Text encoders of a few thousand random weights, written as sentence-transformers writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_SAID = "the kiln was fired for nine hours salt thrown into chamber bowls weigh grams question passage : > 1 2 3"
WORDS = _SAID.split()


def write_tokenizer(folder: Path, *, longest: int = 24) -> int:
    """BERT's kind of tokenizer, its vocabulary `WORDS`; returns the vocabulary's size."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: i for i, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=longest,
    ).save_pretrained(folder)
    return len(vocabulary)


def new_bert(
    model_class: Any, config_class: Any, folder: Path, *, seed: int = 0, longest: int = 40, width: int = 16
) -> Any:
    """A BERT of two layers with random weights, and its tokenizer in `folder`."""
    import torch

    size = write_tokenizer(folder, longest=longest)
    torch.manual_seed(seed)
    config = config_class(
        vocab_size=size,
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=longest,
        initializer_range=0.5,
    )
    return model_class(config)


def write_encoder(
    folder: Path, *, seed: int = 0, prompts: dict[str, str] | None = None, longest: int = 24, width: int = 16
) -> Path:
    """A BERT with mean pooling in `folder`, its vocabulary `WORDS`."""
    from transformers import BertConfig, BertModel

    new_bert(BertModel, BertConfig, folder, seed=seed, longest=longest, width=width).save_pretrained(folder)
    types = "sentence_transformers.models"
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{types}.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{types}.Pooling"},
    ]
    _write(folder / "modules.json", modules)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": False})
    _write(folder / "config_sentence_transformers.json", {"prompts": prompts or {}, "similarity_fn_name": "cosine"})
    (folder / "1_Pooling").mkdir(exist_ok=True)
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True})
    return folder


def change_weights(folder: Path, *, without: str = "", extra: str = "", nudged: str = "") -> None:
    """Take a weight out of the checkpoint, put one in that belongs nowhere, or change one by a little."""
    import torch
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    if without:
        del weights[without]
    if extra:
        weights[extra] = torch.zeros(3)
    if nudged:
        weights[nudged] = weights[nudged] + 0.01
    save_file(weights, path, metadata={"format": "pt"})


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
