"""The whole experiment with a tiny encoder, and the parts that can be wrong without anybody noticing."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks import text_runs
from benchmarks.title_abstract import Plan, learnt_from, main, papers_of, parts_of
from tests.retrievers.dense.checkpoints import WORDS, write_encoder

TOPICS = ["gr-qc", "hep-th", "astro-ph.CO", "math-ph", "cond-mat.stat-mech", "cs.LG", "cs.AI", "stat.ML", "q-bio"]
PLAN = Plan(2, 8, None, None, 6, 16, 1e-3, 0.05, "float32", 7, None, False)


def write_papers(folder: Path, count: int = 560) -> Path:
    draw = random.Random(0)

    def rows(first: int, many: int) -> pa.Table:
        numbers = range(first, first + many)
        return pa.table(
            {
                "arxiv_id": [f"id{n}" for n in numbers],
                "title": [f"{draw.choice(WORDS)} {n}" for n in numbers],
                "abstract": [" ".join(draw.choices(WORDS, k=12)) for n in numbers],
                "topic": [TOPICS[n % len(TOPICS)] for n in numbers],
            }
        )

    folder.mkdir()
    pq.write_table(rows(0, 9), folder / "dev.parquet")
    pq.write_table(rows(5, count), folder / "train.parquet")  # ids 5 to 8 are of dev
    return folder


def test_what_is_asked_is_never_learnt_from(tmp_path: Path) -> None:
    data = write_papers(tmp_path / "data")
    papers = papers_of(data, PLAN)
    assert len(papers.titles) == 9
    assert len(papers.abstracts) == 9 + PLAN.distractors
    learnt = set(papers.train["abstract"].to_pylist())
    assert not learnt & set(papers.abstracts)
    assert len(papers.train) == 560 - 4 - 500 - PLAN.distractors, "four of dev, those for choosing, the distractors"
    chosen = papers_of(data, replace(PLAN, choose=True))
    assert len(chosen.titles) == 500
    assert not set(chosen.titles) & set(papers.titles), "settings are chosen without dev"
    assert chosen.train.equals(papers.train)
    assert papers_of(data, replace(PLAN, papers=11)).train.equals(papers.train.slice(0, 11))


def test_arms_differ_in_their_batches_alone(tmp_path: Path) -> None:
    random_parts, topics = (parts_of(arm, PLAN, tmp_path / "train.parquet") for arm in ("random", "topics"))
    batches = topics.pop("batches")
    assert topics == random_parts
    assert {topic for group in batches["groups"] for topic in group["topics"]} == set(TOPICS)


def test_hard_negatives_are_those_of_other_titles_that_are_learnt_from(tmp_path: Path) -> None:
    papers = papers_of(write_papers(tmp_path / "data"), PLAN)
    for name in ("plain", "mined"):
        (tmp_path / name).mkdir()
    plain = learnt_from(tmp_path / "plain", papers.train, PLAN, tmp_path)
    assert "negatives" not in pq.read_table(plain).column_names
    file = learnt_from(tmp_path / "mined", papers.train, replace(PLAN, negatives="lexical"), tmp_path)
    rows = pq.read_table(file).to_pylist()
    assert [row["title"] for row in rows] == papers.train["title"].to_pylist()
    learnt = set(papers.train["abstract"].to_pylist())
    assert all(row["negatives"] in learnt - {row["abstract"]} for row in rows)
    words = [(set(row["title"].split()), row["negatives"].split(), row["abstract"].split()) for row in rows]
    shared = [bool(title & set(negative)) for title, negative, _ in words]
    assert sum(shared) > 1.2 * sum(bool(title & set(abstract)) for title, _, abstract in words), (
        "they look like answers"
    )


def test_runs_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, base = write_papers(tmp_path / "data"), write_encoder(tmp_path / "tiny")
    journal = tmp_path / "journal"
    common = ["--data", str(data), "--journal", str(journal), "--base", str(base), "--steps=2", "--batch=8"]
    common += ["--learnt=6", "--longest=16", "--distractors=7", "--negatives=lexical"]
    assert main([*common, "--seeds", "1", "--arms", "topics"]) == 0
    first = (journal / "topics-1.json").read_text()
    assert main([*common, "--seeds", "1", "2", "--arms", "topics"]) == 0
    assert (journal / "topics-1.json").read_text() == first, "what is there is not made again"
    results = {file.stem: json.loads(file.read_text()) for file in journal.glob("*-*.json")}
    halves = {"topics, half-1", "topics, half-2"}
    assert set(results) == {"lexical-0", "base-0", "base, 256 tokens-0", "topics-1", "topics-2", *halves}
    assert all(len(result["questions"]) == 9 for result in results.values())
    assert results["topics-1"]["losses"] != results["topics-2"]["losses"]
    told = capsys.readouterr().out
    assert "9 titles, 16 abstracts" in told
    assert "| topics | 2 |" in told
    assert "| minus base |" in told
    with pytest.raises(SystemExit, match="another plan"):
        main([*common, "--rate=0.5"])


def test_metrics_of_a_ranking() -> None:
    told = text_runs.measured([3, 1, 2, 0], {1: 1.0, 0: 1.0, 9: 1.0})
    assert told["recall@1"] == told["precision@1"] == 0
    assert told["recall@5"] == pytest.approx(2 / 3)
    assert told["precision@5"] == pytest.approx(2 / 5)
    assert told["mrr"] == 0.5


def test_blended_weights_lie_between(tmp_path: Path) -> None:
    before, trained = write_encoder(tmp_path / "before"), write_encoder(tmp_path / "trained")
    file = "model.safetensors"
    began, ended = load_file(before / file), {key: value + 1 for key, value in load_file(trained / file).items()}
    save_file(ended, trained / file, metadata={"format": "pt"})
    made = load_file(text_runs.blended(before, trained, 0.25, tmp_path / "made") / file)
    for key, weight in made.items():
        torch.testing.assert_close(weight, 0.75 * began[key] + 0.25 * ended[key])
