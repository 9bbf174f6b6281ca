from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from svrag.library import sparse
from svrag.library.sparse import SparseVectors
from svrag.library.store import Library
from tests.killing import killed
from tests.library.made import add, document


def made_up(document_id: str, seed: int, count: int = 40) -> SparseVectors:
    """Weights of four passages for terms 0 to 29."""
    draw = np.random.default_rng(seed)
    places = draw.choice(4 * 30, size=count, replace=False)
    positions = np.sort(draw.integers(0, 3, size=4)).astype(np.int32)
    weights = draw.uniform(0.1, 3, size=count).astype(np.float16)
    return SparseVectors(
        document_id, positions, (places // 30).astype(np.int32), (places % 30).astype(np.int32), weights
    )


def put(library: Library, encoder: str, made: SparseVectors) -> None:
    with library.transaction() as connection:
        sparse.put(connection, encoder, made)


def kept(library: Library, encoder: str) -> dict[str, dict[tuple[int, int], float]]:
    """What the index holds: weights by passage and term, of each document."""
    entries = {entry.number: entry for entry in sparse.entries(library.connection, encoder)}
    found: dict[str, dict[tuple[int, int], float]] = {entry.document_id: {} for entry in entries.values()}
    for term in range(30):
        postings = sparse.postings(library.connection, encoder, term)
        owners = np.repeat(postings.entries, postings.counts)
        for owner, passage, weight in zip(owners, postings.passages, postings.weights, strict=True):
            found[entries[int(owner)].document_id][int(passage), term] = float(weight)
    return found


def as_kept(made: SparseVectors) -> dict[tuple[int, int], float]:
    return {
        (int(passage), int(term)): float(weight)
        for passage, term, weight in zip(made.passages, made.terms, made.weights, strict=True)
    }


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def test_postings_are_the_weights_of_each_encoder(library: Library, tmp_path: Path) -> None:
    first = add(library, tmp_path, document("a.pdf", "The kiln."))
    second = add(library, tmp_path, document("b.pdf", "The salt."))
    one, two, other = made_up(first.id, 1), made_up(second.id, 2), made_up(first.id, 3)
    put(library, "e", one)
    put(library, "e", two)
    put(library, "f", other)
    assert kept(library, "e") == {first.id: as_kept(one), second.id: as_kept(two)}
    assert kept(library, "f") == {first.id: as_kept(other)}
    assert kept(library, "nobody") == {}
    entry = sparse.entries(library.connection, "e")[0]
    assert np.array_equal(entry.positions, one.positions)
    again = made_up(first.id, 4)
    put(library, "e", again)
    assert kept(library, "e")[first.id] == as_kept(again)


def test_a_document_without_words_counts_as_encoded(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("a.pdf"))
    none = np.empty(0, np.int32)
    put(library, "e", SparseVectors(made.id, none, none, none, np.empty(0, np.float16)))
    assert sparse.encoded(library.connection, "e") == {made.id}


def test_postings_go_with_their_document(library: Library, tmp_path: Path) -> None:
    removed, stays = (add(library, tmp_path, document(f"{n}.pdf", f"Kiln {n}.")) for n in range(2))
    for made in (removed, stays):
        put(library, "e", made_up(made.id, 1))
    library.remove(removed.id)
    put(library, "e", made_up(removed.id, 2))  # it was encoded while somebody removed it
    assert kept(library, "e") == {stays.id: as_kept(made_up(stays.id, 1))}
    with sqlite3.connect(library.folder / "library.db") as connection:
        (rows,) = connection.execute("SELECT count(*) FROM sparse_postings").fetchone()
    assert rows == len(set(made_up(stays.id, 1).terms.tolist()))


ENCODE_FOR_EVER = """
import sys
from pathlib import Path
from svrag.library.store import Library
from tests.library.test_sparse import made_up, put
with Library.open(Path(sys.argv[1])) as library:
    ids = sorted(document.id for document in library.documents())
    print("ready", flush=True)
    for seed in range(10_000):
        for i in ids:
            put(library, "e", made_up(i, seed, count=100))
            print(i, seed, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_moment(library: Library, tmp_path: Path, seed: int) -> None:
    for i in range(3):
        add(library, tmp_path, document(f"{i}.pdf", f"The kiln {i}."))
    library.close()
    printed = killed(ENCODE_FOR_EVER, str(library.folder), after=random.Random(seed).uniform(0.05, 0.6))
    said = [line.split() for line in printed.splitlines()]
    with Library.open(library.folder) as again:
        found = kept(again, "e")
        for stored in again.documents():
            told = max((int(seed) for i, seed in said[:-1] if i == stored.id), default=-1)
            whole = [as_kept(made_up(stored.id, n, count=100)) for n in (told, told + 1) if n >= 0]
            assert found.get(stored.id) in whole or (stored.id not in found and told < 0)
