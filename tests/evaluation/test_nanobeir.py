from __future__ import annotations

from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.evaluation import nanobeir
from tests.evaluation.files_made import write_parquet

CORPUS = [{"_id": "k9", "text": "A kiln fires clay."}, {"_id": "g3", "text": "Cobalt makes a glaze blue."}]
QUERIES = [{"_id": "q1", "text": "What is a kiln?"}, {"_id": "q2", "text": "Nobody judged this."}]
QRELS = [{"query-id": "q1", "corpus-id": "k9"}]


def write(folder: Path, file: str = "train-00000-of-00001.parquet") -> Path:
    for part, rows in (("corpus", CORPUS), ("queries", QUERIES), ("qrels", QRELS)):
        write_parquet(folder / part / file, rows)
    return folder


def test_one_set(tmp_path: Path) -> None:
    loaded = nanobeir.load(write(tmp_path / "NanoPots"))
    assert (loaded.name, loaded.cutoff, loaded.notes) == ("nanobeir/NanoPots", 100, ())
    (one,) = loaded.questions
    assert (one.id, one.document, one.evidence_pages, one.gains) == ("q1", "NanoPots", (1,), (1.0,))
    assert dict(one.slices) == {"relevant": "one text"}


@pytest.mark.parametrize("together", [True, False])
def test_several_sets_are_each_searched_by_themselves(tmp_path: Path, together: bool) -> None:
    for name in ("NanoPots", "NanoGlazes"):
        if together:
            write(tmp_path, f"{name}-00000-of-00001.parquet")
        else:
            write(tmp_path / name)
    loaded = nanobeir.load(tmp_path)
    assert loaded.name == "nanobeir"
    assert [given.document.name for given in loaded.given] == ["NanoGlazes", "NanoPots"]
    assert [(one.id, one.document, dict(one.slices)["set"]) for one in loaded.questions] == [
        ("NanoGlazes/q1", "NanoGlazes", "NanoGlazes"),
        ("NanoPots/q1", "NanoPots", "NanoPots"),
    ]
    assert len(loaded.files) == 6


def test_graded_judgements_and_titles_where_there_are_some(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write_parquet(tmp_path / "a" / "qrels" / "train-00000-of-00001.parquet", [{**QRELS[0], "score": 2}])
    write_parquet(tmp_path / "a" / "corpus" / "train-00000-of-00001.parquet", [{**CORPUS[0], "title": "Kilns"}])
    loaded = nanobeir.load(tmp_path / "a")
    assert loaded.questions[0].gains == (2.0,)
    assert loaded.given[0].document.pages[0].text == "Kilns\nA kiln fires clay."


def test_what_is_no_set_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--data DIR.*hf download"):
        nanobeir.load(None)
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="no corpus/"):
            nanobeir.load(folder)
    write_parquet(write(tmp_path / "b") / "qrels" / "train-00000-of-00001.parquet", [{**QRELS[0], "query-id": "q9"}])
    with pytest.raises(InputError, match=r"no query of .* is judged"):
        nanobeir.load(tmp_path / "b")
    write_parquet(write(tmp_path / "c") / "corpus" / "train-00000-of-00001.parquet", [CORPUS[0], CORPUS[0]])
    with pytest.raises(InputError, match="'k9' twice"):
        nanobeir.load(tmp_path / "c")
