"""Multi-vector models of every family with a few thousand random weights, written as their makers write them.

Text is read byte by byte. Pictures are cut into few patches, so that a page is some dozen tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 160,
    "initializer_range": 0.2,
}
_ROWS_AND_COLUMNS = [f"<row_{i}_col_{j}>" for i in range(1, 7) for j in range(1, 7)]


def write_tokenizer(folder: Path, special: list[str], **named: Any) -> Any:
    """A tokenizer of 256 bytes and `special`; `named` are its pad_token and the like."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={byte: i for i, byte in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=10**6, **named)
    fast.save_pretrained(folder)
    return fast


def write_colpali(folder: Path) -> Path:
    from colpali_engine.models import ColPali, ColPaliProcessor
    from transformers import PaliGemmaConfig, SiglipImageProcessor

    tokenizer = write_tokenizer(
        folder, ["<pad>", "<eos>", "<bos>", "<image>"], pad_token="<pad>", eos_token="<eos>", bos_token="<bos>"
    )
    pictures = SiglipImageProcessor(size={"height": 28, "width": 28})
    pictures.image_seq_length = 16
    ColPaliProcessor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(folder)
    config = PaliGemmaConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "image_size": 28,
            "patch_size": 7,
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
        },
        text_config={**_TEXT, "model_type": "gemma", "head_dim": 16, "vocab_size": 1500},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=32,
        hidden_size=32,
        pad_token_id=tokenizer.pad_token_id,
    )
    return write_checkpoint(folder, ColPali, config)


_QWEN = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
]


def _write_qwen(
    folder: Path, name: str, processor: str, patch: int, vision: dict[str, Any], text: dict[str, Any]
) -> Path:
    import colpali_engine.models as engine
    import transformers

    tokenizer = write_tokenizer(folder, _QWEN, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    side = patch * 2
    pictures = transformers.Qwen2VLImageProcessor(
        patch_size=patch, merge_size=2, size={"shortest_edge": 4 * side**2, "longest_edge": 24 * side**2}
    )
    videos = transformers.Qwen2VLVideoProcessor if patch == 14 else transformers.Qwen3VLVideoProcessor
    getattr(engine, processor)(
        image_processor=pictures, tokenizer=tokenizer, video_processor=videos(patch_size=patch)
    ).save_pretrained(folder)
    model = getattr(engine, name)
    ids = {
        f"{what}_token_id": tokenizer.convert_tokens_to_ids(f"<|{token}|>")
        for what, token in (
            ("image", "image_pad"),
            ("video", "video_pad"),
            ("vision_start", "vision_start"),
            ("vision_end", "vision_end"),
        )
    }
    config = model.config_class(
        vision_config={"patch_size": patch, "initializer_range": 0.2, **vision},
        text_config={**_TEXT, "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, **text},
        **ids,
    )
    return write_checkpoint(folder, model, config)


def write_colqwen2(folder: Path) -> Path:
    vision = {"depth": 1, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2}
    rope = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}}
    return _write_qwen(folder, "ColQwen2", "ColQwen2Processor", 14, vision, rope)


def write_colqwen2_5(folder: Path) -> Path:
    vision = {
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_heads": 2,
        "out_hidden_size": 32,
        "window_size": 56,
        "fullatt_block_indexes": [1],
    }
    rope = {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}}
    return _write_qwen(folder, "ColQwen2_5", "ColQwen2_5_Processor", 14, vision, rope)


def write_colqwen3(folder: Path) -> Path:
    vision = {
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_heads": 2,
        "out_hidden_size": 32,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3], "mrope_interleaved": True}
    return _write_qwen(folder, "ColQwen3", "ColQwen3Processor", 16, vision, {"head_dim": 16, "rope_parameters": rope})


def write_colqwen3_5(folder: Path) -> Path:
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_heads": 2,
        "out_hidden_size": 32,
        "num_position_embeddings": 64,
    }
    text = {
        "head_dim": 16,
        "layer_types": ["linear_attention", "full_attention"],
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e4,
            "partial_rotary_factor": 0.5,
            "mrope_section": [1, 1, 2],
            "mrope_interleaved": True,
        },
    }
    return _write_qwen(folder, "ColQwen3_5", "ColQwen3_5Processor", 16, vision, text)


