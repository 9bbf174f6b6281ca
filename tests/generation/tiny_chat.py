"""Chat models of real architectures with a few thousand random weights, written as their makers write them.

Text is read byte by byte; a picture is some dozen tokens. What they write is gibberish, the same each time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.retrievers.multivector.tiny import _IDEFICS, _QWEN, _TEXT, _TILE, write_checkpoint, write_tokenizer

_LENGTH = 2048
_DECODER = {**_TEXT, "max_position_embeddings": _LENGTH}

# ChatML, in which all of these families speak; what stands for a picture differs.
_TEMPLATE = (
    "{{% for m in messages %}}<|im_start|>{{{{ m['role'] }}}}\n"
    "{{% if m['content'] is string %}}{{{{ m['content'] }}}}{{% else %}}{{% for c in m['content'] %}}"
    "{{% if c['type'] == 'image' %}}{picture}{{% else %}}{{{{ c['text'] }}}}{{% endif %}}{{% endfor %}}{{% endif %}}"
    "{end}\n{{% endfor %}}{{% if add_generation_prompt %}}<|im_start|>assistant\n{{% endif %}}"
)


def write_text(folder: Path) -> Path:
    """Qwen2, which reads only."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = write_tokenizer(folder, _QWEN, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    tokenizer.chat_template = _TEMPLATE.format(picture="", end="<|im_end|>")
    tokenizer.save_pretrained(folder)
    config = Qwen2Config(**_DECODER, vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id)
    return write_checkpoint(folder, Qwen2ForCausalLM, config)


def _write_qwen(folder: Path, version: str, patch: int, vision: dict[str, Any], text: dict[str, Any]) -> Path:
    import transformers

    tokenizer = write_tokenizer(folder, _QWEN, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    side = patch * 2
    size = {"shortest_edge": 4 * side**2, "longest_edge": 24 * side**2}
    pictures = transformers.Qwen2VLImageProcessor(patch_size=patch, merge_size=2, size=size)
    videos = transformers.Qwen2VLVideoProcessor if patch == 14 else transformers.Qwen3VLVideoProcessor
    getattr(transformers, f"{version}Processor")(
        image_processor=pictures,
        tokenizer=tokenizer,
        video_processor=videos(patch_size=patch),
        chat_template=_TEMPLATE.format(picture="<|vision_start|><|image_pad|><|vision_end|>", end="<|im_end|>"),
    ).save_pretrained(folder)
    named = {
        f"{what}_token_id": tokenizer.convert_tokens_to_ids(f"<|{token}|>")
        for what, token in (
            ("image", "image_pad"),
            ("video", "video_pad"),
            ("vision_start", "vision_start"),
            ("vision_end", "vision_end"),
        )
    }
    config = getattr(transformers, f"{version}Config")(
        vision_config={
            "patch_size": patch,
            "initializer_range": 0.2,
            "depth": 2,
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_heads": 2,
            "out_hidden_size": 32,
            **vision,
        },
        text_config={
            **_DECODER,
            "vocab_size": len(tokenizer),
            "eos_token_id": tokenizer.eos_token_id,
            **text,
        },
        **named,
    )
    return write_checkpoint(folder, getattr(transformers, f"{version}ForConditionalGeneration"), config)


def write_qwen2_5_vl(folder: Path) -> Path:
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}
    vision = {"window_size": 56, "fullatt_block_indexes": [1]}
    return _write_qwen(folder, "Qwen2_5_VL", 14, vision, {"rope_parameters": rope})


def write_qwen3_vl(folder: Path) -> Path:
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3], "mrope_interleaved": True}
    vision = {"num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
    return _write_qwen(folder, "Qwen3VL", 16, vision, {"head_dim": 16, "rope_parameters": rope})


def write_internvl(folder: Path) -> Path:
    """InternVL as transformers has it (-hf): tiles of 28 x 28 pixels, 4 tokens each."""
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    special = [*_QWEN, "<img>", "</img>", "<IMG_CONTEXT>", "<video>"]
    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = write_tokenizer(
        folder, special, pad_token="<|endoftext|>", eos_token="<|im_end|>", extra_special_tokens=named
    )
    size = {"height": 28, "width": 28}
    InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size, crop_to_patches=True, min_patches=1, max_patches=6),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=_TEMPLATE.format(picture="<IMG_CONTEXT>\n", end="<|im_end|>"),
    ).save_pretrained(folder)
    config = InternVLConfig(
        vision_config={
            "image_size": [28, 28],
            "patch_size": [7, 7],
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
        },
        text_config={
            **_DECODER,
            "model_type": "qwen2",
            "vocab_size": len(tokenizer),
            "eos_token_id": tokenizer.eos_token_id,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
    )
    return write_checkpoint(folder, InternVLForConditionalGeneration, config)


def write_smolvlm(folder: Path) -> Path:
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    tokenizer = write_tokenizer(folder, _IDEFICS, pad_token="<|endoftext|>", eos_token="<end_of_utterance>")
    SmolVLMProcessor(
        image_processor=SmolVLMImageProcessor(
            size={"longest_edge": 3 * _TILE}, max_image_size={"longest_edge": _TILE}
        ),
        tokenizer=tokenizer,
        video_processor=SmolVLMVideoProcessor(),
        image_seq_len=4,
        chat_template=_TEMPLATE.format(picture="<image>", end="<end_of_utterance>"),
    ).save_pretrained(folder)
    config = SmolVLMConfig(
        vision_config={
            "image_size": _TILE,
            "patch_size": 8,
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "initializer_range": 0.2,
        },
        text_config={
            **_DECODER,
            "model_type": "llama",
            "vocab_size": len(tokenizer),
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": 0,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        scale_factor=2,
    )
    return write_checkpoint(folder, SmolVLMForConditionalGeneration, config)


SEEING: dict[str, Callable[[Path], Path]] = {
    "Qwen2.5-VL": write_qwen2_5_vl,
    "Qwen3-VL": write_qwen3_vl,
    "InternVL": write_internvl,
    "SmolVLM": write_smolvlm,
}
