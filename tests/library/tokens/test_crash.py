"""A process that adds, removes and compacts is killed at any moment: nothing acknowledged is lost, nothing half there."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from svrag.library.store import Library
from svrag.library.tokens import manifest
from svrag.library.tokens.identity import Precision
from svrag.library.tokens.index import TokenIndex
from svrag.library.tokens.storing import written
from tests.killing import killed
from tests.library.tokens.made import documents, identity, units

WORK_FOR_EVER = """
import sys
from pathlib import Path
from svrag.library.store import Library
from svrag.library.tokens import segments
from svrag.library.tokens.index import TokenIndex
from tests.library.tokens.made import identity, units
segments.SEGMENT_BYTES = 20_000
with Library.open(Path(sys.argv[1])) as library:
    index = TokenIndex.open(library, identity(precision=sys.argv[2]), create=True)
    ids = sorted(document.id for document in library.documents())
    print("ready", flush=True)
    for seed in range(1, 10_000):
        id = ids[seed % 3]
        index.add(id, units(library, id, seed, longest=60))
        print(id, seed, flush=True)
        if seed % 4 == 3:
            index.compact()
        if seed == 40:
            library.remove(ids[3])
            print(ids[3], 0, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
@pytest.mark.parametrize(("seed", "precision"), [(1, "int8"), (2, "float16"), (3, "int8"), (4, "binary"), (5, "int8")])
def test_killed_at_any_moment(tmp_path: Path, seed: int, precision: Precision) -> None:
    with Library.open(tmp_path / "library") as library:
        ids = sorted(documents(library, tmp_path, 5))
        index = TokenIndex.open(library, identity(precision=precision), create=True)
        for id in ids:
            index.add(id, units(library, id, 0, longest=60))
    printed = killed(WORK_FOR_EVER, str(tmp_path / "library"), precision, after=random.Random(seed).uniform(0.02, 0.6))
    said = [line.split() for line in printed.rpartition("\n")[0].splitlines()]
    told = {id: int(made) for id, made in said}
    last = max(told.values(), default=0)
    removed = told.pop(ids[3], None) == 0
    with Library.open(tmp_path / "library") as library:
        index = TokenIndex.open(library, identity(precision=precision), create=True)
        stored = index.documents()
        assert {ids[0], ids[1], ids[2], ids[4]} <= stored
        assert not (removed and ids[3] in stored)
        known = manifest.current(library.connection, library.folder, "model")
        assert known is not None
        # Each is as it was acknowledged, or as the operation that was under way would have left it: nothing between.
        for number, id in enumerate(known.documents):
            own = slice(known.firsts[number], known.firsts[number + 1])
            candidates = {told.get(id, 0)} | ({last + 1} if ids[(last + 1) % 3] == id else set())
            wanted = [written(units(library, id, made, longest=60), index.identity) for made in candidates]
            counts = known.fine.counts[own].astype("<u4").tobytes()
            (made,) = [one for one in wanted if one.counts == counts]
            for kind, data in made.data.items():
                rows = known.fine.pieces[known.fine.piece[own][0]].rows[kind]
                first, last_row = known.fine.first[own][0], known.fine.first[own][-1] + known.fine.counts[own][-1]
                assert rows[first:last_row].tobytes() == data
            assert known.position[own].astype("<u4").tobytes() == made.positions
        # And the next writer goes on from there, and clears away what the killed one left.
        index.add(ids[0], units(library, ids[0], 99_999))
        index.compact()
        names = {int(path.stem) for path in (library.folder / "tokens" / "1").iterdir()}
        assert names == {number for (number,) in library.connection.execute("SELECT number FROM token_segments")}
