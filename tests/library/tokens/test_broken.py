from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from svrag.errors import LibraryError
from svrag.library import opening, schema
from svrag.library.store import Library
from svrag.library.tokens import compaction
from svrag.library.tokens.index import TokenIndex, drop
from tests.library.made import add, document
from tests.library.tokens.made import documents, draw, identity, scores, units

QUERY = draw(77, 6)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def filled(library: Library, folder: Path, count: int = 3) -> tuple[TokenIndex, list[str]]:
    index = TokenIndex.open(library, identity(), create=True)
    ids = documents(library, folder, count)
    for seed, id in enumerate(ids):
        index.add(id, units(library, id, seed))
    return index, ids


def test_no_space(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, ids = filled(library, tmp_path)
    before = scores(index.search(QUERY, k=1000))
    left = scores(index.search(QUERY, k=1000, documents=ids[:1]))
    segment = library.folder / "tokens" / "1" / "1.codes"
    size = segment.stat().st_size
    with monkeypatch.context() as full:

        def fail(handle: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr(os, "fsync", fail)
        with pytest.raises(LibraryError, match=r"no space left in .*: free some and run the command again"):
            index.add(ids[0], units(library, ids[0], 8))
        assert scores(index.search(QUERY, k=1000)) == before
        assert segment.stat().st_size == size
        library.remove(ids[1])
        library.remove(
            ids[2]
        )  # more than half is dead, and there is no room to compact it: removing works all the same
        assert segment.stat().st_size == size
        with pytest.raises(LibraryError, match="no space left"):
            index.compact()
    assert scores(index.search(QUERY, k=1000)) == left
    index.compact()
    assert scores(index.search(QUERY, k=1000)) == left


@pytest.mark.parametrize("damage", ["removed", "cut"])
def test_a_broken_segment_is_told_and_the_documents_stay(library: Library, tmp_path: Path, damage: str) -> None:
    _, ids = filled(library, tmp_path)
    segment = library.folder / "tokens" / "1" / "1.codes"
    if damage == "removed":
        segment.unlink()
    else:
        os.truncate(segment, segment.stat().st_size // 2)
    library.close()
    with Library.open(tmp_path / "library") as again:
        index = TokenIndex.open(again, identity(), create=True)
        how = r"1\.codes (is missing|has \d+ bytes of \d+): restore it, or .*svrag add PATH --retriever NAME --reindex"
        with pytest.raises(LibraryError, match=how):
            index.search(QUERY, k=10)
        with pytest.raises(LibraryError, match=how):
            index.add(ids[0], units(again, ids[0]))
        again.remove(ids[1])
        with pytest.raises(LibraryError, match=how):
            index.compact()
        assert again.document(ids[0])
        assert index.documents() == {ids[0], ids[2]}
        # What the message says to do.
        drop(again, "model")
        index = TokenIndex.open(again, identity(), create=True)
        index.add(ids[0], units(again, ids[0]))
        assert {id for id, _ in scores(index.search(QUERY, k=1000))} == {ids[0]}


def test_something_else_in_the_place_of_the_folder(library: Library, tmp_path: Path) -> None:
    index = TokenIndex.open(library, identity(), create=True)
    (id,) = documents(library, tmp_path, 1)
    (library.folder / "tokens").write_text("somebody's own")
    with pytest.raises(LibraryError, match=r"cannot use .*library"):
        index.add(id, units(library, id))
    assert index.documents() == set()
    assert (library.folder / "tokens").read_text() == "somebody's own"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(library: Library, tmp_path: Path) -> None:
    index, ids = filled(library, tmp_path)
    before = scores(index.search(QUERY, k=1000))
    library.close()
    places = [library.folder / "tokens" / "1" / "1.codes", library.folder / "tokens" / "1", library.folder]
    modes = [place.stat().st_mode for place in places]
    for place in places:
        place.chmod(0o500 if place.is_dir() else 0o400)
    try:
        with Library.open(tmp_path / "library", create=False) as again:
            index = TokenIndex.open(again, identity(), create=True)
            assert scores(index.search(QUERY, k=1000)) == before
            with pytest.raises(LibraryError, match="read-only"):
                index.add(ids[0], units(again, ids[0]))
    finally:
        for place, mode in zip(places, modes, strict=True):
            place.chmod(mode)


def test_permission_denied_is_told(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, ids = filled(library, tmp_path)
    before = scores(index.search(QUERY, k=1000))

    def refuse(self: Path, mode: str = "r", *rest: object) -> object:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as closed:
        closed.setattr(Path, "open", refuse)
        with pytest.raises(LibraryError, match="read-only or belongs to someone else"):
            index.add(ids[0], units(library, ids[0]))
    assert scores(index.search(QUERY, k=1000)) == before


def test_a_library_of_version_2_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        before.setattr(schema, "SCHEMA_VERSION", 2)
        before.setattr(opening, "SCHEMA_VERSION", 2)
        before.setattr(compaction, "tidy", lambda library: None)  # there were no token vectors
        with Library.open(tmp_path / "library") as library:
            made = add(library, tmp_path, document("a.pdf", "The kiln was fired."))
            library.set_setting("name", "pottery")
            stored, graph = library.documents(), library.graph(made.id)
    with sqlite3.connect(tmp_path / "library" / "library.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    with Library.open(tmp_path / "library") as library:
        assert library.documents() == stored
        assert library.document(made.id) == made
        assert library.graph(made.id) == graph
        assert library.setting("name") == "pottery"
        index = TokenIndex.open(library, identity(), create=True)
        index.add(made.id, units(library, made.id))
        assert set(index.search(QUERY, k=1000).documents) == {made.id}
