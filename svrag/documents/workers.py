"""Long-lived worker processes that read pages and can be killed: a page that hangs or eats memory costs only itself.

PyMuPDF is not thread-safe and a broken file can make it crash, so no page is ever read in the calling process. A worker
that passes its time or memory limit is killed and replaced; its page is read again as text only, and left empty when
even that fails. Time is the processor's, so that a busy machine loses no page; the clock only ends what hangs without
working. Nothing here knows what a page holds.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Literal

from svrag.documents.blocks import PageBlocks
from svrag.documents.model import Page
from svrag.documents.processes import Child, usable_cores
from svrag.errors import InputError

_OPEN_SECONDS = 60.0
_TEXT_SECONDS = 10.0
_START_SECONDS = 60.0  # more for a worker's first task: it also pays for the import of the layout model
_PATIENCE = 6.0  # seconds by the clock for each of processor time, which other programs and tesseract also need
_POLL_SECONDS = 0.1

Mode = Literal["layout", "text"]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What opening a file tells: pages, metadata title, outline entries as (level, title, page)."""

    pages: int
    title: str
    outline: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True)
class OpenTask:
    path: Path
    password: str | None


@dataclass(frozen=True, slots=True)
class PageTask:
    path: Path
    password: str | None
    number: int
    mode: Mode
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that raised: `wrong_input` when the file is to blame and the user can act on `message`."""

    message: str
    wrong_input: bool


@dataclass(slots=True)
class _Worker(Child):
    fresh: bool = True
    task: OpenTask | PageTask | None = None
    cpu_limit: float = 0.0
    deadline: float = 0.0


class ParsePool:
    """Up to `workers` processes, started when first needed; use as a context manager.

    Args:
        workers: None means one per usable core.
        page_seconds: the most processor time one page may take; six times as long by the clock.
        memory_mb: the most resident memory one worker may hold.
    """

    def __init__(self, workers: int | None = None, page_seconds: float = 30.0, memory_mb: int = 1500) -> None:
        self._size = workers or usable_cores()
        self._page_seconds = page_seconds
        self._memory_mb = memory_mb
        self._workers: list[_Worker] = []

    def __enter__(self) -> ParsePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def read(
        self, path: Path, password: str | None, progress: Callable[[int, int], None] | None = None
    ) -> tuple[FileFacts, list[PageBlocks]]:
        """Open `path` and read all its pages, in order of their numbers.

        Raises:
            InputError: the file cannot be opened.
        """
        facts = self._open(path, password)
        todo: deque[PageTask] = deque(PageTask(path, password, n, "layout") for n in range(1, facts.pages + 1))
        done: dict[int, PageBlocks] = {}
        if progress:
            progress(0, facts.pages)
        while len(done) < facts.pages:
            self._hand_out(todo)
            for task, result in self._finished():
                if not isinstance(task, PageTask) or task.path != path:
                    continue  # left over from a file whose reading was broken off
                if isinstance(result, PageBlocks):
                    done[task.number] = result
                    continue
                assert isinstance(result, Failure)
                if task.mode == "layout":
                    todo.appendleft(PageTask(path, password, task.number, "text", f"{result.message}: text only"))
                else:
                    done[task.number] = _empty(task.number, f"could not be read ({result.message})")
            if progress:
                progress(len(done), facts.pages)
        return facts, [done[n] for n in sorted(done)]

    def _open(self, path: Path, password: str | None) -> FileFacts:
        todo = deque([OpenTask(path, password)])
        while True:
            self._hand_out(todo)
            for task, result in self._finished():
                if not isinstance(task, OpenTask) or task.path != path:
                    continue  # left over from a file whose reading was broken off
                if isinstance(result, FileFacts):
                    return result
                assert isinstance(result, Failure)
                if result.wrong_input:
                    raise InputError(result.message)
                raise InputError(f"{path} could not be opened ({result.message})")

    def _hand_out(self, todo: deque[PageTask] | deque[OpenTask]) -> None:
        """Give every idle worker a task, starting workers as long as there are tasks for them."""
        while todo:
            worker = next((w for w in self._workers if w.task is None), None)
            if worker is None:
                if len(self._workers) == self._size:
                    return
                worker = self._start()
            task = todo.popleft()
            try:
                worker.pipe.send(task)
            except (BrokenPipeError, OSError):  # it died while idle
                self._replace(worker)
                todo.appendleft(task)  # type: ignore[arg-type]  # back to where it came from
                continue
            worker.task = task
            seconds = self._limit(task) + (_START_SECONDS if worker.fresh else 0.0)
            worker.cpu_limit = _cpu_seconds(worker.process.pid) + seconds
            worker.deadline = time.monotonic() + _PATIENCE * seconds

    def _limit(self, task: OpenTask | PageTask) -> float:
        if isinstance(task, OpenTask):
            return _OPEN_SECONDS
        return self._page_seconds if task.mode == "layout" else _TEXT_SECONDS

    def _finished(self) -> list[tuple[OpenTask | PageTask, FileFacts | PageBlocks | Failure]]:
        """Results that have come in, and failures for workers that crashed or passed a limit."""
        busy = [worker for worker in self._workers if worker.task is not None]
        ready = wait([worker.pipe for worker in busy], timeout=_POLL_SECONDS)
        results: list[tuple[OpenTask | PageTask, FileFacts | PageBlocks | Failure]] = []
        for worker in busy:
            task = worker.task
            assert task is not None
            if worker.pipe in ready:
                try:
                    results.append((task, worker.pipe.recv()))
                    worker.task = None
                    worker.fresh = False
                except (EOFError, OSError):
                    results.append((task, Failure("the page reader crashed", wrong_input=False)))
                    self._replace(worker)
            elif _cpu_seconds(worker.process.pid) > worker.cpu_limit or time.monotonic() > worker.deadline:
                results.append((task, Failure(f"took longer than {self._limit(task):.0f} s", wrong_input=False)))
                self._replace(worker)
            elif _resident_mb(worker.process.pid) > self._memory_mb:
                results.append((task, Failure(f"took more than {self._memory_mb} MB", wrong_input=False)))
                self._replace(worker)
        return results

    def _start(self) -> _Worker:
        worker = _Worker.start(_work, "svrag-page-reader")
        self._workers.append(worker)
        return worker

    def _replace(self, worker: _Worker) -> None:
        """Kill a worker; the next task starts a fresh one."""
        worker.end()
        self._workers.remove(worker)


def _work(pipe: Connection) -> None:
    """The life of a worker: one task after another until the pipe closes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it kills its workers
    one_thread_each()
    import pymupdf

    from svrag.documents.opening import open_pages
    from svrag.documents.page_reader import read_page, read_text_only

    opened: pymupdf.Document | None = None
    opened_path: Path | None = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            task = pipe.recv()
            try:
                if opened is None or opened_path != task.path:
                    if opened is not None:
                        opened.close()
                        opened = None
                    opened, opened_path = open_pages(task.path, task.password), task.path
                if isinstance(task, OpenTask):
                    pipe.send(_facts(opened))
                elif task.mode == "layout":
                    pipe.send(read_page(opened, task.number))
                else:
                    pipe.send(read_text_only(opened, task.number, task.reason))
            except InputError as error:
                pipe.send(Failure(str(error), wrong_input=True))
            except Exception as error:  # whatever a broken page makes the libraries raise is that page's failure
                lines = str(error).splitlines() or [type(error).__name__]
                pipe.send(Failure(lines[0][:120], wrong_input=False))


