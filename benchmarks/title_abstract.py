"""Does fine-tuning help to find a paper's abstract by its title? InfoNCE on arXiv, a real experiment on a CPU.

    python benchmarks/title_abstract.py --data DIR --journal DIR              # run, or go on
    python benchmarks/title_abstract.py --journal DIR --table                 # what there is so far
    python benchmarks/title_abstract.py --data DIR --journal DIR --choose     # on training papers alone: for settings

DIR has train.parquet and dev.parquet with title, abstract, topic. The titles of dev ask for their abstracts among those
of dev and of papers of train that no run learns from. Each seed trains all-MiniLM-L6-v2 twice on the same number of
pairs: with batches drawn alike, and with the topics in the shares of configs/qwen2_5_embedding.yaml. Beside them: the base
with as many tokens, the base with its own 256, and BM25. Each trained model is measured once more with half of its update
(`adapter.blend`). With --choose papers of train stand in for dev: settings are to be chosen there. With --negatives each
title comes with one of the abstracts that the named retriever ranks highest beside its own, among those that are learnt
from. Training reads the beginnings of abstracts only, to save time; all measure with `--longest` tokens.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import journals, text_runs
from svrag.training.config import PairData
from svrag.training.mining.mine import Mining, mine
from svrag.training.mining.rankers import ranker_named
from svrag.training.recipes import load_recipe

METRICS = ("recall@1", "recall@5", "mrr", "precision@1", "precision@5")
SLOWEST = "base, 256 tokens"
REFERENCES = ("lexical", "base", SLOWEST)
ARMS = ("random", "topics")
HALF = ", half"
"""After the name of an arm: its models with half of their updates."""
_CHOOSING = 500  # papers of train that stand in for dev
_MINED = 10  # ranks that a negative is drawn from


@dataclass(frozen=True, slots=True)
class Plan:
    """What every figure depends on besides the arm and the seed."""

    steps: int
    batch: int
    papers: int | None  # that are learnt from, at most
    negatives: str | None  # the retriever that mines them
    learnt: int  # tokens of a text that training reads
    longest: int
    rate: float
    temperature: float
    precision: str
    distractors: int
    questions: int | None  # only the first so many, to try it out
    choose: bool


@dataclass(frozen=True, slots=True)
class Papers:
    """Attributes:
    titles: that ask; their abstracts are the first of `abstracts`.
    train: rows of train.parquet that may be learnt from.
    """

    titles: tuple[str, ...]
    abstracts: tuple[str, ...]
    train: pa.Table


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if options.table:
        print(table(options.journal))
        return 0
    plan = Plan(**{name: getattr(options, name) for name in Plan.__dataclass_fields__})
    journals.begin(options.journal, plan)
    papers = papers_of(options.data, plan)
    base = text_runs.base_in(options.journal / "base", options.base, plan.longest)
    jobs = [(name, 0) for name in options.references if name != SLOWEST]
    jobs += [(arm, seed) for seed in options.seeds for arm in options.arms]
    jobs += [(arm + HALF, seed) for seed in options.seeds for arm in options.arms]
    jobs += [(SLOWEST, 0)] if SLOWEST in options.references else []
    runs = [(f"{arm}-{seed}", partial(_done, arm, seed, papers, plan, base, options)) for arm, seed in jobs]
    journals.go_on(options.journal, runs)
    print(table(options.journal))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = journals.options(__doc__, "train.parquet and dev.parquet")
    add = parser.add_argument
    add("--base", type=Path, help="folder of another base, to try it out")
    add("--choose", action="store_true", help="papers of train stand in for dev")
    add("--arms", nargs="*", choices=ARMS, default=list(ARMS))
    add("--references", nargs="*", choices=REFERENCES, default=list(REFERENCES))
    add("--seeds", nargs="+", type=int, default=[1, 2, 3])
    add("--steps", type=int, default=16)
    add("--batch", type=int, default=96)
    add("--papers", type=int, help="that are learnt from, drawn from all (default: all that are left)")
    add("--negatives", choices=("lexical", "dense"), help="retriever that mines a hard negative for each title")
    add("--learnt", type=int, default=64, help="tokens of a text that training reads (default: %(default)s)")
    add("--longest", type=int, default=96, help="that are read when it is measured (default: %(default)s)")
    add("--rate", type=float, default=5e-4)
    add("--temperature", type=float, default=0.05)
    add("--distractors", type=int, default=500)
    add("--questions", type=int, help="only the first so many, to try it out")
    return parser.parse_args(arguments)


def papers_of(data: Path, plan: Plan) -> Papers:
    """Papers of dev are taken out of train, by id and by title."""
    dev, train = pq.read_table(data / "dev.parquet"), pq.read_table(data / "train.parquet")
    own = set(dev["arxiv_id"].to_pylist()) | {title.casefold() for title in dev["title"].to_pylist()}
    rows = [
        row
        for row, (id, title) in enumerate(zip(train["arxiv_id"].to_pylist(), train["title"].to_pylist(), strict=True))
        if id not in own and title.casefold() not in own
    ]
    shuffled = text_runs.sample(rows, len(rows))
    stand_in, rest = shuffled[:_CHOOSING], shuffled[_CHOOSING:]
    others, learnt = rest[: plan.distractors], rest[plan.distractors :][: plan.papers]
    asked = (train.take(stand_in) if plan.choose else dev).slice(0, plan.questions)
    abstracts = asked["abstract"].to_pylist() + train.take(others)["abstract"].to_pylist()
    return Papers(tuple(asked["title"].to_pylist()), tuple(abstracts), train.take(learnt))


def _done(arm: str, seed: int, papers: Papers, plan: Plan, base: Path, options: argparse.Namespace) -> dict[str, Any]:
    result: dict[str, Any] = {"arm": arm, "seed": seed, "candidates": len(papers.abstracts)}
    if arm in ARMS:
        short = text_runs.base_in(options.journal / "base-short", options.base, plan.learnt)
        file = learnt_from(options.journal, papers.train, plan, short)
        trained = text_runs.run(short, options.journal / "runs" / f"{arm}-{seed}", seed, parts_of(arm, plan, file))
        text_runs.read(trained.model, plan.longest)
        result |= {"training": trained.seconds, "losses": trained.losses}
        retriever, encoder = "dense", str(trained.model)
    elif arm.endswith(HALF):
        short = text_runs.base_in(options.journal / "base-short", options.base, plan.learnt)
        runs, name = options.journal / "runs", f"{arm.removesuffix(HALF)}-{seed}"
        retriever = "dense"
        encoder = str(text_runs.blended(short, runs / name / "model", 0.5, runs / f"{name}-half"))
    elif arm == "lexical":
        retriever, encoder = "lexical", ""
    else:
        whole = text_runs.base_in(options.journal / "base-256", options.base, 256)
        retriever, encoder = "dense", str(base if arm == "base" else whole)
    began = time.perf_counter()
    result["questions"] = evaluated(papers, retriever, encoder)
    return {**result, "measuring": round(time.perf_counter() - began, 1)}


def learnt_from(journal: Path, papers: pa.Table, plan: Plan, base: Path) -> Path:
    """The file of titles, abstracts, topics and, if the plan says so, a hard negative of each title."""
    whole, mined, file = (journal / name for name in ("mining/papers.parquet", "mining/mined.jsonl", "train.parquet"))
    if file.is_file():
        return file
    made = papers.select(["title", "abstract", "topic"])
    if plan.negatives:
        whole.parent.mkdir(exist_ok=True)
        pq.write_table(made, whole)
        rows = PairData(kind="pairs", path=whole, query="title", document="abstract")
        mining = Mining(plan.negatives, str(base), last=_MINED, count=_MINED)
        mine(rows, mined, mining, on_progress=text_runs.unheard, on_encoding=text_runs.unheard)
        draw = random.Random(0)
        found = [json.loads(line)["negatives"] for line in mined.read_text(encoding="utf-8").splitlines()]
        made = made.append_column("negatives", pa.array([draw.choice(some) for some in found]))
    part = file.with_suffix(".part")
    pq.write_table(made, part)
    part.rename(file)
    return file


def parts_of(arm: str, plan: Plan, file: Path) -> dict[str, Any]:
    """Of the recipe: the arms differ in `batches` alone."""
    parts: dict[str, Any] = {
        "model": {"family": "dense"},
        "data": {"train": {"kind": "pairs", "path": file, "query": "title", "document": "abstract"}},
        "loss": {"name": "infonce", "temperature": plan.temperature},
        "optimisation": {
            "steps": plan.steps,
            "batch": plan.batch,
            "rate": plan.rate,
            "precision": plan.precision,
        },
    }
    if arm == "topics":
        batches = load_recipe(Path("qwen2_5_embedding")).batches
        assert batches is not None
        parts["batches"] = batches.model_dump()
    return parts


def evaluated(papers: Papers, retriever: str, encoder: str) -> dict[str, dict[str, float]]:
    ranker = ranker_named(retriever, papers.abstracts, encoder=encoder, on_progress=text_runs.unheard)
    order = np.argsort(-ranker.scores(papers.titles), axis=1, kind="stable")
    return {str(i): text_runs.measured(row.tolist(), {i: 1.0}) for i, row in enumerate(order)}


def table(journal: Path) -> str:
    """Markdown of what the journal holds."""
    results = journals.kept(journal)
    rows: dict[str, list[Mapping[str, Mapping[str, float]]]] = {}
    for name in (*REFERENCES, *ARMS, *(arm + HALF for arm in ARMS)):
        if own := [result["questions"] for result in results if result["arm"] == name]:
            rows[name] = own
    if not rows:
        return "nothing is measured yet"
    first = next(iter(results))
    parts = [f"{len(first['questions'])} titles, {first['candidates']} abstracts", text_runs.means(rows, METRICS)]
    parts += [text_runs.differences(rows, name, METRICS) for name in ("base", "random") if name in rows]
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
