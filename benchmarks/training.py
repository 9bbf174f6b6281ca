"""Examples per second of training, beside colpali-engine's ContrastiveTrainer; and at real sizes on a GPU.

    python benchmarks/training.py [--batch N] [--steps N] [--rounds N] [--json OUT]
    python benchmarks/training.py --real [--batch N ...] [--chunk N] [--steps N] [--tiny] [--json OUT]

Both trainers train the same tiny ColQwen2.5 of random weights on the same pages and questions, with the same LoRA, head,
loss (InfoNCE over the batch, mean MaxSim, temperature 0.02), optimiser, precision and batches, in turns, each in a run of
its own in this process; the losses of the first steps are compared, so that both are known to do the same work. Told is
the median step of all runs, without the first quarter of each: on a machine that others share, some steps take many
times as long, and means tell which trainer they fell on.

With --real, models have the shapes of SigLIP2-base (element-graph encoder, figures of 224 pixels) and of ColQwen2.5-3B
(pages of at most 768 tokens) and random weights; each batch is read as a whole and in chunks (GradCache). What is told is
examples per second and the most memory of the device. --tiny makes them small, to see that it runs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from colpali_engine.collators import VisualRetrieverCollator
from colpali_engine.data import ColPaliEngineDataset
from colpali_engine.loss import ColbertLoss
from colpali_engine.models import ColQwen2_5, ColQwen2_5_Processor
from colpali_engine.trainer.contrastive_trainer import ContrastiveTrainer
from PIL import Image
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.training_shapes import colqwen, siglip2, write_colqwen
from svrag.retrievers.multivector.stored_pictures import PictureImage
from svrag.training.batch import Example, Item
from svrag.training.config import Adapter, LossPart, Recipe
from svrag.training.models import lora
from svrag.training.models.trainable import Trainable
from svrag.training.objective import Objective
from svrag.training.run import trainer_of
from svrag.training.trainer import RetrievalTrainer

LOSS = {"name": "infonce", "temperature": 0.02, "score": "mean"}
RATE = 1e-4
_WARM = 4  # one in so many steps, the first ones, is not timed


@dataclass(frozen=True, slots=True)
class Speed:
    """Attributes:
    seconds: of the steps that count.
    losses: of all steps.
    """

    seconds: tuple[float, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """Attributes:
    chunk: items read at once; None reads the batch as a whole.
    peak_gb: None where there is no GPU.
    failed: what went wrong: the memory was full.
    """

    model: str
    batch: int
    chunk: int | None
    examples_per_second: float | None
    peak_gb: float | None
    failed: str = ""


class Clock(TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())

    def seconds(self) -> tuple[float, ...]:
        counted = self.ends[max(1, len(self.ends) // _WARM) - 1 :]
        return tuple(end - begin for begin, end in pairwise(counted))


def pages(count: int, size: tuple[int, int]) -> list[Image.Image]:
    """Noise."""
    drawn = np.random.default_rng(0)
    return [Image.fromarray(drawn.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)) for _ in range(count)]


def questions(count: int) -> list[str]:
    return [f"What does page {number} say about the kiln, and when was it fired?" for number in range(count)]


def timed(trainer: Trainer) -> Speed:
    clock = Clock()
    trainer.add_callback(clock)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    losses = tuple(entry["loss"] for entry in trainer.state.log_history if "loss" in entry)
    return Speed(clock.seconds(), losses)


def arguments_of(folder: Path, batch: int, steps: int, **more: Any) -> TrainingArguments:
    gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=batch,
        max_steps=steps,
        learning_rate=RATE,
        bf16=gpu,
        use_cpu=not gpu,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **more,
    )


def ours(model: Path, seen: list[Image.Image], batch: int, steps: int, folder: Path) -> Speed:
    recipe = Recipe.model_validate(
        {
            "model": {"kind": "retriever", "name": str(model)},
            "adapter": {"dropout": 0.0},
            "data": {"train": {"kind": "pairs", "path": "none"}},
            "loss": LOSS,
            "optimisation": {
                "steps": steps,
                "batch": batch,
                "rate": RATE,
                "precision": "bf16" if torch.cuda.is_available() else "float32",  # as in `arguments_of`
            },
            "evaluation": {"every": 10 * steps},
            "output": {"folder": str(folder), "log_every": 1, "tensorboard": False},
        }
    )
    asked = questions(len(seen))
    examples = [
        Example(Item(question), (Item(picture=PictureImage(page)),), (1.0,))
        for question, page in zip(asked, seen, strict=True)
    ]
    trainer, _ = trainer_of(recipe, examples, tell=lambda _: None)
    trainer.args.save_strategy = "no"  # type: ignore[assignment]
    return timed(trainer)


def theirs(model: Path, seen: list[Image.Image], batch: int, steps: int, folder: Path) -> Speed:
    gpu = torch.cuda.is_available()
    network = ColQwen2_5.from_pretrained(model, dtype=torch.bfloat16 if gpu else torch.float32)
    lora.add(network, Adapter(dropout=0.0), lora.DECODER, seed=42, whole=("custom_text_proj",))
    asked = questions(len(seen))
    rows = [{"query": question, "pos_target": page} for question, page in zip(asked, seen, strict=True)]
    arguments = arguments_of(folder, batch, steps)
    trainer = ContrastiveTrainer(
        model=network,
        args=arguments,
        train_dataset=ColPaliEngineDataset(rows),
        eval_dataset=None,
        data_collator=VisualRetrieverCollator(ColQwen2_5_Processor.from_pretrained(model)),
        loss_func=ColbertLoss(temperature=LOSS["temperature"], normalize_scores=True),
        is_vision_model=True,
    )
    return timed(trainer)


def beside(batch: int, steps: int, rounds: int, picture_tokens: int) -> dict[str, Any]:
    """Speeds of both, in turns. Examples are as many as a batch, so that every step has all of them."""
    found: dict[str, list[Speed]] = {"ours": [], "colpali-engine": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = write_colqwen(folder / "model", picture_tokens=picture_tokens)
        seen = pages(batch, (310, 440))
        for number in range(rounds):
            turn = [("ours", ours), ("colpali-engine", theirs)]
            for name, run in turn if number % 2 == 0 else reversed(turn):
                found[name].append(run(model, seen, batch, steps, folder / f"{name} {number}"))
    seconds = {name: [second for one in runs for second in one.seconds] for name, runs in found.items()}
    speeds = {name: batch / statistics.median(steps) for name, steps in seconds.items()}
    return {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "batch": batch,
        "steps": steps,
        "examples_per_second": speeds,
        "ratio": speeds["ours"] / speeds["colpali-engine"],
        "quartiles_of_seconds": {name: statistics.quantiles(steps) for name, steps in seconds.items()},
        "first_losses": {name: runs[0].losses[:3] for name, runs in found.items()},
    }


def cost(
    name: str, trainable: Trainable, examples: Sequence[Example], batch: int, chunk: int | None, steps: int
) -> Cost:
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder:
        arguments = arguments_of(Path(folder), batch, steps, dataloader_num_workers=8 if gpu else 0)
        objective = Objective(LossPart.model_validate(LOSS))
        try:
            trainer = RetrievalTrainer(trainable, arguments, objective, examples, chunk=chunk, identity={})
            speed = batch / statistics.median(timed(trainer).seconds)
        except torch.OutOfMemoryError:
            return Cost(name, batch, chunk, None, None, "out of memory")
    return Cost(name, batch, chunk, speed, torch.cuda.max_memory_allocated() / 1e9 if gpu else None)


def real(batches: Sequence[int], chunk: int, steps: int, *, tiny: bool) -> list[Cost]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    made = {
        "SigLIP2-base": (lambda: siglip2(Adapter(rank=8, alpha=16), device, tiny=tiny), (224, 224)),
        "ColQwen2.5-3B": (lambda: colqwen(Adapter(), device, picture_tokens=768, tiny=tiny), (1240, 1754)),
    }
    costs = []
    for name, (make, size) in made.items():
        trainable, count = make(), max(batches)
        examples = [
            Example(Item(question), (Item(picture=PictureImage(page)),), (1.0,))
            for question, page in zip(questions(count), pages(count, size), strict=True)
        ]
        for batch in batches:
            for part in (None, chunk):
                costs.append(cost(name, trainable, examples, batch, part, steps))
                print(_line(costs[-1]), flush=True)
        del trainable
    return costs


def _line(cost: Cost) -> str:
    way = f"chunks of {cost.chunk}" if cost.chunk else "whole"
    if cost.failed:
        return f"{cost.model}, batch {cost.batch}, {way}: {cost.failed}"
    memory = f", {cost.peak_gb:.1f} GB" if cost.peak_gb is not None else ""
    return f"{cost.model}, batch {cost.batch}, {way}: {cost.examples_per_second:.2f} examples/s{memory}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--batch", type=int, nargs="+", default=None, help="examples (default 8; with --real 16 64 128)")
    add("--steps", type=int, default=None, help="of a run (default 24; with --real 8)")
    add("--rounds", type=int, default=12, help="runs of each trainer")
    add("--picture-tokens", type=int, default=64, help="of a page of the tiny model, at most")
    add("--real", action="store_true", help="shapes of SigLIP2-base and ColQwen2.5-3B")
    add("--chunk", type=int, default=8, help="items read at once, with --real")
    add("--tiny", action="store_true", help="small shapes, with --real")
    add("--json", type=Path, metavar="OUT")
    options = parser.parse_args(arguments)
    result: Mapping[str, Any] | list[dict[str, Any]]
    if options.real:
        costs = real(options.batch or [16, 64, 128], options.chunk, options.steps or 8, tiny=options.tiny)
        result = [asdict(one) for one in costs]
    else:
        (batch,) = options.batch or [8]
        result = beside(batch, options.steps or 24, options.rounds, options.picture_tokens)
        print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
