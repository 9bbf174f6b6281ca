"""A process that works through a pipe, and our end of it; it can be killed at any time. What it does is its starter's
concern.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Self

_starting = threading.Lock()


@dataclass(slots=True)
class Child:
    process: BaseProcess
    pipe: Connection

    @classmethod
    def start(cls, work: Callable[[Connection], None], name: str) -> Self:
        """One that runs `work`, a function of a module, with its end of the pipe, until that is closed."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs,), name=name, daemon=True)
        with _without_main():
            process.start()
        theirs.close()
        return cls(process, ours)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def usable_cores() -> int:
    """Cores this process may run on; containers often allow fewer than the machine has."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on macOS and Windows
        return max(1, os.cpu_count() or 1)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Processes started here do not import the program's main module, as spawned ones do otherwise.

    They have no use for it. A script that adds documents would run again in each worker unless it guards its main part,
    and one that imports PyMuPDF would load the layout model before it is told to use one thread.
    """
    with _starting:  # two threads at once would put back each other's stand-in
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
