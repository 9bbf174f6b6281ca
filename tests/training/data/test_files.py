"""Training data in every format give the same examples; rows that cannot be used are counted; mistakes are one line."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

from svrag.errors import InputError
from svrag.training.batch import Example
from svrag.training.config import FileData, TrainingData, TripletData
from svrag.training.data.files import FileExamples, examples_of


def said(**values: Any) -> FileData:
    """Data as a recipe says them."""
    made = TypeAdapter(TrainingData).validate_python(values)
    assert isinstance(made, FileData)
    return made


def png(seed: int) -> bytes:
    values = np.random.default_rng(seed).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    return stream.getvalue()


def stored(seed: int) -> dict[str, object]:
    """As datasets stores a picture."""
    return {"bytes": png(seed), "path": None}


def pixels(example: Example) -> list[np.ndarray]:
    return [np.asarray(document.picture.open()) for document in example.documents if document.picture]


def wanted(*seeds: int) -> list[np.ndarray]:
    return [np.asarray(Image.open(io.BytesIO(png(seed)))) for seed in seeds]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(map(np.array_equal, a, b))


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


# ColPali's training set, in each format -------------------------------------------------------------------------------


def pages() -> datasets.Dataset:
    """Its columns, with negatives as pictures, and rows without a question or a page."""
    rows = {
        "image": [stored(1), stored(2), stored(3), None, stored(5)],
        "image_filename": ["1.png", "2.png", "3.png", "4.png", "5.png"],
        "query": ["one", None, " ", "four", "five"],
        "negatives": [[stored(7), stored(8)], [], [], [], None],
    }
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "image_filename": datasets.Value("string"),
            "query": datasets.Value("string"),
            "negatives": datasets.List(datasets.Image()),
        }
    )
    return datasets.Dataset.from_dict(rows, features=features)


def as_folder(folder: Path) -> dict[str, object]:
    pages().save_to_disk(folder / "saved")
    return {"path": folder / "saved"}


def as_splits(folder: Path) -> dict[str, object]:
    datasets.DatasetDict({"train": pages(), "test": pages().select([0])}).save_to_disk(folder / "splits")
    return {"path": folder / "splits", "split": "train"}


def as_parquet(folder: Path) -> dict[str, object]:
    pages().to_parquet(folder / "pages.parquet")
    return {"path": folder / "pages.parquet"}


def as_hub_folder(folder: Path) -> dict[str, object]:
    """Several parquet files to a split."""
    data = folder / "hub" / "data"
    data.mkdir(parents=True)
    pages().select([0, 1]).to_parquet(data / "train-00000-of-00002.parquet")
    pages().select([2, 3, 4]).to_parquet(data / "train-00001-of-00002.parquet")
    pages().select([0]).to_parquet(data / "test-00000-of-00001.parquet")
    return {"path": folder / "hub", "split": "train"}


def as_shuffled(folder: Path) -> dict[str, object]:
    """Rows that the dataset finds through a list of their numbers."""
    pages().select([4, 3, 2, 1, 0]).select([4, 3, 2, 1, 0]).save_to_disk(folder / "shuffled")
    return {"path": folder / "shuffled"}


def as_jsonl(folder: Path) -> dict[str, object]:
    (folder / "images").mkdir()
    for seed in (1, 2, 3, 5, 7, 8):
        (folder / "images" / f"{seed}.png").write_bytes(png(seed))
    rows = [
        {"image": "1.png", "query": "one", "negatives": ["7.png", "8.png"]},
        {"image": "2.png", "query": None},
        {"image": "3.png", "query": " "},
        {"query": "four"},
        {"image": "5.png", "query": "five", "negatives": None},
    ]
    return {"path": jsonl(folder / "pages.jsonl", rows), "pictures": True, "folder": folder / "images"}


@pytest.mark.parametrize("write", [as_folder, as_splits, as_parquet, as_hub_folder, as_shuffled, as_jsonl])
def test_pages_come_back_from_every_format(write: Callable[[Path], dict[str, object]], tmp_path: Path) -> None:
    examples = examples_of(said(kind="pairs", document="image", **write(tmp_path)))
    assert (len(examples), examples.skipped) == (2, 3)
    first, last = examples
    assert (first.query.text, last.query.text) == ("one", "five")
    assert (first.relevance, last.relevance) == ((1.0, 0.0, 0.0), (1.0,))
    assert same(pixels(first), wanted(1, 7, 8))
    assert same(pixels(last), wanted(5))
    again: FileExamples = pickle.loads(pickle.dumps(examples))  # as workers of a loader get them
    assert same(pixels(again[0]), wanted(1, 7, 8))


def test_parquet_may_hold_bare_bytes(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"query": ["one"], "page": [png(4)]}).to_parquet(tmp_path / "a.parquet")
    examples = examples_of(said(kind="pairs", path=tmp_path / "a.parquet", document="page"))
    assert same(pixels(examples[0]), wanted(4))


def test_a_dataset_may_name_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(png(1))
    page = {"bytes": None, "path": str(tmp_path / "1.png")}
    features = datasets.Features({"query": datasets.Value("string"), "image": datasets.Image()})
    made = datasets.Dataset.from_dict({"query": ["one", "two"], "image": [page, None]}, features=features)
    made.save_to_disk(tmp_path / "saved")
    examples = examples_of(said(kind="pairs", path=tmp_path / "saved", document="image"))
    assert (len(examples), examples.skipped) == (1, 1)
    assert same(pixels(examples[0]), wanted(1))


# Texts, triplets, lists, ids ------------------------------------------------------------------------------------------


def test_any_number_of_positives_and_negatives(tmp_path: Path) -> None:
    rows = [
        {"query": "q", "document": ["a", "b"], "negatives": ["c", "d", "e"]},
        {"query": "r", "document": "a", "negatives": "c"},
        {"query": "s", "document": "a", "negatives": []},
    ]
    path = jsonl(tmp_path / "a.jsonl", rows)
    examples = examples_of(said(kind="pairs", path=path))
    assert [[document.text for document in example.documents] for example in examples] == [
        ["a", "b", "c", "d", "e"],
        ["a", "c"],
        ["a"],
    ]
    assert [example.relevance for example in examples] == [(1, 1, 0, 0, 0), (1, 0), (1,)]
    fewer = examples_of(said(kind="pairs", path=path, most_negatives=1))
    assert [len(example.documents) for example in fewer] == [3, 2, 1]
    assert [len(example.documents) for example in examples_of(said(kind="pairs", path=path, most_negatives=0))] == [
        2,
        1,
        1,
    ]
    assert len(examples_of(said(kind="pairs", path=path, limit=2))) == 2
    assert [example.query.text for example in examples[1:]] == ["r", "s"]
    assert examples[-1].query.text == "s"


def test_triplets(tmp_path: Path) -> None:
    rows = [{"query": "q", "positive": "a", "negative": "b"}, {"query": "r", "positive": "a", "negative": None}]
    examples = examples_of(said(kind="triplets", path=jsonl(tmp_path / "a.jsonl", rows)))
    assert (len(examples), examples.skipped) == (1, 1)
    assert [document.text for document in examples[0].documents] == ["a", "b"]
    assert examples[0].relevance == (1.0, 0.0)


def test_scored_lists(tmp_path: Path) -> None:
    rows = [{"query": "q", "documents": ["a", "b", "c"], "scores": [3, -1.5, 0.25]}]
    path = jsonl(tmp_path / "a.jsonl", rows)
    (example,) = examples_of(said(kind="lists", path=path))
    assert [document.text for document in example.documents] == ["a", "b", "c"]
    assert example.relevance == (3.0, -1.5, 0.25)
    (fewer,) = examples_of(said(kind="lists", path=path, most=2))
    assert (len(fewer.documents), fewer.relevance) == (2, (3.0, -1.5))


def test_documents_named_by_the_number_of_their_row(tmp_path: Path) -> None:
    """As hard negatives of ColPali's training set are published."""
    datasets.Dataset.from_dict({"image": [stored(0), stored(1), stored(2)]}).to_parquet(tmp_path / "corpus.parquet")
    rows = [{"query": "q", "positive_passages": [2], "negative_passages": [0, 1]}]
    queries = jsonl(tmp_path / "queries.jsonl", rows)
    corpus = {"path": tmp_path / "corpus.parquet", "document": "image"}
    names = {"document": "positive_passages", "negatives": "negative_passages"}
    (example,) = examples_of(said(kind="pairs", path=queries, corpus=corpus, **names))
    assert same(pixels(example), wanted(2, 0, 1))


