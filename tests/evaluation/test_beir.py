from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svrag.errors import InputError
from svrag.evaluation import beir
from tests.evaluation.files_made import write_lines

CORPUS = [
    {"_id": "k9", "title": "Kilns", "text": "A kiln fires clay."},
    {"_id": "g3", "title": "", "text": "Cobalt makes a glaze blue."},
    {"_id": "w1", "text": "Wood burns."},
]
QUERIES = [
    {"_id": "q1", "text": "What is a kiln?"},
    {"_id": "q2", "text": "Which glaze is blue?"},
    {"_id": "q3", "text": "Nobody judged this."},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\tw1\t1\nq1\tk9\t2\nq2\tg3\t1\nq2\tk9\t0\n"


def write(folder: Path, qrels: str = QRELS, at: str = "qrels/test.tsv", corpus: list[object] | None = None) -> Path:
    write_lines(folder / "corpus.jsonl", CORPUS if corpus is None else corpus)
    write_lines(folder / "queries.jsonl", QUERIES)
    (folder / at).parent.mkdir(parents=True, exist_ok=True)
    (folder / at).write_text(qrels)
    return folder


@pytest.mark.parametrize("at", ["qrels/test.tsv", "qrels.tsv"])
def test_texts_are_pages_and_judgements_their_gains(tmp_path: Path, at: str) -> None:
    loaded = beir.load(write(tmp_path / "pots", at=at))
    assert (loaded.name, loaded.cutoff, loaded.notes) == ("beir/pots", 100, ())
    (one,) = loaded.given
    assert [page.label for page in one.document.pages] == ["k9", "g3", "w1"]
    assert [(e.page, e.type, e.text, e.section_path) for e in one.document.elements] == [
        (1, "section_header", "Kilns", ()),
        (1, "text", "A kiln fires clay.", ("Kilns",)),
        (2, "text", "Cobalt makes a glaze blue.", ()),
        (3, "text", "Wood burns.", ()),
    ]
    first, second = loaded.questions
    assert (first.id, first.document, first.evidence_pages, first.gains) == ("q1", "pots", (1, 3), (2.0, 1.0))
    assert (second.evidence_pages, second.gains) == ((2,), (1.0,))
    assert first.usable_for_pages
    assert first.answer_format == ""
    assert dict(first.slices) == {"relevant": "several texts"}


@settings(max_examples=30)
@given(st.dictionaries(st.integers(0, 19), st.integers(-1, 4), min_size=1))
def test_pages_lead_back_to_the_corpus(tmp_path_factory: pytest.TempPathFactory, judged: dict[int, int]) -> None:
    corpus = [{"_id": f"d{i}", "title": "", "text": f"text {i}"} for i in range(20)]
    lines = [f"q1\td{i}\t{score}" for i, score in judged.items()]
    folder = write(tmp_path_factory.mktemp("set"), "query-id\tcorpus-id\tscore\n" + "\n".join(lines), corpus=corpus)
    relevant = {f"d{i}": float(score) for i, score in judged.items() if score > 0}
    if not relevant:
        with pytest.raises(InputError, match="no query"):
            beir.load(folder)
        return
    loaded = beir.load(folder)
    (question,) = loaded.questions
    labels = [loaded.given[0].document.pages[page - 1].label for page in question.evidence_pages]
    assert dict(zip(labels, question.gains, strict=True)) == relevant


def test_what_the_judgements_name_and_is_not_there(tmp_path: Path) -> None:
    loaded = beir.load(write(tmp_path, QRELS + "q1\tgone\t1\nq9\tk9\t1\n"))
    assert len(loaded.questions) == 2
    assert [note.split()[0] for note in loaded.notes] == ["1", "1"]
    assert "corpus" in loaded.notes[0]
    assert "queries" in loaded.notes[1]


@pytest.mark.parametrize(
    ("corpus", "qrels", "said"),
    [
        ([*CORPUS, {"text": "no id"}], QRELS, r"corpus\.jsonl: line 4"),
        ([*CORPUS, CORPUS[0]], QRELS, r"corpus\.jsonl: line 4.*'k9' twice"),
        ([], QRELS, r"corpus\.jsonl is empty"),
        (["text"], QRELS, r"corpus\.jsonl: line 1"),
        (CORPUS, QRELS + "q1\tk9\n", r"test\.tsv: line 6"),
        (CORPUS, QRELS + "q1 k9 1\n", r"test\.tsv: line 6"),
        (CORPUS, QRELS + "q1\tk9\tmuch\n", r"test\.tsv: line 6"),
        (CORPUS, "query-id\tcorpus-id\tscore\n", "no query"),
    ],
)
def test_another_layout(tmp_path: Path, corpus: list[object], qrels: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        beir.load(write(tmp_path, qrels, corpus=corpus))
    assert "\n" not in str(raised.value)


def test_a_line_that_is_no_json(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "What is a kiln?"}\n{"_id"\n')
    with pytest.raises(InputError, match=r"queries\.jsonl line 2 is not valid JSON"):
        beir.load(tmp_path)


@pytest.mark.parametrize("gone", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_says_what_to_download(tmp_path: Path, gone: str) -> None:
    (write(tmp_path) / gone).unlink()
    with pytest.raises(InputError, match=rf"no {gone}.*download.*BEIR") as raised:
        beir.load(tmp_path)
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match=r"--data DIR"):
        beir.load(None)


@pytest.mark.parametrize(
    ("name", "texts", "queries", "graded"),
    [("cranfield", 1399, 225, True), ("litsearch", 459, 79, False), ("scifact", 5183, 809, False)],
)
def test_the_real_sets(shared_data: Path, name: str, texts: int, queries: int, graded: bool) -> None:
    loaded = beir.load(shared_data / name)
    assert len(loaded.given[0].document.pages) == texts
    assert len(loaded.questions) == queries
    assert (len({gain for question in loaded.questions for gain in question.gains}) > 1) == graded
    assert loaded.notes == ()