def one_thread_each() -> None:
    """One thread for the layout model in this process: workers times threads would fight for the cores."""
    import onnxruntime

    make = onnxruntime.SessionOptions

    def single_threaded() -> onnxruntime.SessionOptions:
        options = make()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        return options

    onnxruntime.SessionOptions = single_threaded


def _facts(document: object) -> FileFacts:
    import pymupdf

    assert isinstance(document, pymupdf.Document)
    try:
        outline = tuple((int(level), str(title), int(page)) for level, title, page in document.get_toc(simple=True))
    except (RuntimeError, ValueError, TypeError):  # broken outlines are common and no loss
        outline = ()
    title = str((document.metadata or {}).get("title") or "")
    return FileFacts(document.page_count, title, outline)


def _empty(number: int, warning: str) -> PageBlocks:
    return PageBlocks(Page(number=number, width=595.0, height=842.0, warning=warning), ())


def _cpu_seconds(pid: int | None) -> float:
    """Processor time a process has used; 0 where the system has no /proc to read it from."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()  # a name may hold spaces
        ticks = int(fields[11]) + int(fields[12])
    except (OSError, IndexError, ValueError):
        return 0.0
    return ticks / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int | None) -> float:
    """Resident memory of a process; 0 where the system has no /proc to read it from."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