def test_documents_named_by_id_in_the_same_file(tmp_path: Path) -> None:
    """As vdr-multilingual-train is published: rows without a question are there for their pictures only."""
    rows = {
        "id": ["a", "b", "c"],
        "query": ["one", "", "three"],
        "image": [stored(1), stored(2), stored(3)],
        "negatives": [["b", "c"], [], ["a"]],
    }
    path = tmp_path / "a.parquet"
    datasets.Dataset.from_dict(rows).to_parquet(path)
    corpus = {"path": path, "id": "id", "document": "image"}
    examples = examples_of(said(kind="pairs", path=path, document="id", corpus=corpus))
    assert (len(examples), examples.skipped) == (2, 1)
    assert same(pixels(examples[0]), wanted(1, 2, 3))
    assert same(pixels(examples[1]), wanted(3, 1))


def test_the_same_page_with_another_question_is_one_document(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"query": ["a", "b"], "image": [stored(1)] * 2}).to_parquet(tmp_path / "a.parquet")
    one, other = examples_of(said(kind="pairs", path=tmp_path / "a.parquet", document="image"))
    assert one.documents[0].number == other.documents[0].number


def test_nothing_is_decoded_before_it_is_asked_for(tmp_path: Path) -> None:
    broken = {"bytes": b"no picture", "path": None}
    datasets.Dataset.from_dict({"query": ["a", "b"], "image": [stored(1), broken]}).to_parquet(tmp_path / "a.parquet")
    examples = examples_of(said(kind="pairs", path=tmp_path / "a.parquet", document="image"))
    with pytest.raises(InputError, match=r"a\.parquet, row 2 is no picture that can be read"):
        pixels(examples[1])


