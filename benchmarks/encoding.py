"""What it costs to encode a document's pages with the SV-RAG retrievers at their real size.

    python benchmarks/encoding.py [--model InternVL2 Phi] [--pages N] [--size WxH] [--runs N] [--tiny] [--json OUT]

The models have the shapes of Col-InternVL2-4B and Col-Phi-3-V and random weights, so nothing is downloaded: time and
memory do not depend on what the weights are. Nor do they on what is on a page, only on its size; pages here are noise,
of the shape of a slide. The tokenizer reads bytes, which makes prompts some dozen tokens longer, of thousands.

The peer is what the paper reports for its own code (arXiv 2411.01106, table 4, seconds and GB to retrieve). It does not
tell the GPU. `prepared` is the part of the time that scaling pages alone takes; it overlaps with the model's.
With --tiny the models have a few thousand weights: to see that everything runs, on any machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from svrag.retrievers.multivector.checkpoint import device_and_dtype
from svrag.retrievers.multivector.colinternvl2.config import ColInternVL2Config
from svrag.retrievers.multivector.colinternvl2.model import ColInternVL2
from svrag.retrievers.multivector.colinternvl2.processor import ColInternVL2Processor
from svrag.retrievers.multivector.colphi3v.config import ColPhi3VConfig
from svrag.retrievers.multivector.colphi3v.model import ColPhi3V
from svrag.retrievers.multivector.colphi3v.processor import ColPhi3VProcessor
from svrag.retrievers.multivector.phi3.encoder import Encoder
from svrag.retrievers.multivector.phi3.prompts import Vocabulary

PAPER = {"InternVL2": (9.2, 14.2), "Phi": (4.1, 11.6)}
"""Seconds and GB."""

_SPECIAL = ("<s>", "</s>", "<pad>", "<img>", "</img>", "<IMG_CONTEXT>", "<|user|>", "<|end|>", "<|assistant|>")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one model on one machine.

    Attributes:
        seconds: to encode all pages, the median of the runs.
        prepared: seconds of one thread to scale the pages and cut them.
        weights_gb: of the model on the device.
        peak_gb: most memory at once: of the GPU, or of the whole process where there is none.
        tokens: vectors of a page.
        question: seconds to encode one question.
    """

    model: str
    device: str
    dtype: str
    pages: int
    seconds: float
    prepared: float
    weights_gb: float
    peak_gb: float
    tokens: int
    question: float
    paper_seconds: float
    paper_gb: float


