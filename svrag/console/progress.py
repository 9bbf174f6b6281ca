"""Bars on stderr while something takes long; where stderr is no terminal, at most a line for what is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from svrag.console.plain import plain

if TYPE_CHECKING:
    from svrag.library.ingest import AddEvent


@dataclass
class AddProgress:
    """A bar per file while it is read, on stderr; in a log a line for each that was read.

    Attributes:
        quiet: the bars go away at the end, and a log has no lines: an answer comes after them.
    """

    quiet: bool = False
    _bars: dict[Path, TaskID] = field(default_factory=dict)

    def __enter__(self) -> AddProgress:
        console = Console(file=sys.stderr)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("pages"),
            TimeElapsedColumn(),
            console=console,
            transient=self.quiet,
            disable=not console.is_terminal,
        )
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def event(self, event: AddEvent) -> None:
        if event.path not in self._bars:
            self._bars[event.path] = self._progress.add_task(plain(event.path.name, 40).plain, total=None)
        bar = self._bars[event.path]
        if event.status == "reading":
            self._progress.update(bar, completed=event.done_pages, total=event.total_pages or None)
        else:
            self._progress.update(bar, description=f"{plain(event.path.name, 40).plain} {event.status}")
            self._progress.stop_task(bar)
            if self._progress.disable and not self.quiet and event.status in ("added", "updated"):
                pages = f"{event.done_pages} of {event.total_pages} pages"
                print(f"svrag: {event.status} {event.path}: {pages}", file=sys.stderr, flush=True)


@contextmanager
def encoding_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each document while it is encoded, on stderr, gone as soon as all are: the answer may be streaming."""
    console = Console(file=sys.stderr)
    bars: dict[str, TaskID] = {}
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("parts"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )

    def step(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = progress.add_task(f"encoding {plain(name, 40).plain}", total=total)
            progress.start()
        progress.update(bars[name], completed=done)
        if progress.finished:
            progress.stop()

    try:
        yield step
    finally:
        progress.stop()


@contextmanager
def evaluation_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar per stage ("documents", "vectors", then each retriever) on stderr."""
    console = Console(file=sys.stderr)
    bars: dict[str, TaskID] = {}
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:

        def step(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(plain(stage, 40).plain, total=total)
            progress.update(bars[stage], completed=done, total=total)

        yield step