# Mistakes -------------------------------------------------------------------------------------------------------------


def refused(**values: Any) -> str:
    with pytest.raises(InputError) as caught:
        list(examples_of(said(**{"kind": "pairs", **values})))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert refused(path=tmp_path / "nope.jsonl") == f"there is no {tmp_path / 'nope.jsonl'}"
    (tmp_path / "a.csv").write_text("query,document\n")
    assert "is no *.jsonl and no *.parquet" in refused(path=tmp_path / "a.csv")
    (tmp_path / "empty.jsonl").write_text("\n")
    assert "is empty" in refused(path=tmp_path / "empty.jsonl")
    (tmp_path / "a.parquet").write_text("no parquet")
    assert "is no parquet file" in refused(path=tmp_path / "a.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1" + bytes(30))
    assert "is not parquet that can be read" in refused(path=tmp_path / "cut.parquet")
    (tmp_path / "folder").mkdir()
    assert "holds no dataset" in refused(path=tmp_path / "folder")
    (tmp_path / "folder" / "state.json").write_text("{")
    assert "is no dataset that can be read" in refused(path=tmp_path / "folder")


def test_broken_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"query": "q", "document": "d"}\n\n{"query": \n')
    assert f"{path}, line 3: not valid JSON" in refused(path=path)
    path.write_text('{"query": "q", "document": "d"}\n["q", "d"]\n')
    assert f"{path}, line 2: must be a JSON object" in refused(path=path)
    path.write_bytes(b'{"query": "q", "document": "\xff"}\n')
    assert f"{path}, line 1: no text in UTF-8" in refused(path=path)


def test_splits_are_named(tmp_path: Path) -> None:
    splits, hub = as_splits(tmp_path), as_hub_folder(tmp_path)
    for path in (splits["path"], hub["path"]):
        assert "has the splits t" in refused(path=path, document="image")
        assert "has no split dev; it has t" in refused(path=path, document="image", split="dev")
    one = as_folder(tmp_path)
    assert "has no splits: leave split train out" in refused(path=one["path"], document="image", split="train")
    path = jsonl(tmp_path / "a.jsonl", [{"query": "q", "document": "d"}])
    assert "is one file and has no splits" in refused(path=path, split="train")


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"question": "q", "image": "d"}])
    assert f"{path} has no column query; it has question, image: name the right one" in refused(path=path)
    assert "has no column document; it has question, image" in refused(path=path, query="question")
    assert "has no column hard; it has" in refused(path=path, query="question", document="image", negatives="hard")
    corpus = {"path": path, "document": "text"}
    assert "has no column text; it has" in refused(path=path, query="question", document="image", corpus=corpus)


