from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from svrag.library.store import Library
from svrag.library.tokens import coarse, manifest
from svrag.library.tokens.identity import Precision, Unit
from svrag.library.tokens.index import TokenIndex
from svrag.library.tokens.manifest import Manifest
from tests.library.tokens.made import DIMENSION, documents, identity, normalised, scores

TOKENS = 40
PER_DOCUMENT = 40


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr(coarse, "MANY_UNITS", 200)
    monkeypatch.setattr(coarse, "SHARES", (0.05, 0.1, 0.15))
    return Library.open(tmp_path / "library")


def unit(seed: int, alike: bool = True) -> NDArray[np.float32]:
    """Tokens around five directions of the unit's own, which pooling by eight keeps; or anywhere."""
    draw = np.random.default_rng(seed)
    noise = draw.normal(size=(TOKENS, DIMENSION))
    return normalised(draw.normal(size=(5, DIMENSION))[np.arange(TOKENS) % 5] + 0.1 * noise if alike else noise)


def question(seed: int) -> NDArray[np.float32]:
    return unit(seed)[:5]


def fill(library: Library, folder: Path, ids: list[str], index: TokenIndex, *, alike: bool = True) -> None:
    for number, id in enumerate(ids):
        seeds = range(1000 * number, 1000 * number + PER_DOCUMENT)
        index.add(id, [Unit(i, "text", 1, unit(seed, alike)) for i, seed in enumerate(seeds)])


def known(library: Library) -> Manifest:
    found = manifest.current(library.connection, library.folder, "model")
    assert found is not None
    return found


@pytest.mark.parametrize("precision", ["int8", "float16"])
def test_switches_itself_on_when_there_are_many(library: Library, tmp_path: Path, precision: Precision) -> None:
    index = TokenIndex.open(library, identity(precision=precision), create=True)
    ids = documents(library, tmp_path, 8)
    fill(library, tmp_path, ids[:4], index)
    assert known(library).coarse.pieces == []  # few: no room taken, no work done
    fill(library, tmp_path, ids, index)
    now = known(library)
    assert np.all(now.coarse.piece >= 0)
    assert now.row.candidates in [round(share * now.row.checked) for share in coarse.SHARES]
    sizes = [sum(piece.end - piece.start for piece in stage.pieces) for stage in (now.coarse, now.fine)]
    assert sizes[0] * 8 == len(now.document) * TOKENS <= sizes[1]
    everything = np.arange(len(now.document))
    for seed in (3, 2007, 7039):
        narrowed = coarse.narrowed(now, everything, question(seed), 3)
        assert now.row.candidates <= len(narrowed) < len(everything) // 4
        found = index.search(question(seed), k=3)
        assert (found.documents[0], found.positions[0]) == (ids[seed // 1000], seed % 1000)
    few = everything[:100]
    assert coarse.narrowed(now, few, question(1), 3) is few  # a restricted search looks at all it may
    assert len(index.search(question(1), k=200).documents) == 200  # and so does one for most of what there is


def test_signs_are_pooled_too(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coarse, "SHARES", (0.25,))
    index = TokenIndex.open(library, identity(precision="binary"), create=True)
    ids = documents(library, tmp_path, 7)
    fill(library, tmp_path, ids, index)
    now = known(library)
    shapes = [piece.rows["codes"].shape for piece in now.coarse.pieces]
    assert sum(rows for rows, _ in shapes) == 7 * PER_DOCUMENT * TOKENS // 8
    assert {width for _, width in shapes} == {DIMENSION // 8}
    assert now.row.candidates == round(0.25 * now.row.checked)
    for seed in (3, 2007, 6039):
        found = index.search(question(seed), k=3)
        assert (found.documents[0], found.positions[0]) == (ids[seed // 1000], seed % 1000)


def test_what_it_finds_has_the_scores_of_a_full_scan(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = TokenIndex.open(library, identity(), create=True)
    fill(library, tmp_path, documents(library, tmp_path, 6), index)
    narrowed = [index.search(question(seed), k=3) for seed in (5, 3010)]
    monkeypatch.setattr(coarse, "MANY_UNITS", 10**9)
    full = [index.search(question(seed), k=1000) for seed in (5, 3010)]
    for some, everything in zip(narrowed, full, strict=True):
        assert scores(some).items() <= scores(everything).items()


def test_stays_off_where_pooled_vectors_say_too_little(library: Library, tmp_path: Path) -> None:
    index = TokenIndex.open(library, identity(), create=True)
    ids = documents(library, tmp_path, 12)
    fill(library, tmp_path, ids[:6], index, alike=False)
    row = known(library).row
    assert (row.checked > 0, row.candidates) == (True, 0)
    checked = row.checked
    index.add(ids[6], [Unit(0, "text", 1, unit(1))])
    assert known(library).row.checked == checked  # it is tried again when there is twice as much
    fill(library, tmp_path, ids, index, alike=False)
    assert known(library).row.checked >= 2 * checked


def test_units_of_few_tokens_have_none(library: Library, tmp_path: Path) -> None:
    index = TokenIndex.open(library, identity(), create=True)
    (id,) = documents(library, tmp_path, 1)
    index.add(id, [Unit(i, "text", 1, unit(i)[:20]) for i in range(300)])
    assert known(library).coarse.pieces == []


def test_documents_come_and_go(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = TokenIndex.open(library, identity(), create=True)
    ids = documents(library, tmp_path, 9)
    fill(library, tmp_path, ids[:7], index)
    assert known(library).row.candidates
    library.remove(ids[2])
    assert ids[2] not in index.search(question(2005), k=3).documents
    library.remove(ids[0])
    index.compact()
    found = index.search(question(5003), k=3)
    assert (found.documents[0], found.positions[0]) == (ids[5], 3)
    with monkeypatch.context() as killed:  # between a document's vectors and its pooled ones
        killed.setattr(coarse, "catch_up", lambda *arguments: None)
        index.add(ids[7], [Unit(i, "text", 1, unit(7000 + i)) for i in range(PER_DOCUMENT)])
    assert np.any(known(library).coarse.piece < 0)
    found = index.search(question(7011), k=3)
    assert (found.documents[0], found.positions[0]) == (ids[7], 11)
    index.add(ids[8], [Unit(0, "text", 1, unit(8000))])
    assert np.all(known(library).coarse.piece >= 0)
