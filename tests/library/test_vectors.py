from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from svrag.errors import LibraryError
from svrag.library import full_text, opening, schema
from svrag.library.store import Library
from svrag.library.tokens import compaction
from svrag.library.vectors import Vectors, entries
from tests.killing import killed
from tests.library.made import add, document


def made_up(document_id: str, seed: int, count: int = 9, dimension: int = 4) -> Vectors:
    draw = np.random.default_rng(seed)
    positions = np.sort(draw.integers(0, 5, size=count)).astype(np.int32)
    return Vectors(document_id, positions, draw.normal(size=(count, dimension)).astype(np.float16))


def same(a: Vectors | None, b: Vectors) -> bool:
    return a is not None and np.array_equal(a.positions, b.positions) and np.array_equal(a.vectors, b.vectors)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def test_vectors_come_back_as_they_were_for_each_encoder(library: Library, tmp_path: Path) -> None:
    first = add(library, tmp_path, document("a.pdf", "The kiln."))
    second = add(library, tmp_path, document("b.pdf", "The salt."))
    small, large = made_up(first.id, 1), made_up(first.id, 2, count=3, dimension=1024)
    library.put_vectors("small", small)
    library.put_vectors("large", large)
    assert same(library.vectors_of("small", first.id), small)
    assert same(library.vectors_of("large", first.id), large)
    assert library.vectors_of("small", second.id) is None
    assert (library.encoded_by("small"), library.encoded_by("other")) == ({first.id}, set())
    again = made_up(first.id, 3, count=1)
    library.put_vectors("small", again)
    assert same(library.vectors_of("small", first.id), again)


def test_a_document_without_words_counts_as_encoded(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("a.pdf"))
    library.put_vectors("e", Vectors(made.id, np.empty(0, np.int32), np.empty((0, 4), np.float16)))
    assert library.encoded_by("e") == {made.id}
    kept = library.vectors_of("e", made.id)
    assert kept is not None
    assert kept.vectors.shape == (0, 4)


def test_vectors_go_with_their_document(library: Library, tmp_path: Path) -> None:
    removed = add(library, tmp_path, document("a.pdf", "The kiln."))
    changed = add(library, tmp_path, document("b.pdf", "The salt."))
    kept = add(library, tmp_path, document("c.pdf", "The bowls."))
    for made in (removed, changed, kept):
        library.put_vectors("e", made_up(made.id, 1))
    library.remove(removed.id)
    add(library, tmp_path, document("b.pdf", "The ash."))
    assert library.encoded_by("e") == {kept.id}
    library.put_vectors("e", made_up(removed.id, 1))  # it was encoded while somebody removed it
    assert library.encoded_by("e") == {kept.id}
    with sqlite3.connect(library.folder / "library.db") as connection:
        assert connection.execute("SELECT count(*) FROM vectors").fetchone() == (1,)


def test_positions_are_those_of_the_elements(library: Library, tmp_path: Path) -> None:
    add(library, tmp_path, document("a.pdf", "The kiln."))
    made = add(library, tmp_path, document("b.pdf", *(f"Sentence {i}." for i in range(400))))
    ids = [element.id for element in library.elements_of(made.id)]
    wanted = list(range(0, len(ids), 1))
    assert len(wanted) > 700  # more than one statement
    assert library.ids_at(made.id, wanted) == dict(enumerate(ids))
    assert library.ids_at("0" * 12, wanted) == {}


def test_a_library_of_version_1_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        before.setattr(schema, "SCHEMA_VERSION", 1)
        before.setattr(opening, "SCHEMA_VERSION", 1)
        before.setattr(compaction, "tidy", lambda library: None)  # there were no token vectors
        with Library.open(tmp_path / "library") as library:
            made = add(library, tmp_path, document("a.pdf", "The kiln was fired."))
            library.set_setting("name", "pottery")
            stored, graph = library.documents(), library.graph(made.id)
    with sqlite3.connect(tmp_path / "library" / "library.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    with Library.open(tmp_path / "library") as library:
        assert library.documents() == stored
        assert library.document(made.id) == made
        assert library.graph(made.id) == graph
        assert library.setting("name") == "pottery"
        assert full_text.match(library, ["kiln"])
        assert library.encoded_by("e") == set()
        library.put_vectors("e", made_up(made.id, 1))
        assert same(library.vectors_of("e", made.id), made_up(made.id, 1))


def test_a_library_from_before_entries_had_numbers_for_good_keeps_its_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_it = next(n for n, script in enumerate(schema.MIGRATIONS) if "numbered_vectors" in script)
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:before_it])
        before.setattr(schema, "SCHEMA_VERSION", before_it)
        before.setattr(opening, "SCHEMA_VERSION", before_it)
        with Library.open(tmp_path / "library") as library:
            ids = [add(library, tmp_path, document(f"{n}.pdf", f"The kiln {n}.")).id for n in range(3)]
            for n, one in enumerate(ids):
                library.put_vectors("e", made_up(one, n))
    with Library.open(tmp_path / "library") as library:
        assert all(same(library.vectors_of("e", one), made_up(one, n)) for n, one in enumerate(ids))
        numbers = [entry.number for entry in entries(library.connection, "e")]
        library.remove(ids[2])
        assert library.encoded_by("e") == set(ids[:2])
        library.put_vectors("f", made_up(ids[0], 7))
        assert entries(library.connection, "f")[0].number > max(numbers)


def test_an_older_svrag_does_not_touch_it(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "SCHEMA_VERSION", 1)
    with pytest.raises(LibraryError, match="upgrade svrag"):
        Library.open(library.folder)


ENCODE_FOR_EVER = """
import sys
from pathlib import Path
from svrag.library.store import Library
from tests.library.test_vectors import made_up
with Library.open(Path(sys.argv[1])) as library:
    ids = sorted(document.id for document in library.documents())
    print("ready", flush=True)
    for seed in range(10_000):
        for i in ids:
            library.put_vectors("e", made_up(i, seed, count=2000, dimension=384))
            print(i, seed, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment(library: Library, tmp_path: Path, seed: int) -> None:
    for i in range(3):
        add(library, tmp_path, document(f"{i}.pdf", f"The kiln {i}."))
    library.close()
    printed = killed(ENCODE_FOR_EVER, str(library.folder), after=random.Random(seed).uniform(0.05, 0.9))
    said = [line.split() for line in printed.splitlines()]
    with Library.open(library.folder) as again:
        for stored in again.documents():
            told = max((int(seed) for i, seed in said[:-1] if i == stored.id), default=-1)
            kept = again.vectors_of("e", stored.id)
            # What was stored last, or what was being stored after it: always one of the two as a whole.
            whole = [made_up(stored.id, n, count=2000, dimension=384) for n in (told, told + 1) if n >= 0]
            assert any(same(kept, one) for one in whole) or (kept is None and told < 0)
