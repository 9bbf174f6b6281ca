from __future__ import annotations

import json
from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.evaluation import financebench
from tests.evaluation.files_made import write_json, write_lines

PUBLISHED = {
    "financebench_id": "financebench_id_03029",
    "company": "Pots",
    "doc_name": "POTS_2018_10K",
    "question_type": "metrics-generated",
    "question_reasoning": "Information extraction",
    "question": "What is the capital expenditure?",
    "answer": "$1577.00",
    "evidence": [
        {"evidence_text": "1,577", "doc_name": "POTS_2018_10K", "evidence_page_num": 59},
        {"evidence_text": "1,577", "doc_name": "POTS_2018_10K", "evidence_page_num": 3},
        {"evidence_text": "none", "doc_name": "POTS_2017_10K", "evidence_page_num": 7},
    ],
}
REPORT = {"doc_name": "POTS_2018_10K", "gics_sector": "Industrials", "doc_type": "10k", "doc_period": 2018}
CHECKED = {
    "id": "financebench_id_03029",
    "doc": "POTS_2018_10K",
    "question": "What is the capital expenditure?",
    "answer": "$1577.00",
    "type": "metrics-generated",
    "evidence_pages_0based": [59, 3],
}


def published(folder: Path, *rows: object) -> Path:
    write_lines(folder / "data" / "financebench_open_source.jsonl", rows or [PUBLISHED])
    write_lines(folder / "data" / "financebench_document_information.jsonl", [REPORT])
    (folder / "pdfs").mkdir(exist_ok=True)
    (folder / "pdfs" / "POTS_2018_10K.pdf").touch()
    return folder


def checked(folder: Path, rows: object) -> Path:
    write_json(folder / "questions.json", rows)
    (folder / "documents").mkdir(exist_ok=True)
    (folder / "documents" / "POTS_2018_10K.pdf").touch()
    return folder


def test_the_published_layout_counts_pages_from_zero(tmp_path: Path) -> None:
    loaded = financebench.load(published(tmp_path))
    (question,) = loaded.questions
    assert question.id == "financebench_id_03029"
    assert question.document == "POTS_2018_10K.pdf"
    assert question.evidence_pages == (4, 60)  # the third is in another report
    assert question.usable_for_pages
    assert dict(question.slices) == {
        "question_type": "metrics-generated",
        "reasoning": "Information extraction",
        "doc_type": "10k",
        "sector": "Industrials",
        "evidence_pages": "several pages",
    }
    assert loaded.documents == tmp_path / "pdfs"
    assert len(loaded.files) == 2


def test_without_facts_on_the_reports(tmp_path: Path) -> None:
    published(tmp_path)
    (tmp_path / "data" / "financebench_document_information.jsonl").unlink()
    (question,) = financebench.load(tmp_path).questions
    assert "sector" not in dict(question.slices)


def test_the_checked_layout_reads_the_same(tmp_path: Path) -> None:
    (one,) = financebench.load(checked(tmp_path, [CHECKED])).questions
    other_folder = tmp_path / "published"
    other_folder.mkdir()
    (other,) = financebench.load(published(other_folder)).questions
    assert (one.id, one.document, one.answer, one.evidence_pages) == (
        other.id,
        other.document,
        other.answer,
        other.evidence_pages,
    )


@pytest.mark.parametrize("change", [{"evidence": None}, {"evidence": [{"evidence_page_num": None}]}, {"answer": ...}])
def test_another_published_layout(tmp_path: Path, change: dict[str, object]) -> None:
    row = {key: value for key, value in {**PUBLISHED, **change}.items() if value is not ...}
    with pytest.raises(InputError, match=r"financebench_open_source\.jsonl: line 2"):
        financebench.load(published(tmp_path, PUBLISHED, row))


@pytest.mark.parametrize(("rows", "said"), [([CHECKED, {}], "question 2"), ({}, "list of questions"), ([], "list")])
def test_another_checked_layout(tmp_path: Path, rows: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        financebench.load(checked(tmp_path, rows))


def test_what_is_missing_and_where_it_goes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--data DIR.*patronus-ai/financebench"):
        financebench.load(None)
    with pytest.raises(InputError, match=r"financebench_open_source\.jsonl.*patronus-ai/financebench") as raised:
        financebench.load(tmp_path)
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match=r"lacks 1 reports \(OTHER\.pdf.*patronus-ai/financebench"):
        financebench.load(published(tmp_path, PUBLISHED | {"doc_name": "OTHER"}))


def test_the_real_set(shared_data: Path) -> None:
    loaded = financebench.load(shared_data / "financebench")
    rows = json.loads((shared_data / "financebench" / "questions.json").read_bytes())
    assert [q.evidence_pages for q in loaded.questions] == [
        tuple(sorted({page + 1 for page in row["evidence_pages_0based"]})) for row in rows
    ]
    assert all(question.usable_for_pages for question in loaded.questions)
    assert len({question.id for question in loaded.questions}) == 20
