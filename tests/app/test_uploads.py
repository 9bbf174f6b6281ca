from __future__ import annotations

from pathlib import Path

from svrag.app.uploads import without_folders


def test_no_line_tells_where_a_file_lies() -> None:
    files = [Path("/srv/uploads/1/kiln (1) ü.pdf"), Path("/srv/library")]
    said = "/srv/uploads/1/kiln (1) ü.pdf is broken: no space left in /srv/library"
    assert without_folders(said, files) == "kiln (1) ü.pdf is broken: no space left in library"
