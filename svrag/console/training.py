"""A training run: lines while it goes on, and what it came to."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from svrag.console.plain import out, plain, print_table

if TYPE_CHECKING:
    from svrag.training.run import TrainResult


def say(line: str) -> None:
    """A line about a run that is going on, at once."""
    out().print(plain(line))
    sys.stdout.flush()


def print_training(result: TrainResult, metric: str) -> None:
    """What a run came to, where its model is, and how to search with it.

    Args:
        metric: that the best checkpoint was chosen by.
    """
    print_table(("", "first", "last", "best", "at step"), training_rows(result.history, metric), right=(1, 2, 3, 4))
    console = out()
    console.print(plain(f"{result.steps} steps in {result.seconds:.1f} s; the model is in {result.folder}"))
    console.print("Search with it:")
    console.print(plain(f"svrag add PATH... --retriever {result.folder}"))
    console.print(plain(f'svrag search "question" --retriever {result.folder}'))


def training_rows(history: Sequence[Mapping[str, float]], metric: str) -> list[tuple[str, ...]]:
    """The loss and each held-out metric: first, last and best value, and the step of the best; `metric` comes first."""
    shown = {"loss": "loss"} | {f"eval_{name}": name for name in (metric, "ndcg@10", "mrr", "recall@1", "recall@10")}
    rows: list[tuple[str, ...]] = []
    for key, name in shown.items():
        values = [(entry[key], int(entry["step"])) for entry in history if key in entry]
        if values:
            best = (min if key == "loss" else max)(values, key=lambda value: value[0])
            rows.append((name, f"{values[0][0]:.4f}", f"{values[-1][0]:.4f}", f"{best[0]:.4f}", str(best[1])))
    return rows
