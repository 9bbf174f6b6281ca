from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.evaluation import tables
from svrag.evaluation.bootstrap import paired
from svrag.evaluation.compare import Comparison, compare
from svrag.evaluation.result import EvalResult
from tests.evaluation.results_made import record, result

NAMES = ("A.json", "B.json")


def made(seed: int, count: int = 60) -> EvalResult:
    """Rankings of 12 pages by chance; questions on six documents in two slices."""
    chance = random.Random(seed)
    records = []
    for n in range(count):
        pages = chance.sample(range(1, 13), 12)
        kind = ("kind", "odd" if n % 2 else "even")
        records.append(record(n, tuple(pages), {n % 12 + 1}, kind, document=f"{'abcdef'[n % 6]}.pdf"))
    return result(("lexical", records))


def figures(comparison: Comparison) -> dict[str, tuple[float, ...]]:
    return {
        name: (*one.means, one.difference.mean, one.difference.low, one.difference.high, one.difference.p)
        for name, one in comparison.metrics.items()
    }


def test_a_run_does_not_differ_from_itself() -> None:
    same = compare(made(1), made(1), NAMES)
    assert same.questions == 60
    assert same.documents == 6
    for one in (*same.metrics.values(), *(m for v in same.by.values() for s in v.values() for m in s.values())):
        assert one.means[0] == one.means[1]
        for difference in filter(None, (one.difference, one.by_document)):
            assert (difference.mean, difference.low, difference.high, difference.p) == (0, 0, 0, 1)


def test_turned_round_it_is_the_same_with_the_other_sign() -> None:
    forth, back = compare(made(1), made(2), NAMES), compare(made(2), made(1), NAMES[::-1])
    assert forth.metrics.keys() == back.metrics.keys()
    for name, one in forth.metrics.items():
        other = back.metrics[name]
        assert one.means == other.means[::-1]
        for a, b in ((one.difference, other.difference), (one.by_document, other.by_document)):
            assert a is not None
            assert b is not None
            assert (a.mean, a.low, a.high, a.p) == pytest.approx((-b.mean, -b.high, -b.low, b.p))
    assert any(one.difference.mean for one in forth.metrics.values())


def test_the_order_of_questions_does_not_matter() -> None:
    a, b = made(1), made(2)
    shuffled = replace(a, rows=(replace(a.row, records=tuple(random.Random(3).sample(a.row.records, 60))),))
    assert compare(shuffled, b, NAMES) == compare(a, b, NAMES)


def test_a_metric_is_compared_as_the_paired_bootstrap_does() -> None:
    a, b = made(1), made(2)
    pairs = sorted(zip(a.row.records, b.row.records, strict=True), key=lambda pair: pair[0].question.id)
    expected = paired([x.metrics["mrr"] for x, _ in pairs], [y.metrics["mrr"] for _, y in pairs])
    assert compare(a, b, NAMES).metrics["mrr"].difference == expected


def test_questions_of_a_document_that_go_together_make_the_interval_by_document_wider() -> None:
    better = {"a.pdf": (1, 2), "b.pdf": (1, 2), "c.pdf": (2, 1), "d.pdf": (1, 2)}
    ours, theirs = [], []
    for n in range(80):
        document = "abcd"[n % 4] + ".pdf"
        ours.append(record(n, better[document], {1}, document=document))
        theirs.append(record(n, better[document][::-1], {1}, document=document))
    one = compare(result(("a", ours)), result(("b", theirs)), NAMES).metrics["page_hit@1"]
    assert one.by_document is not None
    assert one.difference.mean == one.by_document.mean == 0.5
    width, by_document = (d.high - d.low for d in (one.difference, one.by_document))
    assert by_document > 2 * width
    assert one.difference.p < 0.01 < one.by_document.p


def test_slices_are_those_of_the_questions() -> None:
    by = compare(made(1), made(2), NAMES).by
    assert by.keys() == {"kind"}
    assert {value: metrics["mrr"].questions for value, metrics in by["kind"].items()} == {"even": 30, "odd": 30}


def test_only_shared_questions_count_and_the_others_are_named() -> None:
    a, b = made(1), made(1)
    shorter = replace(b, rows=(replace(b.row, records=b.row.records[2:]),))
    comparison = compare(a, shorter, NAMES)
    assert comparison.questions == 58
    assert comparison.only == (("a.pdf#0", "b.pdf#1"), ())
    assert comparison.to_json()["only_first"] == ["a.pdf#0", "b.pdf#1"]
    assert "only in A.json, not compared: 2 questions (a.pdf#0, b.pdf#1)" in tables.comparison_remarks(comparison)


def test_one_document_has_no_interval_by_document() -> None:
    one = result(("lexical", [record(n, (1, 2), {1}) for n in range(5)]))
    comparison = compare(one, one, NAMES)
    assert comparison.metrics["mrr"].by_document is None
    assert not tables.by_document_table(comparison).rows
    assert comparison.to_json()["metrics"]["mrr"]["by_document"] is None


def test_what_is_not_comparable_is_refused() -> None:
    a = made(1)
    with pytest.raises(InputError, match=r"A\.json is of demo, B\.json of beir/scifact"):
        compare(a, replace(a, benchmark="beir/scifact"), NAMES)
    with pytest.raises(InputError, match=r"the question files of A\.json and B\.json differ"):
        compare(a, replace(a, settings={"data": {"questions.json": "decaf"}}), NAMES)
    other = replace(a.row.records[0], document_id="0123456789ab")
    with pytest.raises(InputError, match=r"a\.pdf is not the same file in both"):
        compare(a, replace(a, rows=(replace(a.row, records=(other, *a.row.records[1:])),)), NAMES)
    elsewhere = result(("lexical", [record(1, (1,), {1}, document="z.pdf")]))
    with pytest.raises(InputError, match="no question and metric in common"):
        compare(a, elsewhere, NAMES)


def test_other_settings_are_noted() -> None:
    a = made(1)
    other = replace(a, settings={**a.settings, "k": 10})
    assert compare(a, other, NAMES).notes == ("settings differ: k is 5 and 10",)


def test_tables_are_rectangular() -> None:
    comparison = compare(made(1), made(2), NAMES)
    made_tables = (
        tables.comparison_table(comparison),
        tables.by_document_table(comparison),
        tables.comparison_slice_table(comparison, "page_hit@1"),
    )
    for header, rows in made_tables:
        assert rows
        assert {len(row) for row in rows} == {len(header)}


def test_the_demo_set_against_its_baseline(demo_run: tuple[EvalResult, Path]) -> None:
    ours, _ = demo_run
    baseline = replace(ours, rows=ours.rows[1:])
    comparison = compare(ours, baseline, NAMES)
    assert comparison.metrics["page_hit@1"].questions == len(ours.row.values("page_hit@1"))
    expected = ours.rows[0].means()["mrr"] - ours.rows[1].means()["mrr"]
    assert comparison.metrics["mrr"].difference.mean == pytest.approx(expected)
    assert "element_recall@5" not in comparison.metrics
