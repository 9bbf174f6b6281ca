"""The whole experiment with a tiny encoder, and the parts that can be wrong without anybody noticing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import text_runs
from benchmarks.learn_to_pool import (
    FACTORS,
    Plan,
    asked_by,
    halves,
    listed,
    main,
    parts_of,
    shortened,
    write_lists,
    write_pairs,
)
from svrag.retrievers.maxsim.pooling import pool
from tests.benchmarks.beir_made import write_set
from tests.retrievers.dense.checkpoints import write_encoder

PLAN = Plan(
    steps=2,
    batch=4,
    candidates=3,
    asked="titles",
    pairs=False,
    dimension=None,
    layers=None,
    words=8,
    longest=16,
    rate=1e-3,
    temperature=0.1,
    precision="float32",
    others=6,
    choose=False,
)


@pytest.mark.parametrize("choose", [False, True])
def test_nothing_that_is_measured_was_learnt_from(tmp_path: Path, choose: bool) -> None:
    data = text_runs.text_set(write_set(tmp_path / "set"))
    learnt, asked = halves(data, replace(PLAN, choose=choose))
    assert not set(learnt.documents) & set(asked.documents)
    assert not set(learnt.claims) & set(asked.claims)
    assert all(number in asked.documents for id in asked.claims for number in data.gains[id])
    assert len(asked.claims) == (2 if choose else 12)
    if choose:
        whole, later = halves(data, PLAN)
        assert {*learnt.claims, *asked.claims} == set(whole.claims), "settings are chosen on the training half"
        assert not {*learnt.documents, *asked.documents} & set(later.documents)


def test_titles_ask_for_what_follows_them(tmp_path: Path) -> None:
    whole = text_runs.text_set(write_set(tmp_path / "set"))
    plan = replace(PLAN, pairs=True)
    learnt, asked = halves(whole, plan)
    assert len(learnt.documents) == 40 - len(asked.documents), "all that are not measured"
    write_pairs(tmp_path / "pairs.jsonl", whole, learnt, plan)
    rows = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    claims, titles = rows[: len(learnt.claims)], rows[len(learnt.claims) :]
    for id, row in zip(learnt.claims, claims, strict=True):
        assert row["query"] == whole.questions[id]
        assert row["document"].startswith(f"kiln {row['query']}")
    for number, row in zip(learnt.documents, titles, strict=True):
        assert row == {"query": "kiln", "document": " ".join(whole.texts[number].split()[1:9])}


def test_endings_ask_for_beginnings_that_they_are_not_in() -> None:
    texts = (
        "Kilns\nWe fired twelve kilns. They were hot. Kilns can be fired.",
        "Kilns\nWe fired one. It was hot.",
        "Kilns\nWe fired twelve kilns with wood. They were hot. (ABSTRACT TRUNCATED AT 250 WORDS)",
        "Kilns\nA text of a single sentence that is long enough for nothing",
    )
    plan = replace(PLAN, asked="endings")
    questions, beginnings = asked_by(text_runs.TextSet(texts, {}, {}), range(4), plan)
    assert questions == ["Kilns can be fired."]
    assert beginnings == ["Kilns We fired twelve kilns. They were hot."]


def test_claims_that_share_a_document_share_a_part() -> None:
    gains = {"a": {1: 1.0, 2: 1.0}, "b": {3: 1.0}, "c": {2: 1.0, 4: 1.0}, "d": {4: 1.0, 3: 1.0}, "e": {9: 1.0}}
    groups = text_runs.groups_of(gains)
    assert len({groups[id] for id in "abcd"}) == 1
    assert groups["e"] != groups["a"]
    parts = text_runs.parts_of(groups, 2)
    assert sorted(map(sorted, parts)) == [["a", "b", "c", "d"], ["e"]]


def test_lists_hold_the_best_and_some_further_down() -> None:
    scores = np.arange(30, 0, -1, dtype=np.float32)
    assert listed(scores, 6) == [0, 1, 2, 5, 11, 23]
    assert listed(scores, 5) == [0, 1, 2, 5, 11]
    assert listed(scores[:4], 6) == [0, 1, 2]


def test_lists_have_what_is_right_first(tmp_path: Path) -> None:
    whole = text_runs.text_set(write_set(tmp_path / "set"))
    learnt, _ = halves(whole, PLAN)
    base = text_runs.base_in(tmp_path / "base", write_encoder(tmp_path / "tiny"), 16)
    write_lists(tmp_path / "lists.jsonl", whole, learnt, PLAN, base)
    rows = [json.loads(line) for line in (tmp_path / "lists.jsonl").read_text().splitlines()]
    claims, titles = rows[: len(learnt.claims)], rows[len(learnt.claims) :]
    for id, row in zip(learnt.claims, claims, strict=True):
        assert row["query"] == whole.questions[id]
        assert row["documents"][0] in {" ".join(whole.texts[number].split()[:8]) for number in whole.gains[id]}
    for number, row in zip(learnt.documents, titles, strict=True):
        title, _, abstract = whole.texts[number].partition("\n")
        assert (row["query"], row["documents"][0]) == (title, " ".join(abstract.split()[:8]))
    for row in rows:
        assert len(row["documents"]) == PLAN.candidates
        assert row["scores"] == sorted(row["scores"], reverse=True)
        assert row["scores"][0] >= 2


@pytest.mark.parametrize("pairs", [False, True])
def test_arms_differ_in_pooling_alone(tmp_path: Path, pairs: bool) -> None:
    plan = replace(PLAN, pairs=pairs)
    plain, with_pooling = (parts_of(arm, plan, tmp_path) for arm in ("without pooling", "with k-means"))
    assert with_pooling.pop("pooling") == {"method": "kmeans", "least": 1, "most": 6}
    assert with_pooling == plain


@pytest.mark.parametrize("method", ["kmeans", "hierarchical", "span"])
def test_documents_are_pooled_as_when_they_are_indexed(method: str) -> None:
    draw = np.random.default_rng(0)
    made = [draw.normal(size=(count, 8)).astype(np.float32) for count in (3, 17, 9)]
    vectors = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in made]
    for ours, whole in zip(shortened(vectors, 3, method), vectors, strict=True):  # type: ignore[arg-type]
        indexed = pool(whole, 3, method)  # type: ignore[arg-type]
        assert ours.shape == indexed.shape
        assert np.allclose(np.sort(ours @ indexed.T, axis=1)[:, -1], 1, atol=1e-5), "the same, in whatever order"


def test_runs_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, base = write_set(tmp_path / "set"), write_encoder(tmp_path / "tiny")
    journal = tmp_path / "journal"
    common = ["--data", str(data), "--journal", str(journal), "--base", str(base), "--steps=2", "--batch=4"]
    common += ["--candidates=3", "--longest=16", "--words=8", "--others=6"]
    assert main([*common, "--seeds", "1"]) == 0
    told = capsys.readouterr().out
    assert "12 claims, 12 documents" in told
    assert "| with k-means | 1 |" in told
    assert "| minus without pooling |" in told
    results = {file.stem: json.loads(file.read_text()) for file in journal.glob("*-*.json")}
    assert set(results) == {"references-0", "untrained-0", "without pooling-1", "with k-means-1"}
    pooled = results["with k-means-1"]
    assert len(pooled["questions"]) == 12
    assert {f"kmeans {factor}" for factor in FACTORS} <= set(next(iter(pooled["questions"].values())))
    assert pooled["losses"] != results["without pooling-1"]["losses"]
    before = (journal / "with k-means-1.json").read_text()
    assert main([*common, "--seeds", "1"]) == 0
    assert (journal / "with k-means-1.json").read_text() == before, "what is there is not made again"


def test_the_same_models_are_measured_on_other_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, base = write_set(tmp_path / "set"), write_encoder(tmp_path / "tiny")
    other = write_set(tmp_path / "other", documents=20, claims=6)
    journal = tmp_path / "journal"
    common = ["--data", str(data), "--journal", str(journal), "--base", str(base), "--steps=2", "--batch=4"]
    common += ["--candidates=3", "--longest=16", "--words=8", "--others=6", "--seeds", "1"]
    assert main([*common, "--arms", "untrained", "with k-means"]) == 0
    before = {file.name: file.read_text() for file in journal.glob("*-*.json")}
    capsys.readouterr()
    assert main([*common, "--arms", "untrained", "with k-means", "--also", str(other)]) == 0
    assert {name: (journal / name).read_text() for name in before} == before, "nothing is trained again"
    for arm in ("untrained-0", "with k-means-1"):
        result = json.loads((journal / f"{arm} other.json").read_text())
        assert (result["set"], result["documents"], len(result["questions"])) == ("other", 20, 6)
        assert "losses" not in result
    told = capsys.readouterr().out
    assert "12 claims, 12 documents" in told
    assert "other, 20 documents" in told
    assert told.index("12 claims") < told.index("other, 20")


def test_a_new_layer_begins_differently_with_each_seed(tmp_path: Path) -> None:
    data, base = write_set(tmp_path / "set"), write_encoder(tmp_path / "tiny")
    journal = tmp_path / "journal"
    common = ["--data", str(data), "--journal", str(journal), "--base", str(base), "--steps=2", "--batch=4"]
    common += ["--longest=16", "--words=8", "--others=6", "--pairs", "--dimension=4", "--layers=1"]
    assert main([*common, "--arms", "untrained", "--seeds", "1", "2"]) == 0
    assert main([*common, "--arms", "with k-means", "--seeds", "1"]) == 0
    drawn = {file.stem: json.loads(file.read_text())["questions"] for file in journal.glob("untrained-*.json")}
    assert set(drawn) == {"untrained-1", "untrained-2"}
    assert drawn["untrained-1"] != drawn["untrained-2"]
    assert (journal / "with k-means-1.json").is_file()
