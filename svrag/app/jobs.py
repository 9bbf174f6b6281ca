"""Adding in the background: for each library one thread that reads one file after another and says how far it is.

The page and the interface hand files over here and look at the jobs; nothing waits for a file to be read.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from svrag.app.uploads import without_folders
from svrag.documents.files import SUFFIXES
from svrag.errors import InputError, SvragError
from svrag.library.ingest import AddEvent, add_paths
from svrag.library.store import Library

FileStatus = Literal["waiting", "reading", "added", "updated", "unchanged", "failed", "cancelled"]
_log = logging.getLogger(__name__)
_KEPT = 50  # jobs that are over, per library
_OVER = frozenset({"added", "updated", "unchanged", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class FileJob:
    """A file of a job.

    Attributes:
        page, pages: how many of how many are read; 0 before the file is open.
        detail: why it failed, one line without paths of the server; "" otherwise.
        document_id: of the document it became; "" until then.
    """

    name: str
    status: FileStatus = "waiting"
    page: int = 0
    pages: int = 0
    detail: str = ""
    document_id: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Files that were handed over together, as they are now; `created` is ISO 8601, UTC."""

    id: str
    created: str
    files: tuple[FileJob, ...]

    @property
    def done(self) -> bool:
        return all(file.status in _OVER for file in self.files)


class _Cancelled(Exception):
    """Ends the reading of a file."""


@dataclass(slots=True, eq=False)
class _Task:
    job: Job
    paths: tuple[Path, ...]
    password: str | None
    folder: Path | None  # to delete at the end
    cancelled: bool = False


class Jobs:
    """All jobs of a server. Safe in several threads.

    Args:
        workers: reading processes of one library; None means one per core.
        most_pages: of a document; 0 means without limit.
    """

    def __init__(self, *, workers: int | None = None, most_pages: int = 0) -> None:
        self._workers = workers
        self._most_pages = most_pages
        self._tasks: dict[Path, dict[str, _Task]] = {}
        self._waiting: dict[Path, deque[_Task]] = {}  # has the libraries whose thread runs
        self._lock = threading.Lock()

    def add(self, library: Path, files: Sequence[Path], *, password: str = "", remove: Path | None = None) -> Job:
        """Begin to add `files` to the library in the folder `library`, made when it is not there.

        Args:
            password: for encrypted files; "" means none.
            remove: a folder to delete when the job is over (of uploads).
        """
        files = tuple(dict.fromkeys(files))
        kinds = ", ".join(sorted(suffix[1:].upper() for suffix in SUFFIXES - {".jpeg", ".tiff"}))
        progress = tuple(
            FileJob(file.name)
            if file.suffix.lower() in SUFFIXES
            else FileJob(file.name, "failed", detail=f"is not a {kinds} file")
            for file in files
        )
        job = Job(secrets.token_hex(8), datetime.now(UTC).isoformat(timespec="seconds"), progress)
        task = _Task(job, files, password or None, remove)
        with self._lock:
            self._tasks.setdefault(library, {})[job.id] = task
            self._forget(library)
            running = library in self._waiting
            self._waiting.setdefault(library, deque()).append(task)
            if not running:
                threading.Thread(target=self._work, args=(library,), name="svrag-add", daemon=True).start()
        return job

    def list(self, library: Path) -> list[Job]:
        """The jobs of a library, the newest first."""
        with self._lock:
            return [task.job for task in reversed(self._tasks.get(library, {}).values())]

    def get(self, library: Path, job_id: str) -> Job:
        """
        Raises:
            InputError: no such job in this library.
        """
        return self._task(library, job_id).job

    def cancel(self, library: Path, job_id: str) -> Job:
        """Add nothing more of a job; what is added stays. A page that is being read is finished first.

        Raises:
            InputError: no such job in this library.
        """
        task = self._task(library, job_id)
        task.cancelled = True
        with self._lock:
            waits = task in self._waiting.get(library, ())
        if waits:  # its turn would come only after the jobs before it
            self._end(task, "cancelled")
        return task.job

    def running(self) -> int:
        """How many jobs of all libraries are not over."""
        with self._lock:
            return sum(not task.job.done for tasks in self._tasks.values() for task in tasks.values())

    def end(self) -> tuple[str, ...]:
        """Cut short whatever is read: the program is about to end. The names of the files that nobody will have read."""
        with self._lock:
            unread: tuple[str, ...] = ()
            for task in (task for tasks in self._tasks.values() for task in tasks.values() if not task.cancelled):
                task.cancelled = True
                unread += tuple(file.name for file in task.job.files if file.status not in _OVER)
        return unread

    # Inside ----------------------------------------------------------------------------------------------------------

    def _task(self, library: Path, job_id: str) -> _Task:
        with self._lock:
            task = self._tasks.get(library, {}).get(job_id)
        if task is None:
            raise InputError(f"unknown job {job_id!r}: the list of jobs shows which there are")
        return task

    def _forget(self, library: Path) -> None:
        over = [i for i, task in self._tasks[library].items() if task.job.done]
        for i in over[: max(0, len(over) - _KEPT)]:
            del self._tasks[library][i]

    def _work(self, library: Path) -> None:
        while True:
            with self._lock:
                if not self._waiting[library]:
                    del self._waiting[library]
                    return
                task = self._waiting[library].popleft()
            try:
                if task.cancelled:
                    self._end(task, "cancelled")
                else:
                    self._run(library, task)
            finally:
                if task.folder is not None:
                    shutil.rmtree(task.folder, ignore_errors=True)

    def _run(self, library: Path, task: _Task) -> None:
        numbers = {path: i for i, path in enumerate(task.paths) if task.job.files[i].status == "waiting"}

        def on_event(event: AddEvent) -> None:
            if event.status == "reading":
                if task.cancelled:
                    raise _Cancelled
                if 0 < self._most_pages < event.total_pages:
                    raise InputError(f"has {event.total_pages} pages: at most {self._most_pages} are allowed here")
            self._set(task, numbers[event.path], event)

        try:
            if numbers:
                with Library.open(library) as opened:
                    add_paths(opened, list(numbers), password=task.password, workers=self._workers, on_event=on_event)
        except _Cancelled:
            self._end(task, "cancelled")
        except SvragError as error:
            self._end(task, "failed", without_folders(str(error), [*task.paths, library.absolute(), library]))
        except Exception:
            self._end(task, "failed", "svrag has a defect here: the log of the server says which")
            _log.exception("adding files")

    def _set(self, task: _Task, number: int, event: AddEvent) -> None:
        old = task.job.files[number]
        if event.status == "skipped":
            reason = without_folders(event.detail, task.paths).removesuffix(" with --password")
            new = replace(old, status="failed", detail=reason)
        else:
            pages = event.total_pages or old.pages
            page = event.done_pages if event.total_pages else old.page
            new = replace(old, status=event.status, page=page, pages=pages, document_id=event.document_id)
        with self._lock:
            files = task.job.files
            task.job = replace(task.job, files=(*files[:number], new, *files[number + 1 :]))

    def _end(self, task: _Task, status: FileStatus, detail: str = "") -> None:
        """What is not over is over now."""
        with self._lock:
            files = (
                file if file.status in _OVER else replace(file, status=status, detail=detail)
                for file in task.job.files
            )
            task.job = replace(task.job, files=tuple(files))