def vocabulary() -> Vocabulary:
    """Bytes and the special tokens of both models."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={byte: i for i, byte in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in _SPECIAL])
    with tempfile.TemporaryDirectory() as folder:
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>").save_pretrained(folder)
        return Vocabulary.of(Path(folder))


def decoder(size: int, *, tiny: bool) -> dict[str, Any]:
    """Phi-3-mini with 128k tokens of context, `size` words."""
    shape = {
        "vocab_size": size,
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
    }
    small = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 21, "num_attention_heads": 4}
    shape |= {**small, "num_key_value_heads": 4} if tiny else {}
    factors = [1.0] * (shape["hidden_size"] // shape["num_attention_heads"] // 2)
    return {
        **shape,
        "max_position_embeddings": 131_072,
        "original_max_position_embeddings": 4096,
        "rope_parameters": {
            "rope_type": "longrope",
            "rope_theta": 10_000.0,
            "short_factor": factors,
            "long_factor": factors,
            "original_max_position_embeddings": 4096,
            "factor": 32.0,
        },
    }


def internvl2(*, tiny: bool) -> tuple[Callable[[], torch.nn.Module], ColInternVL2Processor, int]:
    """How to make the model, its processor and the width of its vectors."""
    words = vocabulary()
    tile, patch = (56, 14) if tiny else (448, 14)
    tokens = (tile // patch // 2) ** 2
    processor = ColInternVL2Processor(words, tile=tile, tokens=tokens)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = ColInternVL2Config(
        vision_config={"image_size": tile, "patch_size": patch, "attention_bias": True, **(small if tiny else {})},
        text_config={"model_type": "phi3", **decoder(32_020, tiny=tiny)},
        image_token_id=processor.image_token,
        image_seq_length=tokens,
        tie_word_embeddings=False,
    )
    return lambda: ColInternVL2(config), processor, config.dimension


def phi(*, tiny: bool) -> tuple[Callable[[], torch.nn.Module], ColPhi3VProcessor, int]:
    """As `internvl2`; vectors are states after layer 20, as released."""
    small = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    vision = {**small, "image_size": 56, "patch_size": 14} if tiny else None
    config = ColPhi3VConfig(vision_config=vision, text_config=decoder(32_064, tiny=tiny))
    processor = ColPhi3VProcessor(vocabulary(), crop=56, side=2) if tiny else ColPhi3VProcessor(vocabulary())
    return lambda: ColPhi3V(config), processor, config.text_config.hidden_size


def measure(name: str, pages: Sequence[Image.Image], *, runs: int, tiny: bool) -> Cost:
    make, processor, dimension = (internvl2 if name == "InternVL2" else phi)(tiny=tiny)
    device, dtype = device_and_dtype()
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):  # made where it stays: there is no room for two in a small machine
            model = make().requires_grad_(False).eval()
    finally:
        torch.set_default_dtype(before)
    encoder = Encoder(name, "", model, processor, dimension=dimension, settings="random")
    started = time.perf_counter()
    for page in pages:
        processor.picture(page)
    prepared = time.perf_counter() - started
    encoder.pictures(pages[:2])  # the first call chooses kernels
    encoder.questions(["What grew most?"])
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        encoded = encoder.pictures(pages)
        times.append(time.perf_counter() - started)
    started = time.perf_counter()
    encoder.questions(["Which of the regions grew most between 2015 and 2019?"])
    question = time.perf_counter() - started
    paper = PAPER[name]
    return Cost(
        model=name,
        device=torch.cuda.get_device_name() if device == "cuda" else f"{device} ({platform.machine()})",
        dtype=str(dtype).removeprefix("torch."),
        pages=len(pages),
        seconds=statistics.median(times),
        prepared=prepared,
        weights_gb=sum(weight.nbytes for weight in model.parameters()) / 1e9,
        peak_gb=_peak(device) / 1e9,
        tokens=len(encoded[0].vectors),
        question=question,
        paper_seconds=paper[0],
        paper_gb=paper[1],
    )


def _peak(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def noise(count: int, width: int, height: int) -> list[Image.Image]:
    drawn = np.random.default_rng(0)
    return [Image.fromarray(drawn.integers(0, 255, (height, width, 3), dtype=np.uint8)) for _ in range(count)]


def main(arguments: Sequence[str] | None = None) -> list[Cost]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", choices=sorted(PAPER), default=sorted(PAPER))
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--size", default="1600x900", help="of a page, in pixels")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="small models, to see that everything runs")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    chosen = parser.parse_args(arguments)
    width, height = (int(side) for side in chosen.size.split("x"))
    pages = noise(chosen.pages, width, height)
    costs = []
    for name in chosen.model:
        cost = measure(name, pages, runs=chosen.runs, tiny=chosen.tiny)
        costs.append(cost)
        print(
            f"{cost.model}: {cost.pages} pages of {cost.tokens} tokens in {cost.seconds:.2f} s "
            f"(scaling them {cost.prepared:.2f} s of one thread), {cost.peak_gb:.1f} GB at most, weights "
            f"{cost.weights_gb:.1f} GB; a question {1000 * cost.question:.0f} ms; {cost.device}, {cost.dtype}. "
            f"Paper: {cost.paper_seconds} s, {cost.paper_gb} GB",
            flush=True,
        )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=2) + "\n", "utf-8")
    return costs


if __name__ == "__main__":
    main()