def write_colgemma3(folder: Path) -> Path:
    from colpali_engine.models import ColGemma3, ColGemmaProcessor3
    from transformers import Gemma3Config, Gemma3ImageProcessor

    tokenizer = write_tokenizer(
        folder,
        ["<pad>", "<eos>", "<bos>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"],
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        extra_special_tokens={
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
        },
    )
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}{% for c in m['content'] %}"
        "{% if c['type'] == 'image' %}<start_of_image>{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}"
    )
    pictures = Gemma3ImageProcessor(size={"height": 56, "width": 56})
    ColGemmaProcessor3(image_processor=pictures, tokenizer=tokenizer, image_seq_length=16).save_pretrained(folder)
    named = tokenizer.convert_tokens_to_ids
    config = Gemma3Config(
        vision_config={
            "model_type": "siglip_vision_model",
            "image_size": 56,
            "patch_size": 7,
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "vision_use_head": False,
        },
        text_config={
            **_TEXT,
            "head_dim": 16,
            "vocab_size": len(tokenizer),
            "sliding_window": 16,
            "layer_types": ["sliding_attention", "full_attention"],
            "pad_token_id": tokenizer.pad_token_id,
        },
        mm_tokens_per_image=16,
        boi_token_index=named("<start_of_image>"),
        eoi_token_index=named("<end_of_image>"),
        image_token_index=named("<image_soft_token>"),
        initializer_range=0.2,
    )
    return write_checkpoint(folder, ColGemma3, config)


_IDEFICS = [
    "<|endoftext|>",
    "<|begin_of_text|>",
    "<|im_start|>",
    "<end_of_utterance>",
    "<fake_token_around_image>",
    "<image>",
    "<global-img>",
    *_ROWS_AND_COLUMNS,
]
_TILE = 32  # pixels; of patches of 8, four by four, of which each two by two are one token


def _idefics_processor(folder: Path, name: str) -> Any:
    import colpali_engine.models as engine
    from transformers import Idefics3ImageProcessor

    tokenizer = write_tokenizer(folder, _IDEFICS, pad_token="<|endoftext|>", eos_token="<end_of_utterance>")
    pictures = Idefics3ImageProcessor(size={"longest_edge": 3 * _TILE}, max_image_size={"longest_edge": _TILE})
    getattr(engine, name)(image_processor=pictures, tokenizer=tokenizer, image_seq_len=4).save_pretrained(folder)
    return tokenizer


def write_colidefics3(folder: Path) -> Path:
    from colpali_engine.models import ColIdefics3
    from transformers import Idefics3Config

    tokenizer = _idefics_processor(folder, "ColIdefics3Processor")
    config = Idefics3Config(
        vision_config={
            "image_size": _TILE,
            "patch_size": 8,
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "initializer_range": 0.2,
        },
        text_config={**_TEXT, "model_type": "llama", "vocab_size": len(tokenizer), "pad_token_id": 0},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        scale_factor=2,
    )
    return write_checkpoint(folder, ColIdefics3, config)


def write_colmodernvbert(folder: Path) -> Path:
    from colpali_engine.models import ColModernVBert
    from transformers import ModernVBertConfig

    tokenizer = _idefics_processor(folder, "ColModernVBertProcessor")
    config = ModernVBertConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "image_size": _TILE,
            "patch_size": 8,
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
        },
        text_config={
            "model_type": "modernbert",
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 160,
            "global_attn_every_n_layers": 2,
            "local_attention": 16,
            "pad_token_id": tokenizer.pad_token_id,
            "initializer_range": 0.2,
            "initializer_cutoff_factor": 2.0,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pixel_shuffle_factor=2,
        initializer_range=0.2,
    )
    return write_checkpoint(folder, ColModernVBert, config)


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "ColPali": write_colpali,
    "ColQwen2": write_colqwen2,
    "ColQwen2_5": write_colqwen2_5,
    "ColQwen3": write_colqwen3,
    "ColQwen3_5": write_colqwen3_5,
    "ColGemma3": write_colgemma3,
    "ColIdefics3": write_colidefics3,
    "ColModernVBert": write_colmodernvbert,
}


def write_checkpoint(folder: Path, model: Any, config: Any) -> Path:
    import torch

    torch.manual_seed(0)
    made = model(config).eval()
    with torch.no_grad():
        for weight in made.parameters():
            # Zero at first, biases and ColGemma3's projection of pictures would leave padding and pictures without a
            # direction of their own.
            if not weight.any():
                weight.normal_(0.0, 0.2)
        for table in (module for module in made.modules() if isinstance(module, torch.nn.Embedding)):
            if table.padding_idx is not None:
                table.weight[table.padding_idx].normal_(0.0, 0.2)
    made.save_pretrained(folder)
    return folder


def change_weights(folder: Path, *, without: str = "", extra: str = "", nudged: str = "") -> None:
    """Take a weight out of a checkpoint, put one in that belongs nowhere, or change one by a little.

    `without` and `nudged` are ends of names.
    """
    import torch
    from safetensors.torch import load_file, save_file

    (path,) = folder.glob("*.safetensors")
    weights = load_file(path)
    if without:
        del weights[next(name for name in weights if name.endswith(without))]
    if extra:
        weights[extra] = torch.zeros(3)
    if nudged:
        name = next(name for name in weights if name.endswith(nudged))
        weights[name] = weights[name] + 0.05
    save_file(weights, path, metadata={"format": "pt"})
