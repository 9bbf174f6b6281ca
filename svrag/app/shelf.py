"""What the library pane does: list, add, rename, tag, read again, remove. Each call opens the library for itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from svrag.app.jobs import Job, Jobs
from svrag.app.listing import Listed, jobs_html, notices_html
from svrag.app.markup import counted
from svrag.app.uploads import Notice
from svrag.documents.labels import without_label
from svrag.errors import InputError, SvragError
from svrag.library.catalogue import pages_read_by_ocr, rename, set_tags, tags
from svrag.library.rereading import reread
from svrag.library.store import Library

_EXAMPLE_LETTERS = 70


@dataclass(frozen=True)
class Shelf:
    """Libraries by their folders, and the jobs that add to them."""

    jobs: Jobs = field(default_factory=Jobs)

    def listed(self, folder: Path) -> list[Listed]:
        """All documents by name.

        Raises:
            LibraryError: the library cannot be read.
        """
        with Library.open(folder, create=False) as library:
            own, read = tags(library), pages_read_by_ocr(library)
            return [Listed(one, own.get(one.id, ()), read.get(one.id, 0)) for one in library.documents()]

    def add(self, folder: Path, files: Sequence[Path], password: str) -> Job:
        """Begin to add uploaded files, which are deleted when they are read.

        Raises:
            InputError: they cannot be kept until then; none is added.
        """
        uploads = Path(tempfile.mkdtemp(prefix="svrag-"))
        moved = []
        try:
            for number, file in enumerate(dict.fromkeys(files)):  # one that is given twice comes as one file
                own = uploads / str(number)  # files of the same name stay two
                own.mkdir()
                moved.append(Path(shutil.move(file, own / file.name)))
        except OSError as error:
            shutil.rmtree(uploads, ignore_errors=True)
            raise InputError(f"the files cannot be kept ({error.strerror}): add them again") from None
        return self.jobs.add(folder, moved, password=password, remove=uploads)

    def progress_html(self, folder: Path, watched: Collection[str]) -> tuple[str, bool]:
        """How far the jobs with these ids and all that run are, and whether any runs."""
        jobs = [job for job in self.jobs.list(folder) if job.id in watched or not job.done]
        return jobs_html(jobs), any(not job.done for job in jobs)

    def cancel(self, folder: Path, job: str) -> None:
        """Add nothing more of a job; one that is unknown by now is over."""
        try:
            self.jobs.cancel(folder, job)
        except InputError:
            return

    def save(self, folder: Path, document: str, name: str, words: str) -> str:
        """Give a document this name and these tags, which commas separate; one line on it."""

        def work(library: Library) -> Notice:
            rename(library, document, name)
            set_tags(library, document, words.split(","))
            return Notice(library.stored(document).name, "was saved")

        return _noticed(folder, work)

    def reread(self, folder: Path, document: str) -> str:
        """Read a document again; one line on it."""

        def work(library: Library) -> Notice:
            reread(library, document)
            stored = library.stored(document)
            return Notice(stored.name, f"was read again: {counted(stored.elements, 'element')}")

        return _noticed(folder, work)

    def remove(self, folder: Path, document: str) -> str:
        """Take a document out; one line on it."""

        def work(library: Library) -> Notice:
            stored = library.stored(document)
            library.remove(stored.id)
            return Notice(stored.name, "was removed")

        return _noticed(folder, work)


def examples(folder: Path, count: int = 4) -> list[str]:
    """Questions that the documents' own figures and tables suggest, one per document first.

    Raises:
        LibraryError: the library cannot be read.
    """
    with Library.open(folder, create=False) as library:
        suggested = []
        for document in library.documents()[: 2 * count]:
            labelled = [e for e in library.elements_of(document.id, ["figure", "table"]) if e.label and e.caption]
            suggested.append([_suggestion(element.label, element.caption) for element in labelled[:count]])
    in_turn = [questions[i] for i in range(count) for questions in suggested if i < len(questions)]
    return list(dict.fromkeys(in_turn))[:count]


def _suggestion(label: str, caption: str) -> str:
    said = without_label(" ".join(caption.split()))
    first = said.lstrip(" .:|–—-").split(". ")[0].rstrip(". ")
    if not first:
        return f"What does {label} show?"
    cut = first if len(first) <= _EXAMPLE_LETTERS else first[:_EXAMPLE_LETTERS].rsplit(" ", 1)[0] + "…"
    return f"What does {label} show about “{cut}”?"


def _noticed(folder: Path, work: Callable[[Library], Notice]) -> str:
    try:
        with Library.open(folder, create=False) as library:
            return notices_html([work(library)])
    except SvragError as error:
        return notices_html([Notice("", str(error), failed=True)])
