from __future__ import annotations

import json
from pathlib import Path

import pytest

from svrag.documents.model import Box
from svrag.errors import InputError
from svrag.evaluation import demo, mmlongbench
from svrag.evaluation.question import GoldBox

PUBLISHED = {
    "doc_id": "a.pdf",
    "doc_type": "Guidebook",
    "question": "How many bowls?",
    "answer": "42",
    "evidence_pages": "[5, 3]",
    "evidence_sources": "['Chart', 'Table']",
    "answer_format": "Int",
}
CHECKED = PUBLISHED | {
    "evidence_pages_1based": [3, 5, 5],
    "evidence_sources": ["Chart", "Table"],
    "page_labels_valid": True,
    "answerable": True,
}
ANNOTATED = {
    "doc_name": "a.pdf",
    "domain": "Guidebook",
    "questions": [
        {
            "Q": "How many bowls?",
            "A": "42",
            "type": "['Chart']",
            "page_id": [2],
            "layout_mapping": [{"page": 2, "page_size": [612.0, 792.0], "bbox": [10, 20, 30, 40]}],
        },
        {
            "Q": "How many bowls were there?",
            "A": "42",
            "type": "['Chart']",
            "page_id": [2],
            "layout_mapping": [{"page": 2, "page_size": [612.0, 792.0], "bbox": [10, 20, 30, 40]}],
        },
        {"Q": "Which bowl is blue?", "A": "none", "type": "[]", "page_id": [], "layout_mapping": []},
    ],
}


def write(folder: Path, rows: object, annotations: list[object] | None = None, name: str = "questions.json") -> Path:
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    (folder / "documents" / "a.pdf").touch()
    (folder / name).write_text(json.dumps(rows))
    if annotations is not None:
        lines = "\n".join(json.dumps(annotation) for annotation in annotations)
        (folder / "mmdocir_annotations.jsonl").write_text(lines + "\n")
    return folder


def test_a_question_and_its_box(tmp_path: Path) -> None:
    loaded = mmlongbench.load(write(tmp_path, [CHECKED], [ANNOTATED]))
    question, reworded = loaded.questions
    assert question.id == "a.pdf#1"
    assert question.evidence_pages == (3, 5)
    assert question.gold_boxes == (GoldBox(3, Box(10, 20, 30, 40), (612, 792)),)  # 2 counted from 0
    assert question.usable_for_pages
    assert question.slices == (
        ("doc_type", "Guidebook"),
        ("evidence_sources", "Chart"),
        ("evidence_sources", "Table"),
        ("answer_format", "Int"),
        ("evidence_pages", "several pages"),
    )
    assert reworded.question == "How many bowls were there?"
    assert reworded.gold_boxes == question.gold_boxes
    assert not reworded.usable_for_pages
    assert reworded.answer_format == ""
    assert loaded.notes == ()
    assert [path.name for path in loaded.files] == ["questions.json", "mmdocir_annotations.jsonl"]


def test_the_published_file_reads_the_same(tmp_path: Path) -> None:
    published = mmlongbench.load(write(tmp_path / "published", [PUBLISHED], [ANNOTATED], name="samples.json"))
    checked = mmlongbench.load(write(tmp_path / "checked", [CHECKED], [ANNOTATED]))
    assert published.questions == checked.questions


def test_the_second_version_says_what_a_question_demands(tmp_path: Path) -> None:
    other = PUBLISHED | {"question": "Whose bowls?"}
    write(tmp_path, [PUBLISHED, other], name="samples.json")
    typed = {key: PUBLISHED[key] for key in ("doc_id", "question")} | {"task_type": "count", "requires_visual": True}
    (tmp_path / "question_types.json").write_text(json.dumps([typed]))
    loaded = mmlongbench.load(tmp_path)
    first, second = (dict(question.slices) for question in loaded.questions)
    assert (first["task_type"], first["requires_visual"]) == ("count", "yes")
    assert not {"task_type", "requires_visual"} & second.keys()
    assert [path.name for path in loaded.files] == ["samples.json", "question_types.json"]
    (tmp_path / "question_types.json").write_text(json.dumps([{}]))
    with pytest.raises(InputError, match=r"question_types\.json is not in MMLongBench-Doc-V2's layout"):
        mmlongbench.load(tmp_path)


def test_a_question_that_is_asked_twice_stays_two_questions(tmp_path: Path) -> None:
    again = PUBLISHED | {"answer": "43"}
    loaded = mmlongbench.load(write(tmp_path, [PUBLISHED, again], [ANNOTATED], name="samples.json"))
    first, second = loaded.questions[:2]
    assert (first.id, first.answer, second.id, second.answer) == ("a.pdf#1", "42", "a.pdf#2", "43")
    assert len(first.gold_boxes) == 1
    assert first.gold_boxes == second.gold_boxes


