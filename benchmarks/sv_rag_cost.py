"""What it costs to answer from pages with the backbone of an SV-RAG retriever, at its real size.

    python benchmarks/sv_rag_cost.py [--model InternVL2 Phi] [--pages 5 12] [--size WxH] [--tiles N] [--tiny] [--json OUT]

The models have the shapes of Col-InternVL2-4B and Col-Phi-3-V with two LoRA adapters, one to retrieve and one to answer,
and random weights: see `encoding.py`, which measures what retrieving costs. An answer is what reading the pages takes
until the first word, and 64 tokens in all. Measured with the adapter for answers on, and with none.

Peers: `generate` of transformers over the same decoder and the same embeddings, adapters off, in the same run; and what
the paper reports for its own code (arXiv 2411.01106, table 4, seconds and GB to answer; it does not tell the GPU).
`--tiles 20` gives pages as many tiles as the retriever does; InternVL2 was trained on up to 12.
With --tiny the models have a few thousand weights: to see that everything runs, on any machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import encoding
import torch
from peft import LoraConfig, get_peft_model
from transformers import Phi3ForCausalLM

from svrag.evaluation.deck_answers import png_of
from svrag.generation.model import ChatRequest, Message, Text
from svrag.generation.phi3 import MOST_TILES, InternVL2, Phi3Speaker, Phi3Vision
from svrag.retrievers.multivector.adapter import Switch
from svrag.retrievers.multivector.checkpoint import device_and_dtype
from svrag.retrievers.multivector.phi3.encoder import Encoder
from svrag.retrievers.multivector.phi3.published import build

PAPER = {("InternVL2", 5): (2.8, 40.8), ("InternVL2", 12): (None, 76.4)}
"""Seconds and GB, by model and number of pages."""

_REPLY = 64  # tokens
_TARGETS = r"language_model\..*\.(qkv_proj|o_proj|gate_up_proj|down_proj)"
_RANK = {"InternVL2": 8, "Phi": 32}
_QUESTION = "Which of the regions grew most between 2015 and 2019?"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one answer on one machine.

    Attributes:
        what: "with an adapter", "without" or "transformers".
        tokens: that the model reads.
        first: seconds to the first token.
        seconds: to all of them; the median of the runs, like `first`.
        weights_gb: of the model and both adapters, once for retrieval and answers.
        peak_gb: while answering, weights included.
    """

    model: str
    what: str
    device: str
    dtype: str
    pages: int
    tokens: int
    first: float
    seconds: float
    weights_gb: float
    peak_gb: float
    paper_seconds: float | None
    paper_gb: float | None


class Backbone:
    """A retriever of random weights with both adapters, and what answers with it."""

    def __init__(self, name: str, *, tiles: int, tiny: bool) -> None:
        make, processor, dimension = (encoding.internvl2 if name == "InternVL2" else encoding.phi)(tiny=tiny)
        self.name = name
        self.device, dtype = device_and_dtype()
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            with torch.device(self.device):
                self.model: Any = make()
                lora = LoraConfig(r=_RANK[name], lora_alpha=32, init_lora_weights=False, target_modules=_TARGETS)
                adapted = get_peft_model(self.model, lora, autocast_adapter_dtype=False)
                adapted.add_adapter("answers", lora, autocast_adapter_dtype=False)
                vocabulary, width = self.model.config.text_config.vocab_size, self.model.config.text_config.hidden_size
                self.words = torch.randn(vocabulary, width) * 0.02
        finally:
            torch.set_default_dtype(before)
        adapted.requires_grad_(False).eval()
        self.encoder = Encoder(name, "", adapted, processor, dimension=dimension, settings="random")
        self.family: Any = (
            InternVL2(self.model, processor, tiles) if name == "InternVL2" else Phi3Vision(self.model, processor)
        )
        self.switch = Switch(self.model)

    def speaker(self, adapter: str | None) -> Phi3Speaker:
        @contextlib.contextmanager
        def around() -> Iterator[None]:
            with self.encoder.running, self.switch.to(adapter):
                yield

        return Phi3Speaker(self.model.language_model, self.words, self.family, around=around)

    def weights_gb(self) -> float:
        return (sum(weight.nbytes for weight in self.model.parameters()) + self.words.nbytes) / 1e9


