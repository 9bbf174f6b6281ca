from __future__ import annotations

from pathlib import Path

from svrag.app.uploads import unread, without_folders


def test_no_line_tells_where_a_file_lies() -> None:
    files = [Path("/srv/uploads/1/kiln (1) ü.pdf"), Path("/srv/library")]
    said = "/srv/uploads/1/kiln (1) ü.pdf is broken: no space left in /srv/library"
    assert without_folders(said, files) == "kiln (1) ü.pdf is broken: no space left in library"


def test_what_was_not_read_is_named_and_many_are_counted() -> None:
    assert unread(["a.pdf", "b.pdf"]) == "stopped before these were read: a.pdf, b.pdf: add them again"
    assert unread([f"{i}.pdf" for i in range(100)]).endswith(", 19.pdf and 80 more: add them again")
