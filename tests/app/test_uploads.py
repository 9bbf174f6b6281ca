from __future__ import annotations

from pathlib import Path

import pytest

from svrag.app.uploads import Notice, add_uploads
from svrag.library.ingest import AddEvent
from svrag.library.store import Library
from tests.documents_made import write_encrypted, write_paper


def ignore(event: AddEvent) -> None:
    """Nobody is watching."""


def test_each_file_has_its_line_and_no_line_tells_where_it_lay(tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    page = uploads / "page.pdf"
    page.write_text("<html><body>no PDF</body></html>")
    strange = uploads / "notes.docx"
    strange.write_bytes(b"PK")
    secret = write_encrypted(uploads / "secret.pdf", "open")
    files = [write_paper(uploads / "kiln (1) ü.pdf"), page, strange, secret]
    events: list[AddEvent] = []
    notices = add_uploads(tmp_path / "library", files, password="", on_event=events.append)
    assert {(notice.name, notice.failed) for notice in notices} == {
        ("kiln (1) ü.pdf", False), ("page.pdf", True), ("notes.docx", True), ("secret.pdf", True)
    }  # fmt: skip
    assert Notice("kiln (1) ü.pdf", "added: 1 page") in notices
    assert Notice("secret.pdf", "is encrypted: give its password", failed=True) in notices
    assert not [notice for notice in notices if "/" in notice.text or "\n" in notice.text]
    reading = [event for event in events if event.status == "reading" and event.path.name.startswith("kiln")]
    assert (reading[-1].done_pages, reading[-1].total_pages) == (1, 1)

    (uploads / "kiln (1) ü.pdf").rename(uploads / "other.pdf")
    again = add_uploads(tmp_path / "library", [uploads / "other.pdf", secret], password="open", on_event=ignore)
    assert Notice("kiln (1) ü.pdf", "is in the library already") in again
    assert Notice("secret.pdf", "added: 1 page") in again
    with Library.open(tmp_path / "library") as library:
        assert [document.name for document in library.documents()] == ["kiln (1) ü.pdf", "secret.pdf"]


@pytest.mark.parametrize("made", [True, False])
def test_trouble_with_the_library_is_one_line(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "library"
    if made:
        folder.mkdir()
        (folder / "letter.txt").write_text("not a library")
    else:
        folder.write_text("a file")
    (notice,) = add_uploads(folder, [write_paper(tmp_path / "kiln.pdf")], password="", on_event=ignore)
    assert notice.failed
    assert notice.name == ""
    assert "--library" in notice.text


def test_nothing_to_read_opens_nothing(tmp_path: Path) -> None:
    (notice,) = add_uploads(tmp_path / "library", [tmp_path / "a.exe"], password="", on_event=ignore)
    assert notice.failed
    assert not (tmp_path / "library").exists()
