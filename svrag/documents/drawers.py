"""Processes that cut pictures out of pages side by side, for as long as a server runs.

In one process MuPDF draws one picture at a time and lets no other thread run meanwhile: a question waits for all its
pictures, and everybody else waits for them, too. A picture that crashes its process or never ends costs only itself.
Where no processes were started, as on the command line, the calling process draws: that is sooner than starting one.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

from svrag.documents.files import IMAGE_SUFFIXES
from svrag.documents.model import Box
from svrag.documents.processes import Child, usable_cores
from svrag.errors import InputError

_MOST = 4  # processes: a question has few pictures, and each takes some 60 MB
_SECONDS = 60.0  # by the clock, for what a process draws at once


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a page, `box` and `pad` points around it, as a picture.

    `changed` and `size` are the file's, should another take its place.
    """

    source: Path
    changed: int
    size: int
    page: int
    box: Box
    pad: float
    dpi: int


Drawn = bytes | InputError
"""A JPEG, or why there is none."""
_running: _Pool | None = None


def begin(cuts: Sequence[Cut]) -> Callable[[], list[Drawn]]:
    """Begin with the pictures of `cuts`, where processes draw; the call waits for them, or else draws them.

    What is of one file, and of one page, should follow each other.
    """
    if _running is None:
        return partial(_draw_here, cuts)
    return _running.begin(cuts)


@contextmanager
def drawers(processes: int | None = None) -> Iterator[None]:
    """Within, so many processes draw; by default one for each core, a few at most."""
    global _running
    pool = _Pool(processes or min(_MOST, usable_cores()))
    before, _running = _running, pool
    try:
        yield
    finally:
        _running = before
        pool.close()


class _Pool:
    """As many threads as processes: what is being drawn has a thread that waits for it."""

    def __init__(self, processes: int) -> None:
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="svrag-drawing")
        self._idle: SimpleQueue[Child] = SimpleQueue()
        for _ in range(processes):
            self._idle.put(_started())

    def begin(self, cuts: Sequence[Cut]) -> Callable[[], list[Drawn]]:
        """A page is read once for all its pictures, by whoever is free."""
        coming = [self._threads.submit(self._draw, list(together)) for _, together in groupby(cuts, key=_together)]
        return lambda: [drawn for together in coming for drawn in together.result()]

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().end()

    def _draw(self, cuts: Sequence[Cut]) -> list[Drawn]:
        drawer = self._idle.get()
        if not drawer.process.is_alive():
            drawer.end()
            drawer = _started()
        try:
            return _drawn_by(drawer, cuts)
        except (EOFError, OSError) as error:
            drawer.end()
            drawer = _started()
            why = f"took longer than {_SECONDS:.0f} s" if isinstance(error, TimeoutError) else "crashed"
        finally:
            self._idle.put(drawer)
        if len(cuts) > 1:  # one of them is to blame
            return [drawn for cut in cuts for drawn in self._draw([cut])]
        return [InputError(f"drawing from page {cut.page} of {cut.source.name} {why}") for cut in cuts]


def _started() -> Child:
    return Child.start(_work, "svrag-drawer")


def _drawn_by(drawer: Child, cuts: Sequence[Cut]) -> list[Drawn]:
    """The pictures.

    Raises:
        OSError, EOFError: the process has ended, or is not done in good time (TimeoutError).
    """
    drawer.pipe.send(cuts)
    if not drawer.pipe.poll(_SECONDS):
        raise TimeoutError
    drawn: list[Drawn] = drawer.pipe.recv()
    return drawn


def _work(pipe: Connection) -> None:
    """The life of a process: pictures until the pipe closes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    # PyMuPDF loads its layout model wherever it can: a second and 80 MB that no picture needs.
    sys.modules.update({"pymupdf.layout": None, "pymupdf4llm": None})  # type: ignore[dict-item]
    import svrag.documents.rendering  # noqa: F401  # now, not when somebody waits

    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send(_draw_here(pipe.recv()))


def _draw_here(cuts: Sequence[Cut]) -> list[Drawn]:
    """In this process, a file opened once for all that is cut from it."""
    return [drawn for _, group in groupby(cuts, key=_file) for drawn in _draw_file(list(group))]


def _draw_file(cuts: Sequence[Cut]) -> list[Drawn]:
    from svrag.documents.rendering import cutting

    drawn: list[Drawn] = []
    try:
        with cutting(cuts[0].source) as cutter:
            for cut in cuts:
                try:
                    drawn.append(cutter.jpeg(cut.page, cut.box, dpi=cut.dpi, pad=cut.pad))
                except InputError as error:
                    drawn.append(error)
    except InputError as error:  # it cannot be opened
        return [error] * len(cuts)
    return drawn


def _file(cut: Cut) -> tuple[Path, int, int]:
    return cut.source, cut.changed, cut.size


def _together(cut: Cut) -> tuple[object, ...]:
    """What one process draws at once: a page, or all of an image file, which is unpacked whole to be opened."""
    return _file(cut) if cut.source.suffix.lower() in IMAGE_SUFFIXES else (*_file(cut), cut.page)
