"""A small library that the tests of the app share: read once, never changed."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from svrag.library.ingest import add_paths
from svrag.library.store import Library
from tests.documents_made import LINES, write_paper

HOSTILE = (
    "The glaze <script>window.attacked = 1</script> holds <img src=x onerror='window.attacked = 2'> cobalt "
    "${window.attacked = 3} and {{constructor}} in the amount of 12 percent."
)


def write_turned(path: Path) -> Path:
    """Two pages that a viewer turns by a quarter, with one line near the upper left corner of the unturned page."""
    with pymupdf.open() as document:
        for number in (1, 2):
            page = document.new_page(width=400, height=600)
            text = f"Lantern {number} of the eastern tower was lit with whale oil."
            page.insert_text((40, 70), text, fontsize=11)
            page.set_rotation(90)
        document.save(path)
    return path


@pytest.fixture(scope="session")
def library_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A paper of two pages, a paper that holds markup, and two turned pages."""
    files = tmp_path_factory.mktemp("files")
    folder = tmp_path_factory.mktemp("app") / "library"
    write_paper(files / "kiln.pdf", pages=2)
    write_paper(files / "hostile & <b>bold<b>.pdf", lines=(HOSTILE, LINES[1].replace("318", "402")))
    write_turned(files / "turned.pdf")
    with Library.open(folder) as library:
        report = add_paths(library, [files], workers=1)
    assert len(report.added) == 3
    return folder