def test_rows_of_another_kind_are_told(tmp_path: Path) -> None:
    """What `svrag train mine` writes is of kind pairs, what `svrag train score` writes of kind lists."""
    mined = jsonl(tmp_path / "mined.jsonl", [{"query": "q", "document": ["d"], "negatives": ["n"]}])
    said = f"has no column positive, but those of kind pairs: --set 'data.train={{kind: pairs, path: {mined}}}'"
    with pytest.raises(InputError) as caught:
        examples_of(TripletData(kind="triplets", path=mined))
    assert str(caught.value) == f"{mined} {said}"
    scored = jsonl(tmp_path / "scored.jsonl", [{"query": "q", "documents": ["d", "e"], "scores": [1.0, 0.0]}])
    assert "has no column document, but those of kind lists" in refused(path=scored)


def test_nothing_left(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"query": "", "document": "d"}, {"query": "q", "document": []}])
    assert f"{path} has no row with query and document" in refused(path=path)


def test_names_of_pictures_are_not_read_as_texts(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"query": "q", "document": "pages/1.PNG"}])
    assert "pages/1.PNG looks like the path of a picture: set pictures: true" in refused(path=path)
    text = jsonl(
        tmp_path / "b.jsonl", [{"query": "q", "document": "the file is called a.png"}, {"query": "r", "document": "x"}]
    )
    assert examples_of(said(kind="pairs", path=text))[1].documents[0].text == "x"


def test_addresses_are_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"query": "q", "document": "https://example.org/a.png"}])
    assert "is an address: download the pictures" in refused(path=path, pictures=True)


@pytest.mark.parametrize(
    ("row", "kind", "reason"),
    [
        ({"query": 3, "document": "d"}, "pairs", "row 1: query must be text, not 3"),
        (
            {"query": "q", "document": 3},
            "pairs",
            "row 1: a document must be a text, the path of a picture or a picture",
        ),
        ({"query": "q", "document": {"a": 1}}, "pairs", "a picture, not dict"),
        ({"query": "q", "document": [None]}, "pairs", "row 1: nothing in document"),
        ({"query": "q", "positive": ["a", "b"], "negative": "c"}, "triplets", "2 documents in positive, not one"),
        ({"query": "q", "documents": ["a", "b"], "scores": [1]}, "lists", "1 in scores for 2 documents"),
        ({"query": "q", "documents": ["a", "b"], "scores": ["1", "2"]}, "lists", "scores must be a list of numbers"),
        ({"query": "q", "documents": ["a", "b"], "scores": [1, float("nan")]}, "lists", "must be a list of numbers"),
        ({"query": "q", "documents": ["a"], "scores": [1]}, "lists", "one document only"),
    ],
)
def test_rows_that_hold_something_else(row: dict[str, Any], kind: str, reason: str, tmp_path: Path) -> None:
    assert reason in refused(kind=kind, path=jsonl(tmp_path / "a.jsonl", [row]))


def test_ids_that_name_nothing(tmp_path: Path) -> None:
    documents = jsonl(tmp_path / "documents.jsonl", [{"id": "a", "document": "x"}, {"id": "b", "document": "y"}])
    by_number = {"path": documents}
    for document in (2, -1, "a"):
        path = jsonl(tmp_path / "a.jsonl", [{"query": "q", "document": document}])
        assert f"has no document {document!r}" in refused(path=path, corpus=by_number)
    path = jsonl(tmp_path / "a.jsonl", [{"query": "q", "document": "c"}])
    assert "has no document 'c'" in refused(path=path, corpus={"path": documents, "id": "id"})
    twice = jsonl(tmp_path / "twice.jsonl", [{"id": "a", "document": "x"}, {"id": "a", "document": "y"}])
    assert "an id stands twice in column id" in refused(path=path, corpus={"path": twice, "id": "id"})
