"""Vectors of dense and sparse encoders: listed by name, and taken out through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from svrag.cli import main
from svrag.library import encoders, nearest
from svrag.library.store import Library
from svrag.search.encoding import encode
from tests.library.made import add, document
from tests.retrievers.dense.checkpoints import write_encoder
from tests.retrievers.dense.networks import write_splade

pytest.importorskip("sentence_transformers")
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    return {
        "dense": str(write_encoder(folder / "one", seed=1)),
        "other": str(write_encoder(folder / "two", seed=2)),
        "sparse": f"splade:{write_splade(folder / 'splade')}",
    }


@pytest.fixture
def folder(models: dict[str, str], tmp_path: Path) -> Path:
    """A library of two documents that three models have encoded."""
    with Library.open(tmp_path / "library") as library:
        for name, text in (("a.pdf", "The kiln was fired."), ("b.pdf", "Salt and bowls.")):
            add(library, tmp_path, document(name, text))
        encode(library, library.documents(), list(models.values()), encoder="")
    return tmp_path / "library"


def rows(folder: Path) -> dict[str, int]:
    with Library.open(folder) as library:
        tables = ("vectors", "sparse_encoders", "sparse_documents", "sparse_postings", "documents")
        return {t: library.connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}


def test_all_are_listed(folder: Path, models: dict[str, str], capsys: Capture) -> None:
    assert main(["list", "--library", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"vectors of {models['dense']}: 2 of 2 documents" in printed
    assert f"sparse vectors of {models['sparse']}: 2 of 2 documents" in printed
    assert main(["list", "--json", "--library", str(folder)]) == 0
    told = json.loads(capsys.readouterr().out)["vectors"]
    assert {(one["name"], one["sparse"], one["documents"]) for one in told} == {
        (name, kind == "sparse", 2) for kind, name in models.items()
    }


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_one_goes_and_the_others_stay(
    kind: str, folder: Path, models: dict[str, str], tmp_path: Path, capsys: Capture
) -> None:
    before = rows(folder)
    assert main(["remove", "--index", models[kind], "--library", str(folder)]) == 0
    after = rows(folder)
    if kind == "dense":
        assert after == before | {"vectors": before["vectors"] - 2}
    else:
        assert after == before | {"sparse_encoders": 0, "sparse_documents": 0, "sparse_postings": 0}
    with Library.open(folder) as library:
        left = {one.name for one in encoders.vectors_in(library)}
        assert left == set(models.values()) - {models[kind]}
        encode(library, library.documents(), [models[kind]], encoder="")
    assert rows(folder) == before
    capsys.readouterr()
    assert main(["remove", "--index", "nobody", "--library", str(folder)]) == 1
    assert f"no vectors of nobody in {folder}: there are those of " in capsys.readouterr().err


def test_the_search_index_beside_the_database_goes_too(folder: Path, models: dict[str, str]) -> None:
    pytest.importorskip("faiss")
    from svrag.library import vectors

    with Library.open(folder) as library:
        made = {one.name: one for one in encoders.vectors_in(library)}
        for name in (models["dense"], models["other"]):
            live = vectors.entries(library.connection, made[name].fingerprint)
            assert nearest.nearest(library, made[name].fingerprint, live) is not None
        files = set((folder / nearest.FOLDER).iterdir())
        encoders.drop(library, made[models["dense"]])
        (left,) = (folder / nearest.FOLDER).iterdir()
        assert left in files


def test_vectors_of_an_older_library_go_by_their_fingerprint(folder: Path, capsys: Capture) -> None:
    with Library.open(folder) as library, library.transaction() as connection:
        connection.execute("DELETE FROM settings WHERE key LIKE 'encoder %'")
    with Library.open(folder) as library:
        names = [one.name for one in encoders.vectors_in(library)]
        assert names == [one.fingerprint for one in encoders.vectors_in(library)]
    for name in names:
        assert main(["remove", "--index", name, "--library", str(folder)]) == 0
    assert rows(folder) | {"vectors": 0, "sparse_documents": 0} == rows(folder)
    assert main(["remove", "--index", names[0], "--library", str(folder)]) == 1
    assert "there are none at all" in capsys.readouterr().err
