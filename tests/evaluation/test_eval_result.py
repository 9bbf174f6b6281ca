from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from svrag.errors import InputError
from svrag.evaluation import tables
from svrag.evaluation.result import EvalResult
from svrag.evaluation.result_json import from_json, load, to_json, written
from tests.evaluation.results_made import record, result

BY = [(("doc_type", "Paper"), ("source", "Chart"), ("source", "Table")), (("doc_type", "Report"),)]


@pytest.fixture
def two_rows() -> EvalResult:
    ours = (record(1, (2, 1), {2}, *BY[0]), record(2, (1, 3), {3}, *BY[1]))
    theirs = (record(1, (1, 2), {2}, *BY[0], ranked=False), record(2, (1, 2), {3}, *BY[1], ranked=False))
    return result(("lexical", ours), ("page-bm25", theirs))


def test_the_json_has_the_keys_others_rely_on(two_rows: EvalResult) -> None:
    told = json.loads(written(to_json(two_rows)))
    assert told["benchmark"] == "demo"
    assert told["retriever"] == "lexical"
    assert told["generator"] is None
    assert told["questions"] == 2
    assert told["metrics"]["page_hit@1"] == 0.5
    assert told["metrics"]["mrr"] == 0.75
    assert told["metrics"]["element_recall@3"] == 1
    assert told["counts"]["element_recall@3"] == 2
    assert told["by"]["doc_type"]["Paper"]["page_hit@1"] == 1
    assert told["by"]["doc_type"]["Report"] | {"questions": 1, "page_hit@1": 0} == told["by"]["doc_type"]["Report"]
    assert set(told["by"]["source"]) == {"Chart", "Table"}
    assert told["seconds"]["total"] == 3
    assert (told["seconds"]["search_p50"], told["seconds"]["search_p95"]) == (0.015, 0.0195)
    assert told["settings"] == {"k": 5, "data": {"questions.json": "c0ffee"}}
    assert told["notes"] == ["a note"]


def test_the_json_has_every_question_and_what_was_found(two_rows: EvalResult) -> None:
    first, second = to_json(two_rows)["per_question"]
    assert first["pages"] == [2, 1]
    assert [element["hit"] for element in first["elements"]] == [True, False]
    assert first["elements"][0]["bbox"] == [0, 0, 10, 10]
    assert first["gold_boxes"] == [{"page": 2, "bbox": [0, 0, 10, 10]}]
    assert first["slices"] == {"doc_type": ["Paper"], "source": ["Chart", "Table"]}
    assert first["rows"]["page-bm25"]["metrics"]["page_hit@1"] == 0
    assert "elements" not in first["rows"]["page-bm25"]
    assert "predicted" not in first
    assert second["id"] == "a.pdf#2"


def test_means_are_those_of_the_questions(two_rows: EvalResult) -> None:
    told = to_json(two_rows)
    for name, mean in told["metrics"].items():
        values = [question["metrics"][name] for question in told["per_question"] if name in question["metrics"]]
        assert mean == pytest.approx(sum(values) / len(values), abs=1e-4)
        low, high = told["intervals"][name]
        assert low <= mean <= high


def test_each_citation_counts_in_their_precision_and_each_question_in_the_mean(two_rows: EvalResult) -> None:
    shares, counts = (0.25, 1.0), (4, 1)
    records = tuple(
        replace(one, answer="So", citations=count, metrics={**one.metrics, "citation_on_gold_page": share})
        for one, share, count in zip(two_rows.row.records, shares, counts, strict=True)
    )
    uncited = replace(two_rows.row.records[0], answer="None", citations=3)  # no gold page was found
    made = result(("lexical", (*records, uncited)))
    assert made.row.means()["citation_precision"] == 2 / 5
    assert made.row.means()["citation_on_gold_page"] == 0.625
    assert "citation_precision" not in two_rows.row.means()
    line = next(row for row in tables.metrics_table(made).rows if row[0] == "citation_precision")
    assert line[1:4] == ("2", "0.400", "-")
    again = from_json(json.loads(written(to_json(made))))
    assert [one.citations for one in again.row.records] == [4, 1, 3]


