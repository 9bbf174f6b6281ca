from __future__ import annotations

from dataclasses import replace

import pytest

from svrag.errors import InputError
from svrag.evaluation import tables
from svrag.evaluation.before_after import before_after_table, query_set_tables, verdicts
from svrag.evaluation.bootstrap import paired
from svrag.evaluation.metrics import question_metrics
from svrag.evaluation.result import EvalResult, QuestionRecord, RetrieverRow
from svrag.evaluation.result_json import from_json, to_json
from svrag.evaluation.runner import run
from tests.evaluation.results_made import record, result

SETS = [("inline", "0"), ("inline", "1"), ("manual", "1"), ("manual", "1")]


def found_at(rank: int, n: int, *slices: tuple[str, str]) -> QuestionRecord:
    """Question `n`, whose gold page 99 comes up at `rank`, with metrics a hundred deep."""
    pages = (*range(1, rank), 99)
    made = record(n, pages, {99}, *slices)
    return replace(made, metrics=question_metrics(made.ranking, made.gold, 100))


def measured(after: list[int], before: list[int], sets: list[tuple[str, str]] | None = None) -> EvalResult:
    """The gold text's rank in each question, after and before; and a third retriever that always is right."""

    def row(ranks: list[int]) -> list[QuestionRecord]:
        told = [(("query_set", name), ("specificity", spec)) for name, spec in sets] if sets else [()] * len(ranks)
        return [found_at(rank, n, *slices) for n, (rank, slices) in enumerate(zip(ranks, told, strict=True))]

    made = result(("tuned", row(after)), ("base", row(before)), ("other", row([1] * len(after))))
    tuned, base, other = made.rows
    return replace(made, rows=(replace(tuned, before="base"), base, other))


def test_before_and_after_with_the_paired_test() -> None:
    after, before = [1, 2, 1, 30], [2, 4, 1, 6]
    table = before_after_table(measured(after, before))
    assert table.rows[0][0] == "tuned (before: base)"
    lines = {line[0]: line[1:] for line in table.rows}
    difference = paired([1, 1 / 2, 1, 1 / 30], [1 / 2, 1 / 4, 1, 1 / 6])
    assert lines["· mrr"] == ("4", "0.479", "0.633", *tables.difference_cells(difference))
    assert lines["· recall@20"][:4] == ("4", "1.000", "0.750", "-0.250")
    assert lines["· precision@5"][1:3] == ("0.150", "0.150")
    assert not any("inline" in name for name in lines)
    assert before_after_table(result(("a", [record(1, (1,), {1})]))).rows == ()


def test_query_sets_have_the_layout_of_the_seed() -> None:
    broad, specific = query_set_tables(measured([1, 6, 1, 30], [30, 1, 3, 7], SETS))
    assert broad.header == ("spec0 recall", "inline@20")
    assert broad.rows == (("tuned", "1.000 (0.000)"), ("other", "1.000"))
    assert specific.header == ("spec1 recall", "inline@5", "inline@20", "manual@5", "manual@20", "avg@20")
    tuned, other = specific.rows
    assert tuned == (
        "tuned", "0.000 (1.000)", "1.000 (1.000)", "0.500 (0.500)", "0.500 (1.000)", "0.667 (1.000)",
    )  # fmt: skip
    assert set(other[1:]) == {"1.000"}
    assert query_set_tables(measured([1], [1])) == []


def test_query_sets_without_specificity_are_one_table() -> None:
    made = measured([1, 2], [2, 1], [("inline", ""), ("manual", "")])
    rows = tuple(
        replace(row, records=tuple(replace(one, slices=one.slices[:1]) for one in row.records)) for row in made.rows
    )
    (table,) = query_set_tables(replace(made, rows=rows))
    assert table.header == ("recall", "inline@5", "inline@20", "manual@5", "manual@20", "avg@20")
    names = [line[0] for line in before_after_table(replace(made, rows=rows)).rows]
    assert "· recall@20 inline" in names
    assert "· recall@20 avg" not in names  # is recall@20


def test_each_query_set_has_its_own_difference() -> None:
    lines = {line[0]: line[1:] for line in before_after_table(measured([1, 6, 1, 30], [30, 1, 3, 7], SETS)).rows}
    assert lines["· recall@20 inline, spec0"][:4] == ("1", "0.000", "1.000", "+1.000")
    assert lines["· recall@20 manual, spec1"][:4] == ("2", "1.000", "0.500", "-0.500")
    assert lines["· recall@20 avg, spec1"][0] == "3"


@pytest.mark.parametrize(
    ("after", "before", "said", "use"),
    [
        ([1] * 9, [3] * 9, "training helped: ndcg@10 0.500 -> 1.000 (+0.500, p < 0.001)", "use tuned"),
        ([3] * 9, [1] * 9, "training hurt: ndcg@10 1.000 -> 0.500 (-0.500, p < 0.001)", "stay with base"),
        ([1, 3, 1, 3], [3, 1, 3, 1], "no sure difference by training: ndcg@10 0.750 -> 0.750", "base stays"),
    ],
)
def test_the_verdict(after: list[int], before: list[int], said: str, use: str) -> None:
    (line,) = verdicts(measured(after, before))
    assert line.startswith(f"tuned: {said}")
    assert line.endswith(f"; {use}")


def test_the_json_keeps_what_was_before() -> None:
    made = measured([1, 2], [2, 1])
    again = from_json(to_json(made))
    assert [row.before for row in again.rows] == ["base", "", ""]
    assert before_after_table(again) == before_after_table(made)
    broken = to_json(made)
    broken["rows"][0]["before"] = "gone"
    with pytest.raises(ValueError, match="not there"):
        from_json(broken)


def test_means_of_several_sets_count_each_alike() -> None:
    records = tuple(found_at(rank, n, ("set", name)) for n, (rank, name) in enumerate([(1, "a"), (1, "a"), (2, "b")]))
    remarks = tables.remarks(replace(result(("x", records)), rows=(RetrieverRow("x", records),)))
    assert "x: means of the 2 sets' own means: ndcg@10 0.815, mrr 0.750, page_recall@20 1.000" in remarks


def test_what_was_before_must_be_another_retriever() -> None:
    for before, said in (
        (["lexical"], "before itself"),
        (["dense", "dense"], "2 times for 1"),
        (["no model"], "unknown"),
    ):
        with pytest.raises(InputError, match=said):
            run("demo", before=before)
