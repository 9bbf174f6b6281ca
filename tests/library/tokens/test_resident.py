from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from svrag.library.store import Library
from svrag.library.tokens import resident
from svrag.library.tokens.index import TokenIndex
from tests.library.tokens.made import documents, draw, identity, units

torch = pytest.importorskip("torch")


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU with 4 MB free, whose memory is in truth this machine's."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (4 << 20, 8 << 20))
    monkeypatch.setattr(resident, "_DEVICE", "cpu")


@pytest.mark.usefixtures("pretended")
def test_a_copy_is_made_once_and_goes_with_its_file() -> None:
    rows = np.arange(40, dtype=np.uint8).reshape(5, 8)
    copy = resident.on_gpu(rows)
    assert copy is not None
    assert copy.dtype == torch.int8
    assert np.array_equal(copy.numpy(), rows.view(np.int8))
    assert resident.on_gpu(rows) is copy
    kept = len(resident._copies)
    del rows
    gc.collect()
    assert len(resident._copies) == kept - 1


@pytest.mark.usefixtures("pretended")
def test_what_leaves_no_room_stays_where_it_is() -> None:
    assert resident.on_gpu(np.zeros((3 << 20, 1), dtype=np.uint8)) is None


def test_without_a_gpu_nothing_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resident.on_gpu(np.zeros((2, 8), dtype=np.uint8)) is None


@pytest.mark.parametrize("precision", ["int8", "float16", "binary"])
def test_a_search_finds_the_same_there(
    precision: str, tmp_path: Path, pretended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library.open(tmp_path / "library")
    index = TokenIndex.open(library, identity(precision=precision), create=True)
    for seed, document_id in enumerate(documents(library, tmp_path, 5)):
        index.add(document_id, units(library, document_id, seed))
    query = draw(99, 7)
    before = set(resident._copies)
    there = index.search(query, k=200)
    assert bool(set(resident._copies) - before) == (precision != "binary")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    here = index.search(query, k=200)
    assert (there.documents, there.positions.tolist()) == (here.documents, here.positions.tolist())
    assert np.allclose(there.scores, here.scores, atol=1e-4)
    index.add(there.documents[0], [])
    gc.collect()
    assert index.search(query, k=1).documents[0] != there.documents[0]
