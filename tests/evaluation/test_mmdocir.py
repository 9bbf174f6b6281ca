from __future__ import annotations

from pathlib import Path

import pytest

from svrag.documents.model import Box
from svrag.errors import InputError
from svrag.evaluation import mmdocir
from svrag.evaluation.question import GoldBox
from tests.evaluation.files_made import write_lines

ASKED = {
    "Q": "How many bowls?",
    "A": "42",
    "page_id": [6, 2, 2],
    "type": "['Chart', 'Table']",
    "layout_mapping": [{"page": 2, "page_size": [612.0, 792.0], "bbox": [10, 20, 30, 40]}],
}
DOCUMENT = {
    "doc_name": "a.pdf",
    "domain": "Guidebook",
    "page_indices": [0, 9],
    "layout_indices": [0, 80],
    "questions": [ASKED, ASKED | {"Q": "Whose bowls?", "page_id": [], "layout_mapping": []}],
}


def write(folder: Path, *documents: object, there: tuple[str, ...] = ("a.pdf",)) -> Path:
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    for name in there:
        (folder / "documents" / name).touch()
    write_lines(folder / "MMDocIR_annotations.jsonl", documents or [DOCUMENT])
    return folder


def test_pages_and_boxes_count_from_one(tmp_path: Path) -> None:
    loaded = mmdocir.load(write(tmp_path))
    first, second = loaded.questions
    assert (first.id, first.document, first.evidence_pages) == ("a.pdf#1", "a.pdf", (3, 7))
    assert first.gold_boxes == (GoldBox(3, Box(10, 20, 30, 40), (612, 792)),)
    assert first.usable_for_pages
    assert first.slices == (
        ("doc_type", "Guidebook"),
        ("evidence_sources", "Chart"),
        ("evidence_sources", "Table"),
        ("evidence_pages", "several pages"),
    )
    assert (second.evidence_pages, second.usable_for_pages) == ((), False)
    assert loaded.notes == ()


def test_documents_that_are_not_there_are_not_asked_about(tmp_path: Path) -> None:
    rest = [DOCUMENT | {"doc_name": "b"}, DOCUMENT | {"doc_name": "2021.c"}]
    loaded = mmdocir.load(write(tmp_path, DOCUMENT, *rest, there=("a.pdf", "2021.c.pdf")))
    assert {question.document for question in loaded.questions} == {"a.pdf", "2021.c.pdf"}
    (note,) = loaded.notes
    assert note.startswith("1 documents are not in")
    assert "b.pdf" in note


@pytest.mark.parametrize(
    "broken",
    [
        {"doc_name": "a.pdf"},
        DOCUMENT | {"questions": [ASKED | {"page_id": ["x"]}]},
        DOCUMENT | {"questions": [ASKED | {"layout_mapping": [{"page": 1}]}]},
        [],
    ],
)
def test_another_layout(tmp_path: Path, broken: object) -> None:
    with pytest.raises(InputError, match="line 2 is not in MMDocIR's layout"):
        mmdocir.load(write(tmp_path, DOCUMENT, broken))


def test_what_is_missing_and_where_it_goes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--data DIR.*MMDocIR_Evaluation_Dataset"):
        mmdocir.load(None)
    with pytest.raises(InputError, match=r"MMDocIR_annotations\.jsonl.*MMDocIR_Evaluation_Dataset") as raised:
        mmdocir.load(tmp_path)
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match=r"none of the 1 documents.*doc_pdfs\.rar"):
        mmdocir.load(write(tmp_path, there=()))


def test_the_real_set(shared_data: Path) -> None:
    loaded = mmdocir.load(shared_data / "mmlongbench")
    assert len(loaded.questions) == 112
    assert all(question.usable_for_pages and question.gold_boxes for question in loaded.questions)
    assert sum(len(question.gold_boxes) for question in loaded.questions) == 204
    for question in loaded.questions:
        assert {box.page for box in question.gold_boxes} <= set(question.evidence_pages)