def test_which_questions_count_for_pages(tmp_path: Path) -> None:
    rows = [
        CHECKED,
        CHECKED | {"page_labels_valid": False},
        CHECKED | {"evidence_pages_1based": []},
        CHECKED | {"answerable": False},
        PUBLISHED | {"answer": "Not answerable", "answer_format": "None"},
    ]
    questions = mmlongbench.load(write(tmp_path, rows)).questions
    assert [question.usable_for_pages for question in questions] == [True, False, False, False, False]
    assert [question.answerable for question in questions] == [True, True, True, False, False]
    assert [question.id for question in questions] == [f"a.pdf#{n}" for n in range(1, 6)]


def test_annotations_of_other_sets_are_passed_over(tmp_path: Path) -> None:
    loaded = mmlongbench.load(write(tmp_path, [CHECKED], [ANNOTATED | {"doc_name": "other.pdf"}]))
    assert len(loaded.questions) == 1
    assert loaded.questions[0].gold_boxes == ()


def test_without_boxes_the_pages_still_count_and_it_says_so(tmp_path: Path) -> None:
    (note,) = mmlongbench.load(write(tmp_path, [CHECKED])).notes
    assert "mmdocir_annotations.jsonl" in note
    assert "no element metrics" in note


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([CHECKED, {"doc_id": "a.pdf"}], "question 2"),
        ([CHECKED | {"evidence_pages_1based": None}], "question 1"),
        ([PUBLISHED | {"evidence_pages": "[1, __import__('os')]"}], "question 1"),
        ([PUBLISHED | {"evidence_pages": "[1"}], "question 1"),
        (["text"], "question 1"),
        ([], "list of questions"),
        ({}, "list of questions"),
    ],
)
def test_questions_in_another_layout(tmp_path: Path, rows: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        mmlongbench.load(write(tmp_path, rows))


@pytest.mark.parametrize(
    "place",
    [{}, {"page": 0, "page_size": [0, 0], "bbox": [1, 2, 3, 4]}, {"page": 0, "page_size": [9, 9], "bbox": [1]}],
)
def test_annotations_in_another_layout(tmp_path: Path, place: object) -> None:
    broken = {
        "doc_name": "a.pdf",
        "domain": "",
        "questions": [ANNOTATED["questions"][0] | {"layout_mapping": [place]}],
    }  # type: ignore[index,dict-item]
    with pytest.raises(InputError, match="line 2 is not in MMDocIR's layout"):
        mmlongbench.load(write(tmp_path, [CHECKED], [ANNOTATED, broken]))


def test_broken_json(tmp_path: Path) -> None:
    write(tmp_path, [])
    (tmp_path / "questions.json").write_bytes(b"[{\xff")
    with pytest.raises(InputError, match="not valid JSON"):
        mmlongbench.load(tmp_path)


def test_what_is_missing_and_where_it_goes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--data DIR.*yubo2333/MMLongBench-Doc"):
        mmlongbench.load(None)
    with pytest.raises(InputError, match=r"samples\.json.*yubo2333/MMLongBench-Doc.*documents") as raised:
        mmlongbench.load(tmp_path)
    assert "\n" not in str(raised.value)
    write(tmp_path, [CHECKED, CHECKED | {"doc_id": "b.pdf"}])
    with pytest.raises(InputError, match=r"b\.pdf.*yubo2333/MMLongBench-Doc"):
        mmlongbench.load(tmp_path)
    with pytest.raises(InputError, match="demo_data"):
        demo.load(tmp_path / "nothing")


def test_the_real_set(shared_data: Path) -> None:
    loaded = mmlongbench.load(shared_data / "mmlongbench")
    rows = json.loads((shared_data / "mmlongbench" / "questions.json").read_bytes())
    assert [q.question for q in loaded.questions[: len(rows)]] == [row["question"] for row in rows]
    assert sum(bool(q.gold_boxes) for q in loaded.questions) == 112
    assert sum(len(q.gold_boxes) for q in loaded.questions) == 204
    assert sum(q.usable_for_pages for q in loaded.questions) == 122
    assert len({q.id for q in loaded.questions}) == len(loaded.questions)
    # Counted from 1, boxes and pages agree but for the labels that were corrected since.
    both = [q for q in loaded.questions if q.usable_for_pages and q.gold_boxes]
    agree = [q for q in both if {box.page for box in q.gold_boxes} <= set(q.evidence_pages)]
    assert len(agree) > 0.9 * len(both)
