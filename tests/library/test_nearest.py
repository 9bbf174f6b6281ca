from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from svrag.library import nearest as module
from svrag.library.nearest import FOLDER, Nearest, nearest
from svrag.library.store import Library
from svrag.library.vectors import Vectors, entries
from tests.library.made import add, document

pytest.importorskip("faiss")
QUERY = np.random.default_rng(7).normal(size=8).astype(np.float32)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def put(library: Library, folder: Path, name: str, seed: int, count: int = 20) -> str:
    """A document with made-up vectors; its id."""
    made = add(library, folder, document(f"{name}.pdf", f"Kiln {name}."))
    draw = np.random.default_rng(seed)
    positions = np.sort(draw.integers(0, 9, size=count)).astype(np.int32)
    library.put_vectors("e", Vectors(made.id, positions, draw.normal(size=(count, 8)).astype(np.float16)))
    return made.id


def opened(library: Library) -> Nearest:
    found = nearest(library, "e", entries(library.connection, "e"))
    assert found is not None
    return found


def files(library: Library) -> list[Path]:
    return sorted((library.folder / FOLDER).iterdir())


def test_products_are_exact(library: Library, tmp_path: Path) -> None:
    ids = [put(library, tmp_path, str(n), n) for n in range(5)]
    index = opened(library)
    of, positions, scores = index.search(QUERY, 1000)
    assert (index.total, len(of)) == (100, 100)
    assert (np.diff(scores) <= 0).all()
    expected = {}
    for entry in entries(library.connection, "e"):
        made = library.vectors_of("e", entry.document_id)
        assert made is not None
        for position, score in zip(made.positions, made.vectors.astype(np.float32) @ QUERY, strict=True):
            expected.setdefault((entry.number, int(position)), []).append(float(score))
    found: dict[tuple[int, int], list[float]] = {}
    for number, position, score in zip(of.tolist(), positions.tolist(), scores.tolist(), strict=True):
        found.setdefault((number, position), []).append(score)
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert sorted(found[key]) == pytest.approx(sorted(values), abs=1e-5)
    assert len(ids) == len(index.entries)


def test_it_is_made_once_and_anew_when_much_has_changed(library: Library, tmp_path: Path) -> None:
    first = put(library, tmp_path, "first", 0)
    for n in range(20):
        put(library, tmp_path, str(n), n)
    before = opened(library)
    (file,) = files(library)
    written = file.stat().st_mtime_ns
    library.remove(first)
    put(library, tmp_path, "later", 99)
    assert opened(library).entries == before.entries, "a little has changed"
    assert file.stat().st_mtime_ns == written
    for n in range(100, 110):
        put(library, tmp_path, str(n), n)
    after = opened(library)
    assert after.entries == {entry.number for entry in entries(library.connection, "e")}
    assert files(library) == [file]


def test_numbers_of_entries_are_never_used_again(library: Library, tmp_path: Path) -> None:
    last = [put(library, tmp_path, str(n), n) for n in range(3)][-1]
    (*_, gone) = entries(library.connection, "e")
    library.remove(last)
    put(library, tmp_path, "new", 5)
    (*_, new) = entries(library.connection, "e")
    assert new.number > gone.number


@pytest.mark.parametrize("size", [0, 60])
def test_a_broken_file_is_made_anew(library: Library, tmp_path: Path, size: int) -> None:
    put(library, tmp_path, "a", 1)
    opened(library)
    (file,) = files(library)
    file.write_bytes(file.read_bytes()[:size])
    os.utime(file, ns=(1, 1))
    assert opened(library).total == 20


def test_what_a_killed_process_left_goes(library: Library, tmp_path: Path) -> None:
    put(library, tmp_path, "a", 1)
    folder = library.folder / FOLDER
    folder.mkdir()
    old, new = folder / ".making-old", folder / ".making-new"
    for left in (old, new):
        left.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert opened(library).total == 20
    assert not old.exists()
    assert new.exists(), "another process may be writing it"


def test_without_space_or_permission_there_is_none(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faiss

    put(library, tmp_path, "a", 1)

    def full(*_: object) -> None:
        raise RuntimeError("write error: No space left on device")

    with monkeypatch.context() as without:
        without.setattr(faiss, "write_index", full)
        assert nearest(library, "e", entries(library.connection, "e")) is None
        assert files(library) == []
    with monkeypatch.context() as without:
        without.setattr(module.os, "access", lambda *_: False)
        assert nearest(library, "e", entries(library.connection, "e")) is None
    assert opened(library).total == 20