def ours(backbone: Backbone, prompt: Any, adapter: str | None) -> tuple[float, float]:
    """Seconds to the first token and to the last."""
    heard: list[float] = []
    speaker = backbone.speaker(adapter)
    started = time.perf_counter()

    def hear(token: int) -> bool:
        heard.append(time.perf_counter() - started)
        return True

    speaker.write(prompt, _REPLY, hear)
    return heard[0], heard[-1]


def theirs(backbone: Backbone, prompt: Any) -> tuple[float, float]:
    """The same for `generate`."""
    shell: Any = build(lambda: Phi3ForCausalLM(backbone.model.config.text_config)).eval()
    shell.model = backbone.model.language_model
    shell.lm_head.weight = torch.nn.Parameter(backbone.words, requires_grad=False)
    heard: list[float] = []

    class Clock:
        def put(self, value: torch.Tensor) -> None:
            heard.append(time.perf_counter() - started)

        def end(self) -> None:
            """All was told."""

    started = time.perf_counter()
    with torch.inference_mode(), backbone.switch.to(None):
        embeddings = backbone.speaker(None)._embedded(prompt)
        shell.generate(
            inputs_embeds=embeddings,
            attention_mask=torch.ones(embeddings.shape[:2], dtype=torch.long, device=embeddings.device),
            max_new_tokens=_REPLY,
            min_new_tokens=_REPLY,
            do_sample=False,
            pad_token_id=0,
            streamer=Clock(),
        )
    return heard[-_REPLY], heard[-1]


def measure(backbone: Backbone, pages: Sequence[Any], *, runs: int) -> Iterator[Cost]:
    speaker = backbone.speaker(None)
    parts = tuple(part for page in pages for part in (Text("Page: "), png_of(page)))
    prompt = speaker.prepare(ChatRequest((Message("user", (*parts, Text(_QUESTION))),)).messages)
    ways: dict[str, Callable[[], tuple[float, float]]] = {
        "with an adapter": lambda: ours(backbone, prompt, "answers"),
        "without": lambda: ours(backbone, prompt, None),
        "transformers": lambda: theirs(backbone, prompt),
    }
    for what, way in ways.items():
        way()  # the first call chooses kernels
        if backbone.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        times = [way() for _ in range(runs)]
        seconds, gigabytes = PAPER.get((backbone.name, len(pages)), (None, None))
        yield Cost(
            model=backbone.name,
            what=what,
            device=torch.cuda.get_device_name() if backbone.device == "cuda" else f"cpu ({platform.machine()})",
            dtype=str(backbone.words.dtype).removeprefix("torch."),
            pages=len(pages),
            tokens=speaker.length(prompt),
            first=statistics.median(first for first, _ in times),
            seconds=statistics.median(last for _, last in times),
            weights_gb=backbone.weights_gb(),
            peak_gb=encoding._peak(backbone.device) / 1e9,
            paper_seconds=seconds,
            paper_gb=gigabytes,
        )


def main(arguments: Sequence[str] | None = None) -> list[Cost]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", choices=sorted(_RANK), default=sorted(_RANK))
    parser.add_argument("--pages", type=int, nargs="+", default=[5, 12])
    parser.add_argument("--size", default="1600x900", help="of a page, in pixels")
    parser.add_argument("--tiles", type=int, default=MOST_TILES, help="of a page at most, of InternVL2")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="small models, to see that everything runs")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    chosen = parser.parse_args(arguments)
    width, height = (int(side) for side in chosen.size.split("x"))
    costs = []
    for name in chosen.model:
        backbone = Backbone(name, tiles=chosen.tiles, tiny=chosen.tiny)
        for count in chosen.pages:
            for cost in measure(backbone, encoding.noise(count, width, height), runs=chosen.runs):
                costs.append(cost)
                paper = f". Paper: {cost.paper_seconds} s, {cost.paper_gb} GB" if cost.paper_gb else ""
                print(
                    f"{name}, {count} pages, {cost.what}: {cost.tokens} tokens read, first word after "
                    f"{cost.first:.2f} s, {_REPLY} tokens after {cost.seconds:.2f} s, {cost.peak_gb:.1f} GB at most, "
                    f"weights {cost.weights_gb:.1f} GB; {cost.device}, {cost.dtype}{paper}",
                    flush=True,
                )
        del backbone
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=2) + "\n", "utf-8")
    return costs


if __name__ == "__main__":
    main()
