"""A PDF is known by what is in it: its mark may be missing or late, and a name alone makes none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from svrag.documents.opening import open_pages
from svrag.errors import InputError
from tests.documents_made import write_paper


@pytest.mark.parametrize(("mark", "before"), [(b"%PDF-", b"%"), (b"", b"From: mail\n" * 200)])
def test_a_pdf_without_its_mark_or_with_other_lines_before_it_is_read(
    tmp_path: Path, mark: bytes, before: bytes
) -> None:
    path = write_paper(tmp_path / "paper.pdf", pages=2)
    path.write_bytes(before + path.read_bytes().removeprefix(mark))
    with open_pages(path) as document:
        assert document.page_count == 2
        assert "kiln" in document[0].get_text()


def test_other_files_are_not_taken_for_one(tmp_path: Path) -> None:
    paper = write_paper(tmp_path / "paper.pdf")
    with zipfile.ZipFile(tmp_path / "packed.pdf", "w") as packed:
        packed.write(paper, "paper.pdf")
    (tmp_path / "page.pdf").write_text("<html><body><p>1 0 obj begins an object</p></body></html>")
    (tmp_path / "text.pdf").write_text("The kiln is cold.\n" * 100)
    for name in ("packed.pdf", "page.pdf", "text.pdf"):
        with pytest.raises(InputError, match=f"{name} is not a PDF, whatever its name says"):
            open_pages(tmp_path / name)
