from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from svrag.app.jobs import Job, Jobs
from svrag.errors import InputError, LibraryError
from svrag.library.store import Library
from tests.documents_made import write_paper
from tests.patience import PATIENCE, until


def over(jobs: Jobs, library: Path, job: Job) -> Job:
    until(lambda: jobs.get(library, job.id).done)
    return jobs.get(library, job.id)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Reading waits for it."""
    from svrag.documents import reading

    event = threading.Event()
    read = reading.read

    def waiting(*arguments: object, progress: Callable[[int, int], None], **named: object) -> object:
        event.wait(PATIENCE)
        progress(0, 1)
        return read(*arguments, progress=progress, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "read", waiting)
    return event


def test_each_file_says_what_became_of_it(tmp_path: Path) -> None:
    library, jobs = tmp_path / "library", Jobs(workers=1)
    folder = tmp_path / "uploads"
    folder.mkdir()
    good = write_paper(folder / "kiln.pdf", pages=2)
    (folder / "notes.docx").write_text("words")
    (folder / "broken.pdf").write_text("no PDF")
    first = jobs.add(library, [good, folder / "notes.docx", folder / "broken.pdf", good], remove=folder)
    assert [file.status for file in first.files] == ["waiting", "failed", "waiting"]
    job = over(jobs, library, first)
    added, unknown, broken = job.files
    with Library.open(library) as opened:
        assert (added.status, added.page, added.pages) == ("added", 2, 2)
        assert added.document_id == opened.find("kiln.pdf").id
    assert (unknown.status, broken.status) == ("failed", "failed")
    assert "is not a" in unknown.detail
    assert broken.detail
    assert str(tmp_path) not in broken.detail
    until(lambda: not folder.exists())

    again = over(jobs, library, jobs.add(library, [write_paper(tmp_path / "kiln.pdf", pages=2)]))
    if again.files[0].status == "unchanged":  # the same bytes, unless the writer dates them
        assert again.files[0].document_id == added.document_id
    assert [job.id for job in jobs.list(library)] == [again.id, first.id]


def test_jobs_of_one_library_are_no_business_of_another(tmp_path: Path) -> None:
    jobs = Jobs(workers=1)
    job = jobs.add(tmp_path / "one", [tmp_path / "notes.txt"])
    assert job.done
    assert jobs.list(tmp_path / "two") == []
    for call in (jobs.get, jobs.cancel):
        with pytest.raises(InputError, match="unknown job"):
            call(tmp_path / "two", job.id)


def test_too_many_pages_are_refused_and_the_next_file_is_read(tmp_path: Path) -> None:
    jobs, library = Jobs(workers=1, most_pages=1), tmp_path / "library"
    files = [write_paper(tmp_path / "long.pdf", pages=2), write_paper(tmp_path / "short.pdf", pages=1)]
    long, short = over(jobs, library, jobs.add(library, files)).files
    assert (long.status, long.detail) == ("failed", "has 2 pages: at most 1 are allowed here")
    assert short.status == "added"


def test_cancelling_ends_what_runs_and_what_waits(tmp_path: Path, held: threading.Event) -> None:
    jobs, library = Jobs(workers=1), tmp_path / "library"
    running = jobs.add(library, [write_paper(tmp_path / "a.pdf")])
    waiting = jobs.add(library, [write_paper(tmp_path / "b.pdf")])
    assert jobs.running() == 2
    assert jobs.cancel(library, waiting.id).files[0].status == "cancelled"
    jobs.cancel(library, running.id)
    held.set()
    assert over(jobs, library, running).files[0].status == "cancelled"
    assert jobs.running() == 0
    with Library.open(library) as opened:
        assert opened.documents() == []


def test_the_end_of_the_program_cancels_everything(tmp_path: Path, held: threading.Event) -> None:
    jobs, library = Jobs(workers=1), tmp_path / "library"
    added = [jobs.add(library, [write_paper(tmp_path / name)]) for name in ("a.pdf", "b.pdf")]
    assert jobs.end() == ("a.pdf", "b.pdf")
    assert jobs.end() == (), "they are told of once"
    held.set()
    assert [over(jobs, library, job).files[0].status for job in added] == ["cancelled", "cancelled"]


def test_a_library_that_cannot_be_used_fails_the_job_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "library").write_text("no folder")
    jobs = Jobs(workers=1)
    job = over(jobs, tmp_path / "library", jobs.add(tmp_path / "library", [write_paper(tmp_path / "a.pdf")]))
    assert job.files[0].status == "failed"
    assert "is a file, not a folder" in job.files[0].detail
    assert str(tmp_path) not in job.files[0].detail


def test_a_defect_fails_the_job_and_not_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from svrag.app import jobs as module

    calls: list[int] = []

    def broken(*arguments: object, **named: object) -> None:
        calls.append(1)
        raise ZeroDivisionError if len(calls) == 1 else LibraryError("no space left")

    monkeypatch.setattr(module, "add_paths", broken)
    jobs, library = Jobs(workers=1), tmp_path / "library"
    files = [write_paper(tmp_path / "a.pdf")]
    first, second = jobs.add(library, files), jobs.add(library, files)
    assert "defect" in over(jobs, library, first).files[0].detail
    assert over(jobs, library, second).files[0].detail == "no space left"
