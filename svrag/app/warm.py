"""Threads that keep libraries open: opening one takes longer than many a question. A library never changes threads."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from svrag.errors import SvragError
from svrag.library.store import Library

_T = TypeVar("_T")
_OPEN = 4  # libraries a thread keeps open: those it used last


class _Opened(threading.local):
    """The libraries that a thread has open, that used last at the end."""

    def __init__(self) -> None:
        self.libraries: OrderedDict[Path, Library] = OrderedDict()


class Busy(SvragError):
    """More is asked at once than this server can do in good time."""


class Warm:
    """So many `threads` to use libraries in; as many calls wait as `waiting` says, further ones are refused."""

    def __init__(self, threads: int, *, waiting: int = 256) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="svrag-warm")
        self._most = threads + waiting
        self._calls = 0
        self._count = threading.Lock()
        self._opened = _Opened()

    async def run(self, folder: Path, work: Callable[[Library], _T]) -> _T:
        """What `work` makes of the library in `folder`, in one of the threads.

        Raises:
            Busy: too many wait already.
            SvragError: as opening the library and `work` do.
        """
        with self._count:
            if self._calls >= self._most:
                raise Busy("too many questions at once: ask again in a moment")
            self._calls += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._with, folder, work)
        finally:
            with self._count:
                self._calls -= 1

    def close(self) -> None:
        """Take nothing more; what runs is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _with(self, folder: Path, work: Callable[[Library], _T]) -> _T:
        opened = self._opened.libraries
        library = opened.pop(folder, None) or Library.open(folder, create=False)
        try:
            made = work(library)
        except SvragError:
            opened[folder] = library
            raise
        except BaseException:  # a broken connection is not used again
            library.close()
            raise
        opened[folder] = library
        while len(opened) > _OPEN:
            opened.popitem(last=False)[1].close()
        return made