def test_every_row_is_told_and_compared_with_the_first(two_rows: EvalResult) -> None:
    ours, baseline = to_json(two_rows)["rows"]
    assert (ours["retriever"], baseline["retriever"]) == ("lexical", "page-bm25")
    assert baseline["compared"]["page_hit@1"]["difference"] == 0.5
    assert "element_recall@1" not in baseline["metrics"]
    assert ours["metrics"] == to_json(two_rows)["metrics"]


def test_no_figure_depends_on_the_order_of_questions(demo_run: tuple[EvalResult, Path]) -> None:
    ran, _ = demo_run
    turned = replace(ran, rows=tuple(replace(row, records=row.records[::-1]) for row in ran.rows))
    for key in ("metrics", "counts", "intervals", "by", "rows", "seconds"):
        assert to_json(turned)[key] == to_json(ran)[key]


def test_a_file_read_back_is_the_same_result(two_rows: EvalResult, tmp_path: Path) -> None:
    answered = replace(two_rows.row.records[0], answer="“So”\n", said_answerable=True, answer_seconds=0.25)
    rows = (replace(two_rows.row, records=(answered, two_rows.row.records[1])), two_rows.rows[1])
    for one in (two_rows, replace(two_rows, rows=rows, generator="parrot")):
        path = tmp_path / "a.json"
        path.write_text(written(to_json(one)), encoding="utf-8")
        assert load(path) == one
        assert written(to_json(load(path))) == path.read_text(encoding="utf-8")


def test_a_real_file_read_back_is_the_same_file(demo_run: tuple[EvalResult, Path]) -> None:
    text = written(to_json(demo_run[0]))
    assert written(to_json(from_json(json.loads(text)))) == text
    assert len(text.splitlines()) < 50  # a question a line


def without(key: str) -> Any:
    def broken(told: dict[str, Any]) -> Any:
        del told["per_question"][1][key]
        return told

    return broken


@pytest.mark.parametrize(
    "broken",
    [
        lambda told: [],
        lambda told: {"benchmark": "demo"},
        lambda told: told | {"per_question": []},
        lambda told: told | {"per_question": [1]},
        lambda told: told | {"retriever": "dense"},
        lambda told: told | {"rows": {"lexical": 1}},
        without("id"),
        without("metrics"),
        without("rows"),
    ],
)
def test_other_files_are_refused_in_one_line(two_rows: EvalResult, tmp_path: Path, broken: Any) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(broken(to_json(two_rows))))
    with pytest.raises(InputError, match=r"a\.json is not a result that `svrag eval --json` wrote") as raised:
        load(path)
    assert "\n" not in str(raised.value)


def test_no_file_no_json_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none\.json"):
        load(tmp_path / "none.json")
    (tmp_path / "a.json").write_bytes(b'{"benchmark": ')
    with pytest.raises(InputError, match="is not a result"):
        load(tmp_path / "a.json")
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not text"):
        load(tmp_path / "a.json")


def test_tables_are_rectangular_and_mark_what_was_not_measured(two_rows: EvalResult) -> None:
    metrics, slices, differences = (
        tables.metrics_table(two_rows),
        tables.slice_table(two_rows),
        tables.differences_table(two_rows),
    )
    for header, rows in (metrics, slices, differences):
        assert {len(row) for row in rows} == {len(header)}
    figures = {row[0]: row[1:] for row in metrics.rows}
    assert figures["page_hit@1"] == ("2", "0.500", "0.000-1.000", "0.000")
    assert figures["element_recall@1"] == ("2", "0.500", "0.000-1.000", "-")
    assert [row[0] for row in slices.rows] == ["doc_type", "· Paper", "· Report", "source", "· Chart", "· Table"]
    assert differences.rows[0][:2] == ("page_hit@1 - page-bm25", "+0.500")


def test_remarks_end_with_the_notes(two_rows: EvalResult) -> None:
    remarks = tables.remarks(two_rows)
    assert remarks[-1] == "a note"
    assert remarks[0] == "lexical: a search took 15.0 ms (median), 19.5 ms (95 %)"


def test_nothing_in_a_cell_is_markup() -> None:
    table = tables.TextTable(("a|b", "n"), (("<script>*x*\n_y_ `z` [q](r) &lt;", "1"),))
    assert tables.markdown(table).splitlines() == [
        r"| a\|b | n |",
        "|---|---:|",
        r"| \<script\>\*x\* \_y\_ \`z\` \[q\](r) &amp;lt; | 1 |",
    ]
