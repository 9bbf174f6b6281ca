"""How far a run is: a bar in a terminal, and lines of what was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

_SHOWN = {"loss": "loss", "grad_norm": "gradient", "learning_rate": "rate"}


class Progress(TrainerCallback):
    """Of the first process.

    Args:
        tell: is told of each line.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._console = Console(stderr=True)
        self._bar: tuple[Bar, TaskID] | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.is_world_process_zero and self._console.is_terminal:
            columns = TextColumn("steps"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            bar = Bar(*columns, console=self._console, transient=True)
            self._bar = bar, bar.add_task("", total=state.max_steps, completed=state.global_step)
            bar.start()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, completed=state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if not state.is_world_process_zero or not logs:
            return
        shown = [f"{name} {logs[key]:.4g}" for key, name in _SHOWN.items() if key in logs]
        shown += [f"{key.removeprefix('eval_')} {value:.3f}" for key, value in logs.items() if key.startswith("eval_")]
        if not shown:
            return
        self._tell(f"step {state.global_step} of {state.max_steps}: {', '.join(shown)}")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self._bar is not None:
            self._bar[0].stop()
