"""The hash of training data changes with their content, and with nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import datasets
import pytest

from svrag.errors import InputError
from svrag.training.config import GraphFiles, PairData, TrainingData
from svrag.training.data.hashing import hash_of


def pairs(folder: Path) -> PairData:
    folder.mkdir(exist_ok=True)
    (folder / "a.png").write_bytes(b"1")
    (folder / "b.png").write_bytes(b"2")
    (folder / "unused.png").write_bytes(b"3")
    rows = [{"query": "q", "document": "a.png", "negatives": ["b.png"]}, {"query": "r", "document": "a.png"}]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return PairData(kind="pairs", path=folder / "a.jsonl", pictures=True)


def graphs(folder: Path) -> GraphFiles:
    folder.mkdir(exist_ok=True)
    (folder / "graphs.json").write_text("{}")
    (folder / "elements.jsonl").write_text('{"id": "1"}\n{"id": "2", "image_path": "2.png"}\n')
    (folder / "2.png").write_bytes(b"1")
    (folder / "questions.json").write_text("{}")
    return GraphFiles(
        kind="graphs",
        graphs=folder / "graphs.json",
        elements=folder / "elements.jsonl",
        questions=folder / "questions.json",
    )


@pytest.mark.parametrize("make", [pairs, graphs])
def test_the_same_data_elsewhere_have_the_same_hash(make: type[TrainingData], tmp_path: Path) -> None:
    assert hash_of(make(tmp_path / "here")) == hash_of(make(tmp_path / "there"))


@pytest.mark.parametrize("name", ["a.png", "b.png", "a.jsonl"])
def test_every_file_that_is_read_counts(name: str, tmp_path: Path) -> None:
    data = pairs(tmp_path)
    before = hash_of(data)
    file = tmp_path / name
    file.write_bytes(
        b" " + file.read_bytes() if name.endswith("jsonl") else b"9"
    )  # of the same length: content counts
    assert hash_of(data) != before


@pytest.mark.parametrize("name", ["graphs.json", "elements.jsonl", "2.png", "questions.json"])
def test_every_file_of_graphs_counts(name: str, tmp_path: Path) -> None:
    data = graphs(tmp_path)
    before = hash_of(data)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\n")
    assert hash_of(data) != before


def test_what_is_not_read_does_not_count(tmp_path: Path) -> None:
    data = pairs(tmp_path)
    before = hash_of(data)
    (tmp_path / "unused.png").write_bytes(b"4")
    assert hash_of(data) == before


def test_folders_of_pictures_count(tmp_path: Path) -> None:
    data = graphs(tmp_path).model_copy(update={"pictures": tmp_path / "pictures"})
    (tmp_path / "pictures" / "doc").mkdir(parents=True)
    (tmp_path / "pictures" / "doc" / "1").write_bytes(b"1")
    before = hash_of(data)
    (tmp_path / "pictures" / "doc" / "1").rename(tmp_path / "pictures" / "doc" / "2")
    assert hash_of(data) != before


def test_datasets_on_disk(tmp_path: Path) -> None:
    def written(name: str, question: str) -> PairData:
        rows = {"query": [question], "document": ["d"]}
        datasets.Dataset.from_dict(rows).to_parquet(tmp_path / f"{name}.parquet")
        return PairData(kind="pairs", path=tmp_path / f"{name}.parquet")

    assert hash_of(written("a", "q")) == hash_of(written("b", "q")) != hash_of(written("c", "r"))
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(tmp_path / "a.parquet", folder / "train-1.parquet")
    before = hash_of(PairData(kind="pairs", path=folder))
    (folder / "cache-0123.arrow").write_bytes(b"of the library itself")
    assert hash_of(PairData(kind="pairs", path=folder)) == before
    shutil.copy(tmp_path / "c.parquet", folder / "train-2.parquet")
    assert hash_of(PairData(kind="pairs", path=folder)) != before


def test_a_corpus_counts(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"document": "d"}\n')
    (tmp_path / "a.jsonl").write_text('{"query": "q", "document": 0}\n')
    data = PairData.model_validate(
        {"kind": "pairs", "path": tmp_path / "a.jsonl", "corpus": {"path": tmp_path / "corpus.jsonl"}}
    )
    before = hash_of(data)
    (tmp_path / "corpus.jsonl").write_text('{"document": "e"}\n')
    assert hash_of(data) != before


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    data = pairs(tmp_path)
    (tmp_path / "b.png").unlink()
    with pytest.raises(InputError, match=r"cannot read .*b\.png: No such file"):
        hash_of(data)
