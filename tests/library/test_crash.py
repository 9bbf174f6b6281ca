"""A process that adds documents is killed at any moment: every document is there whole or not at all."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from svrag.library import files, full_text
from svrag.library.store import Library
from tests.killing import killed
from tests.library.made import add, document

ADD_FOR_EVER = """
import sys
from pathlib import Path
from svrag.library.store import Library
from tests.library.made import add, document
folder = Path(sys.argv[1])
with Library.open(folder / "library") as library:
    print("ready", flush=True)
    for i in range(10_000):
        made = document(f"{i}.pdf", *(f"Sentence {n} about kiln {i}." for n in range(60)), pages=8)
        add(library, folder, made)
        print(made.id, flush=True)
        if i % 3 == 2:
            library.remove(made.id)
            print("-" + made.id, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    printed = killed(ADD_FOR_EVER, str(tmp_path), after=random.Random(seed).uniform(0.05, 0.9))
    said = printed.splitlines()
    # A line may be missing its end, or not have been written: what was said is the least that must be there.
    acknowledged = {line for line in said[:-1] if not line.startswith("-")} - {
        line[1:] for line in said if line[0] == "-"
    }
    removed = {line[1:] for line in said[:-1] if line.startswith("-")}
    with Library.open(tmp_path / "library") as library:
        stored = library.documents()
        # The last document added may be in the middle of its removal.
        assert acknowledged - {d.id for d in stored} <= set(said[-2:])
        assert not removed & {d.id for d in stored}
        for entry in stored:
            made = library.document(entry.id)
            assert (len(made.pages), len(made.elements)) == (entry.pages, entry.elements)
            assert len(library.graph(entry.id).nodes) == entry.elements
            assert entry.source.is_file()
            assert full_text.match(library, ["kiln"], documents=[entry.id])
        # The next writer clears away what the killed one left half done.
        add(library, tmp_path, document("after.pdf", "The kiln is cold."))
        kept = {path.name for path in files.folder_of(library.folder).iterdir()}
        assert kept == {d.source.name for d in library.documents()}


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.pdf"
    source.write_bytes(b"x" * 100)

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        files.keep(tmp_path / "library", source, "0" * 64)
    assert list(files.folder_of(tmp_path / "library").iterdir()) == []
