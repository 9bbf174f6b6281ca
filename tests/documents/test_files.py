from __future__ import annotations

from pathlib import Path

import pytest

from svrag.documents.files import find_documents, sha256_of
from svrag.errors import InputError


def test_folders_are_searched_through(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.PDF", "a.pdf", "sub/c.tiff", "notes.txt", ".hidden.pdf"):
        (tmp_path / name).write_bytes(b"x")
    found = find_documents(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.pdf", "b.PDF", "sub/c.tiff"]


def test_a_library_inside_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".svrag" / "files").mkdir(parents=True)
    (tmp_path / ".svrag" / "files" / "copy.pdf").write_bytes(b"x")
    (tmp_path / "own.pdf").write_bytes(b"x")
    assert find_documents(tmp_path) == [tmp_path / "own.pdf"]


@pytest.mark.parametrize(("name", "said"), [("none.pdf", "no such file"), ("notes.txt", "is not a document")])
def test_wrong_paths(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=said):
        find_documents(tmp_path / name)


def test_a_folder_without_documents(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no documents in the folder"):
        find_documents(tmp_path)


def test_a_folder_cannot_be_hashed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        sha256_of(tmp_path)
