"""What a process knows of an index follows every change, and is what one that reads it for the first time knows."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from svrag.library.store import Library
from svrag.library.tokens import coarse, manifest, segments
from svrag.library.tokens.identity import Unit
from svrag.library.tokens.index import TokenIndex
from svrag.library.tokens.manifest import Manifest, Stage
from tests.library.tokens.made import DIMENSION, documents, draw, identity, scores, units

QUERY = draw(77, 6)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments and a coarse stage of few vectors."""
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 12_000)
    monkeypatch.setattr(coarse, "MANY_UNITS", 30)
    monkeypatch.setattr(coarse, "FEW_TOKENS", 2)
    monkeypatch.setattr(coarse, "_CAUGHT_UP", 40)


def known(library: Library) -> Manifest:
    found = manifest.current(library.connection, library.folder, "model")
    assert found is not None
    return found


def vectors(stage: Stage) -> list[bytes]:
    """The codes of each unit; b"" of one that is not in the stage."""
    places = zip(stage.piece.tolist(), stage.first.tolist(), stage.counts.tolist(), strict=True)
    return [
        stage.pieces[piece].rows["codes"][first : first + count].tobytes() if piece >= 0 else b""
        for piece, first, count in places
    ]


def told(found: Manifest) -> list[object]:
    arrays = (found.entries, found.firsts, found.document, found.position, found.page, found.type)
    return [
        found.row, found.lengths, found.documents, found.number, *(array.tolist() for array in arrays),
        vectors(found.fine), vectors(found.coarse),
    ]  # fmt: skip


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "add", "add", "empty", "remove", "compact", "look"]), st.integers(0, 5)),
    max_size=25,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_after_any_changes_it_is_what_a_first_look_finds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    with Library.open(folder / "library") as library:
        index = TokenIndex.open(library, identity(), create=True)
        ids = documents(library, folder, 6)
        for number, (step, which) in enumerate([*steps, ("look", 0)]):
            match step:
                case "add":
                    index.add(ids[which], units(library, ids[which], number))
                case "empty":
                    index.add(ids[which], [Unit(0, "text", 1, np.empty((0, DIMENSION), np.float32))])
                case "remove":
                    library.remove(ids[which])
                case "compact":
                    index.compact()
                case _:
                    followed = told(known(library))
                    was = dict(manifest._cache)
                    manifest._cache.clear()
                    assert followed == told(known(library))
                    manifest._cache.update(was)


def test_what_is_mapped_stays_and_pieces_are_few(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 1 << 30)
    index = TokenIndex.open(library, identity(), create=True)
    ids = documents(library, tmp_path, 40)
    index.add(ids[0], [Unit(0, "text", 1, draw(1, 1000))])
    first = known(library).fine.pieces[0]
    for seed, id in enumerate(ids[1:]):
        index.add(id, [Unit(0, "text", 1, draw(seed, 20))])
        assert known(library).fine.pieces[0] is first
        assert len(known(library).fine.pieces) <= 1 + 6  # 39 documents, in sizes that double
    library.remove(ids[5])
    assert known(library).fine.pieces[0] is first
    assert ids[5] not in known(library).documents


def test_another_library_in_its_place_is_told_apart(tmp_path: Path) -> None:
    for seed in (1, 2):
        with Library.open(tmp_path / "library") as library:
            index = TokenIndex.open(library, identity(), create=True)
            for id in documents(library, tmp_path, 3):
                index.add(id, units(library, id, seed))
            found = index.search(QUERY, k=1000)
            manifest._cache.clear() if seed == 2 else None
            assert scores(index.search(QUERY, k=1000)) == scores(found)
        shutil.rmtree(tmp_path / "library")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


@pytest.mark.skipif(os.name == "nt", reason="a mapped file cannot be cut there")
def test_a_file_that_was_cut_is_noticed_with_the_next_change(library: Library, tmp_path: Path) -> None:
    index = TokenIndex.open(library, identity(), create=True)
    for id in (ids := documents(library, tmp_path, 2)):
        index.add(id, units(library, id))
    piece = known(library).fine.pieces[0]
    assert piece.still_there()
    os.truncate(piece.files[0][0], 10)
    assert not piece.still_there()
    library.remove(ids[0])
    with pytest.raises(Exception, match="has 10 bytes of"):
        index.search(QUERY, k=3)
