from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.errors import InputError
from svrag.evaluation import ohr_bench
from tests.evaluation.files_made import write_json, write_lines

PAGE = """# Kilns

The kiln burns wood.
It burns for days.

2.1 Heat

$$
h = 1240
$$

\\begin{tabular}{c}
1240
\\end{tabular}

| Kiln | Heat |
| --- | --- |
"""
PAGES = {"document": "law/deed", "pages": [{"page": 0, "text": "First."}, {"page": 2, "text": PAGE}]}
ASKED = {
    "document": "law/deed",
    "question": "How hot?",
    "answer": "1240",
    "answer_form": "Numeric",
    "evidence_source": "table",
    "evidence": "1240",
    "evidence_page_0based": 2,
}
PUBLISHED = {
    "doc_name": "law/deed",
    "ID": "00073cc2",
    "questions": "How hot?",
    "answers": "1240",
    "doc_type": "law",
    "answer_form": "Numeric",
    "evidence_source": "table",
    "evidence_context": "1240",
    "evidence_page_no": 2,
}


def write(folder: Path, rows: object = (ASKED,), pages: object = PAGES) -> Path:
    write_json(folder / "questions.json", rows)
    write_lines(folder / "pages.jsonl", [pages])
    return folder


def test_texts_become_pages_counted_from_one(tmp_path: Path) -> None:
    loaded = ohr_bench.load(write(tmp_path))
    (question,) = loaded.questions
    assert (question.id, question.document, question.evidence_pages) == ("law/deed#1", "law/deed", (3,))
    assert dict(question.slices) == {
        "doc_type": "law",
        "evidence_sources": "table",
        "answer_form": "Numeric",
        "evidence_pages": "one page",
    }
    (one,) = loaded.given
    assert [page.text[:6] for page in one.document.pages] == ["First.", "", "Kilns\n"]
    assert [(e.page, e.type) for e in one.document.elements] == [
        (1, "text"),
        (3, "section_header"),
        (3, "text"),
        (3, "section_header"),
        (3, "equation"),
        (3, "table"),
        (3, "table"),
    ]
    assert one.document.elements[-1].section_path == ("Kilns", "2.1 Heat")


def test_the_published_layout_reads_the_same(tmp_path: Path) -> None:
    here = ohr_bench.load(write(tmp_path / "here"))
    there = tmp_path / "there"
    write_json(there / "qas_v2.json", [PUBLISHED])
    texts = [{"page_idx": page["page"], "text": page["text"]} for page in PAGES["pages"]]  # type: ignore[index]
    write_json(there / "retrieval_base" / "gt" / "law" / "deed.json", texts)
    loaded = ohr_bench.load(there)
    assert loaded.questions == here.questions
    assert loaded.given == here.given


def test_evidence_on_several_pages(tmp_path: Path) -> None:
    (question,) = ohr_bench.load(write(tmp_path, [ASKED | {"evidence_page_0based": [2, 0]}])).questions
    assert question.evidence_pages == (1, 3)


@given(st.lists(st.text(alphabet="ab #|$1.\n", max_size=12), max_size=5))
def test_blocks_keep_every_letter(blocks: list[str]) -> None:
    text = "\n\n".join(blocks)
    kept = "".join(part.text for part in ohr_bench.parts_of(text))
    assert "".join(c for c in kept if c.isalnum()) == "".join(c for c in text if c.isalnum())


@pytest.mark.parametrize(
    ("block", "type", "text", "level"),
    [
        ("## Glazes", "section_header", "Glazes", 2),
        ("13.4 Notices", "section_header", "13.4 Notices", 2),
        ("13.4 Notices are given in writing.", "text", "13.4 Notices are given in writing.", 0),
        ("1. Name of the venture", "text", "1. Name of the venture", 0),
        ("#1 in sales", "text", "#1 in sales", 0),
        ("<table><tr></tr></table>", "table", "<table><tr></tr></table>", 0),
        ("$5 | $6", "text", "$5 | $6", 0),
    ],
)
def test_what_a_block_is(block: str, type: str, text: str, level: int) -> None:
    (part,) = ohr_bench.parts_of(f"\n\n{block}\n")
    assert (part.type, part.text, part.level) == (type, text, level)


@pytest.mark.parametrize(
    ("rows", "pages", "said"),
    [
        ([ASKED, {}], PAGES, "question 2 is not in OHR-Bench's layout"),
        ([ASKED | {"evidence_page_0based": 1}], PAGES, "question 1.*no text of page 1"),
        ([ASKED | {"document": "law/other"}], PAGES, "question 1"),
        ([], PAGES, "list of questions"),
        ([ASKED], {"document": "law/deed"}, r"pages\.jsonl: line 1"),
    ],
)
def test_another_layout(tmp_path: Path, rows: object, pages: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ohr_bench.load(write(tmp_path, rows, pages))


def test_what_is_missing_and_where_it_goes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--data DIR.*opendatalab/OHR-Bench"):
        ohr_bench.load(None)
    with pytest.raises(InputError, match=r"questions\.json or qas_v2\.json.*opendatalab/OHR-Bench") as raised:
        ohr_bench.load(tmp_path)
    assert "\n" not in str(raised.value)
    write_json(tmp_path / "qas_v2.json", [PUBLISHED])
    with pytest.raises(InputError, match=r"retrieval_base/gt/law/deed\.json.*opendatalab/OHR-Bench"):
        ohr_bench.load(tmp_path)
    write_json(tmp_path / "questions.json", [ASKED])
    with pytest.raises(InputError, match=r"pages\.jsonl"):
        ohr_bench.load(tmp_path)


def test_the_real_set(shared_data: Path) -> None:
    loaded = ohr_bench.load(shared_data / "ohr_bench")
    rows = json.loads((shared_data / "ohr_bench" / "questions.json").read_bytes())
    assert [q.evidence_pages for q in loaded.questions] == [(row["evidence_page_0based"] + 1,) for row in rows]
    documents = {one.document.name: one.document for one in loaded.given}
    assert set(documents) == {question.document for question in loaded.questions}
    # Counted from 1, the page holds the evidence that was copied from it.
    found = total = 0
    for question, row in zip(loaded.questions, rows, strict=True):
        evidence = "".join(row["evidence"].split())[:40]
        page = documents[question.document].pages[question.evidence_pages[0] - 1]
        total += 1
        found += evidence in "".join(page.text.split())
    assert found > 0.8 * total
