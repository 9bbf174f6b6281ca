from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from svrag.errors import InputError
from svrag.evaluation import beir, litsearch
from svrag.evaluation.question import EvalSet
from tests.evaluation.files_made import write_lines, write_parquet

QUERIES: list[dict[str, Any]] = [
    {
        "query_set": "inline_acl",
        "query": "Is there work on kilns?",
        "specificity": 0,
        "quality": 2,
        "corpusids": [9, 7],
    },
    {
        "query_set": "manual_iclr",
        "query": "Which paper makes glazes?",
        "specificity": 1,
        "quality": 1,
        "corpusids": [3],
    },
    {"query_set": "inline_nonacl", "query": "Where is wood?", "specificity": 1, "quality": 2, "corpusids": [5]},
]
CORPUS: list[dict[str, Any]] = [
    {"corpusid": 9, "title": "Kilns", "abstract": "A kiln fires clay.", "citations": [3], "full_paper": "long"},
    {"corpusid": 3, "title": None, "abstract": "Cobalt makes a glaze blue.", "citations": [], "full_paper": "long"},
    {"corpusid": 7, "title": "Ovens", "abstract": None, "citations": [], "full_paper": "long"},
]


def published(folder: Path, queries: list[dict[str, Any]], corpus: list[dict[str, Any]]) -> Path:
    write_parquet(folder / "query" / "full-00000-of-00001.parquet", queries)
    for i, row in enumerate(corpus):
        write_parquet(folder / "corpus_clean" / f"full-0000{i}-of-0000{len(corpus)}.parquet", [row])
    return folder


def told(loaded: EvalSet) -> list[tuple[str, list[str], dict[str, str]]]:
    """Each question with the ids of its papers and its slices."""
    pages = loaded.given[0].document.pages
    return [
        (one.question, [pages[page - 1].label for page in one.evidence_pages], dict(one.slices))
        for one in loaded.questions
    ]


def test_the_published_set(tmp_path: Path) -> None:
    loaded = litsearch.load(published(tmp_path, QUERIES, CORPUS))
    assert loaded.name == "litsearch"
    assert told(loaded) == [
        (
            "Is there work on kilns?",
            ["9", "7"],
            {"query_set": "inline", "specificity": "0", "relevant": "several texts"},
        ),
        ("Which paper makes glazes?", ["3"], {"query_set": "manual", "specificity": "1", "relevant": "one text"}),
    ]
    assert [note.split()[0] for note in loaded.notes] == ["1"]  # 5 is no paper here, so the third is no question
    assert [page.text for page in loaded.given[0].document.pages] == [
        "Kilns\nA kiln fires clay.",
        "Cobalt makes a glaze blue.",
        "Ovens",
    ]


def test_beirs_layout_with_what_it_tells_of_the_queries(tmp_path: Path) -> None:
    write_lines(tmp_path / "corpus.jsonl", [{"_id": "9", "title": "Kilns", "text": "A kiln fires clay."}])
    queries = [
        {"_id": "a", "text": "Kilns?", "query_set": "manual_acl", "specificity": 0},
        {"_id": "b", "text": "Clay?"},
    ]
    write_lines(tmp_path / "queries.jsonl", queries)
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\na\t9\t1\nb\t9\t1\n")
    loaded = litsearch.load(tmp_path)
    assert [slices for _, _, slices in told(loaded)] == [
        {"query_set": "manual", "specificity": "0", "relevant": "one text"},
        {"relevant": "one text"},
    ]


def test_what_is_no_litsearch_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--data DIR.*hf download"):
        litsearch.load(None)
    with pytest.raises(InputError, match=rf"in {tmp_path}; hf download .* --local-dir {tmp_path}"):
        litsearch.load(tmp_path)
    with pytest.raises(InputError, match="has no column corpusids"):
        litsearch.load(published(tmp_path / "a", [{"query_set": "inline_acl", "query": "Kilns?"}], CORPUS))
    with pytest.raises(InputError, match=r"no query of .* has a paper"):
        litsearch.load(published(tmp_path / "b", QUERIES[2:], CORPUS))
    with pytest.raises(InputError, match=r"row 1 is not in LitSearch's layout"):
        litsearch.load(published(tmp_path / "c", [QUERIES[0] | {"corpusids": None}], CORPUS))
    with pytest.raises(InputError, match=r"the id '9' twice"):
        litsearch.load(published(tmp_path / "d", QUERIES, [CORPUS[0], CORPUS[0]]))
    (published(tmp_path / "e", QUERIES, CORPUS) / "query" / "full-00000-of-00001.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"cannot read .*full-00000") as raised:
        litsearch.load(tmp_path / "e")
    assert "\n" not in str(raised.value)


def test_the_part_that_is_here(shared_data: Path) -> None:
    loaded = litsearch.load(shared_data / "litsearch")
    assert len(loaded.questions) == 79
    assert {dict(one.slices)["query_set"] for one in loaded.questions} == {"inline"}
    plain = beir.load(shared_data / "litsearch")
    assert [one.evidence_pages for one in plain.questions] == [one.evidence_pages for one in loaded.questions]
