from __future__ import annotations

import threading
from pathlib import Path

import pytest

from svrag.library.store import Library
from svrag.library.tokens import compaction, manifest, segments
from svrag.library.tokens.identity import Precision
from svrag.library.tokens.index import TokenIndex
from tests.library.tokens.made import DIMENSION, NEAR, documents, draw, identity, scores, units

QUERY = draw(77, 6)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def filled(library: Library, folder: Path, count: int, precision: Precision = "int8") -> tuple[TokenIndex, list[str]]:
    index = TokenIndex.open(library, identity(precision=precision), create=True)
    ids = documents(library, folder, count)
    for seed, id in enumerate(ids):
        index.add(id, units(library, id, seed))
    return index, ids


def files(library: Library) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in (library.folder / "tokens" / "1").iterdir()}


def vectors(library: Library) -> int:
    return int(library.connection.execute("SELECT coalesce(sum(vectors), 0) FROM token_ranges").fetchone()[0])


@pytest.mark.parametrize("precision", ["int8", "float16", "binary"])
def test_leaves_the_same_vectors_and_no_others(library: Library, tmp_path: Path, precision: Precision) -> None:
    index, ids = filled(library, tmp_path, 5, precision)
    library.remove(ids[1])
    library.remove(ids[3])
    before = scores(index.search(QUERY, k=1000))
    size = sum(files(library).values())
    index.compact()
    assert scores(index.search(QUERY, k=1000)) == before
    width = {"int8": DIMENSION, "float16": 3 * DIMENSION, "binary": DIMENSION // 8}[precision]
    assert sum(files(library).values()) == vectors(library) * width < size
    left = files(library)
    index.compact()  # there is nothing to do
    assert files(library) == left
    index.add(ids[0], units(library, ids[0]))
    assert scores(index.search(QUERY, k=1000)).keys() == before.keys()


def test_happens_by_itself_when_more_than_half_is_dead(library: Library, tmp_path: Path) -> None:
    index, ids = filled(library, tmp_path, 6)
    for gone, id in enumerate(ids, start=1):
        library.remove(id)
        (size,) = files(library).values() or (0,)
        assert size <= 2 * vectors(library) * DIMENSION or gone == len(ids)
        assert set(index.search(QUERY, k=1000).documents) == set(ids[gone:])
        if gone == len(ids) - 1:
            break
    library.remove(ids[-1])
    assert files(library) == {}
    id = documents(library, tmp_path, 7)[-1]
    for seed in range(10):  # what is replaced is dead too
        index.add(id, units(library, id, seed))
        assert sum(files(library).values()) <= 2 * vectors(library) * DIMENSION


def test_many_segments(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 4000)
    monkeypatch.setattr(compaction, "_COPIED_BYTES", 1000)
    index, ids = filled(library, tmp_path, 9)
    assert len(files(library)) > 3
    assert max(files(library).values()) <= 4000
    everything = scores(index.search(QUERY, k=1000))
    assert {id for id, _ in everything} == set(ids)
    left = scores(index.search(QUERY, k=1000, documents=ids[1::2]))
    for id in ids[::2]:
        library.remove(id)
    assert scores(index.search(QUERY, k=1000)) == left
    index.compact()
    assert scores(index.search(QUERY, k=1000)) == left
    assert sum(files(library).values()) == vectors(library) * DIMENSION
    assert max(files(library).values()) <= 4000


def test_a_reader_goes_on_with_what_it_has_mapped(library: Library, tmp_path: Path) -> None:
    index, ids = filled(library, tmp_path, 4)
    before = index.search(QUERY, k=1000)
    with Library.open(library.folder) as other:
        known = manifest.current(other.connection, other.folder, "model")
        assert known is not None
        rows = [piece.rows["codes"].copy() for piece in known.fine.pieces]
        library.remove(ids[0])
        index.compact()
        index.add(ids[1], units(library, ids[1], 9))
        assert all((a == piece.rows["codes"]).all() for a, piece in zip(rows, known.fine.pieces, strict=True))
        theirs = TokenIndex.open(other, identity(), create=False).search(QUERY, k=1000)
        assert scores(theirs) == scores(index.search(QUERY, k=1000)) != scores(before)


def test_searching_while_others_add_remove_and_compact(library: Library, tmp_path: Path) -> None:
    index, ids = filled(library, tmp_path, 4)
    stays = ids[2]
    wanted = scores(index.search(QUERY, k=1000, documents=[stays]))
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        with Library.open(library.folder, create=False) as own:
            reader = TokenIndex.open(own, identity(), create=False)
            while not stop.is_set():
                found = scores(reader.search(QUERY, k=1000))
                own_scores = {key: score for key, score in found.items() if key[0] == stays}
                if own_scores != pytest.approx(wanted, abs=NEAR):
                    wrong.append(found)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for seed in range(6):
            index.add(ids[seed % 2], units(library, ids[seed % 2], 100 + seed))
            index.compact()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong


def test_what_nothing_names_is_cleared_away(library: Library, tmp_path: Path) -> None:
    index, ids = filled(library, tmp_path, 2)
    folder = library.folder / "tokens"
    (folder / "1" / "77.codes").write_bytes(b"begun by a killed process")
    (folder / "12").mkdir()
    (folder / "12" / "1.codes").write_bytes(b"of an index that is gone")
    (folder / "1" / "notes.txt").write_text("somebody's own")
    before = scores(index.search(QUERY, k=1000))
    TokenIndex.open(library, identity(), create=True).add(ids[0], units(library, ids[0]))
    assert {path.name for path in folder.iterdir()} == {"1"}
    assert set(files(library)) == {"1.codes", "notes.txt"}
    assert scores(index.search(QUERY, k=1000)) == before


def test_an_unfinished_tail_is_overwritten(library: Library, tmp_path: Path) -> None:
    index, _ = filled(library, tmp_path, 2)
    before = scores(index.search(QUERY, k=1000))
    with (library.folder / "tokens" / "1" / "1.codes").open("ab") as file:
        file.write(b"x" * 5000)
    assert scores(index.search(QUERY, k=1000)) == before
    id = documents(library, tmp_path, 3)[-1]
    index.add(id, units(library, id, 2))
    again = scores(index.search(QUERY, k=1000))
    fresh = Library.open(tmp_path / "other")
    assert again == scores(filled(fresh, tmp_path, 3)[0].search(QUERY, k=1000))
