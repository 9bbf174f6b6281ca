"""The whole experiment with tiny encoders, and the parts that can be wrong without anybody noticing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import text_runs
from benchmarks.text_finetuning import SETS, Plan, main, pairs, parts_of, smaller
from tests.benchmarks.beir_made import write_set
from tests.retrievers.dense.checkpoints import write_encoder

PLAN = Plan(2, 4, 16, 1e-3, "float32", 20, 24)


def test_a_smaller_set_keeps_what_is_right(tmp_path: Path) -> None:
    whole = text_runs.text_set(write_set(tmp_path / "set"))
    small = smaller(whole, 15, 24)
    assert len(small.texts) == 15
    assert {id: {small.texts[i] for i in own} for id, own in small.gains.items()} == {
        id: {whole.texts[i] for i in own} for id, own in whole.gains.items()
    }
    assert len(smaller(whole, 3, 24).texts) == 12, "the right ones are never left out"
    some = smaller(whole, 3, 5)
    assert len(some.questions) == len(some.gains) == 5
    assert {i for own in some.gains.values() for i in own} == set(range(len(some.texts)))


def test_pairs_are_of_their_claims_alone(tmp_path: Path) -> None:
    data = text_runs.text_set(write_set(tmp_path / "set"))
    claims = ["q0", "q1", "q6", "q8"]
    rows = pairs(data, claims)
    right = {data.texts[number] for id in claims for number in data.gains[id]}
    for id, row in zip(claims, rows, strict=True):
        assert row["query"] == data.questions[id]
        assert row["document"] == [data.texts[number] for number in data.gains[id]]
        assert len(row["negatives"]) == 1
        assert set(row["negatives"]) <= right - set(row["document"])


def test_recipes_differ_in_their_family(tmp_path: Path) -> None:
    dense, sparse, late = (parts_of(arm, PLAN, tmp_path) for arm in ("dense", "sparse", "late"))
    assert [parts["model"]["family"] for parts in (dense, sparse, late)] == ["dense", "sparse", "text"]
    assert "sparsity" in sparse
    assert {**late, "model": None} == {**dense, "model": None}


def test_runs_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    for name in SETS:
        write_set(tmp_path / "data" / name)
    base = write_encoder(tmp_path / "tiny")
    journal = tmp_path / "journal"
    common = ["--data", str(tmp_path / "data"), "--journal", str(journal), "--base", str(base)]
    common += ["--steps=2", "--batch=4", "--longest=16", "--documents=20", "--questions=11"]
    assert main([*common, "--seeds", "1"]) == 0
    results = {file.stem: json.loads(file.read_text()) for file in journal.glob("*-*.json")}
    assert set(results) == {"lexical-0", *(f"{arm}-{seed}" for arm in ("dense", "sparse", "late") for seed in (0, 1))}
    learnt = {json.loads(line)["query"] for line in (journal / "pairs-1.jsonl").read_text().splitlines()}
    data = text_runs.text_set(tmp_path / "data" / "scifact")
    measured = {data.questions[id] for id in results["dense-1"]["sets"]["scifact"]}
    assert len(results["dense-1"]["sets"]["scifact"]) == 8, "a third of the claims"
    assert not learnt & measured
    assert len(results["dense-1"]["sets"]["litsearch"]) == 11
    assert results["sparse-1"]["terms"] >= 0
    told = capsys.readouterr().out
    assert "scifact: 24 questions, 20 documents" in told
    assert told.count("| late, fine-tuned | 1 |") == len(SETS)
    assert told.count("| minus dense |") == len(SETS)
    before = (journal / "late-1.json").read_text()
    assert main([*common, "--seeds", "1"]) == 0
    assert (journal / "late-1.json").read_text() == before, "what is there is not made again"
