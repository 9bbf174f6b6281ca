from __future__ import annotations

import json

import pytest

from svrag.documents.model import Box, Region
from svrag.evaluation.metrics import Gold, RankedElement, Ranking, question_metrics
from svrag.evaluation.question import EvalQuestion
from svrag.evaluation.result import EvalResult, QuestionRecord, RetrieverRow, Seconds


def record(
    n: int, pages: tuple[int, ...], gold: set[int], *slices: tuple[str, str], ranked: bool = True
) -> QuestionRecord:
    box = Box(0, 0, 10, 10)
    question = EvalQuestion(f"a.pdf#{n}", "a.pdf", "Why?", "So", "Str", True, tuple(sorted(gold)), (), (), True)
    evidence = Gold(frozenset(gold), (Region(min(gold), box),))
    elements = tuple(RankedElement(f"a.{page}.1", "figure", page, box) for page in pages) if ranked else None
    ranking = Ranking(pages, elements)
    return QuestionRecord(question, evidence, slices, ranking, question_metrics(ranking, evidence), 0.01)


def result() -> EvalResult:
    by = [(("doc_type", "Paper"), ("source", "Chart"), ("source", "Table")), (("doc_type", "Report"),)]
    ours = (record(1, (2, 1), {2}, *by[0]), record(2, (1, 3), {3}, *by[1]))
    theirs = (record(1, (1, 2), {2}, *by[0], ranked=False), record(2, (1, 2), {3}, *by[1], ranked=False))
    return EvalResult(
        benchmark="demo",
        row=RetrieverRow("lexical", ours),
        baselines=(RetrieverRow("page-bm25", theirs),),
        generator="",
        seconds=Seconds(1, 2, 0, 3),
        settings={"k": 5},
        notes=("a note",),
    )


def test_the_json_has_the_keys_others_rely_on() -> None:
    written = json.loads(json.dumps(result().to_json()))
    assert written["benchmark"] == "demo"
    assert written["retriever"] == "lexical"
    assert written["generator"] is None
    assert written["questions"] == 2
    assert written["metrics"]["page_hit@1"] == 0.5
    assert written["metrics"]["mrr"] == 0.75
    assert written["metrics"]["element_recall@3"] == 1
    assert written["counts"]["element_recall@3"] == 2
    assert written["by"]["doc_type"]["Paper"]["page_hit@1"] == 1
    assert (
        written["by"]["doc_type"]["Report"] | {"questions": 1, "page_hit@1": 0} == written["by"]["doc_type"]["Report"]
    )
    assert set(written["by"]["source"]) == {"Chart", "Table"}
    assert written["seconds"]["total"] == 3
    assert written["settings"] == {"k": 5}
    assert written["notes"] == ["a note"]


def test_the_json_has_every_question_and_what_was_found() -> None:
    first, second = result().to_json()["per_question"]  # type: ignore[misc]
    assert first["pages"] == [2, 1]
    assert [element["hit"] for element in first["elements"]] == [True, False]
    assert first["elements"][0]["bbox"] == [0, 0, 10, 10]
    assert first["gold_boxes"] == [{"page": 2, "bbox": [0, 0, 10, 10]}]
    assert first["slices"] == {"doc_type": ["Paper"], "source": ["Chart", "Table"]}
    assert first["baselines"]["page-bm25"]["metrics"]["page_hit@1"] == 0
    assert "predicted" not in first
    assert second["id"] == "a.pdf#2"


def test_means_are_those_of_the_questions() -> None:
    written = result().to_json()
    for name, mean in written["metrics"].items():  # type: ignore[attr-defined]
        values = [question["metrics"][name] for question in written["per_question"] if name in question["metrics"]]  # type: ignore[attr-defined]
        assert mean == pytest.approx(sum(values) / len(values), abs=1e-4)
        low, high = written["intervals"][name]  # type: ignore[index]
        assert low <= mean <= high


def test_the_baseline_is_compared_on_pages_only() -> None:
    (baseline,) = result().to_json()["baselines"]  # type: ignore[misc]
    assert baseline["compared"]["page_hit@1"]["difference"] == 0.5
    assert "element_recall@1" not in baseline["metrics"]


def test_tables_are_rectangular_and_mark_what_was_not_measured() -> None:
    table, slices = result().table(), result().slice_table()
    for header, rows in (table, slices):
        assert {len(row) for row in rows} == {len(header)}
    assert [row[0] for row in table.rows] == ["lexical", "page-bm25"]
    column = table.header.index("element_recall@1")
    assert [row[column] for row in table.rows] == ["0.500", "-"]
    assert [row[0] for row in slices.rows] == ["doc_type: Paper", "doc_type: Report", "source: Chart", "source: Table"]


def test_remarks_end_with_the_notes() -> None:
    remarks = result().remarks()
    assert remarks[-1] == "a note"
    assert any("against page-bm25: +0.500" in line for line in remarks)
    assert not any("\n" in line for line in remarks)
