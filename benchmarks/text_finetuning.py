"""Dense, sparse and late interaction from one base, before and after fine-tuning, with BM25 beside: on a CPU.

    python benchmarks/text_finetuning.py --data DIR --journal DIR      # run, or go on
    python benchmarks/text_finetuning.py --journal DIR --table         # what there is so far

DIR has scifact, litsearch and cranfield in BEIR's layout. From all-MiniLM-L6-v2 are made: the dense encoder that it is; a
SPLADE, whose layer that predicts words begins as the identity before its embeddings of words, as the published weights
have none; a ColBERT of its hidden states. Each learns by InfoNCE from SciFact's claims, their abstracts and a negative of
BM25 each, over the batch. Claims are split in three folds that share no right document; seed s learns without fold s - 1
and is measured on it, so that each claim is measured once, and on LitSearch and Cranfield, of which nothing is learnt.

To save time the corpora are cut to the right documents and some others, Cranfield to some of its questions, and all but
BM25 read `--longest` tokens: these are not the published tasks. All rows are of the same questions and documents.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import journals, text_runs
from benchmarks.text_runs import TextSet
from svrag.retrievers.sparse.encoder import load_sparse
from svrag.training.mining.rankers import ranker_named

SETS = ("scifact", "litsearch", "cranfield")
LEARNT = SETS[0]
FAMILIES = {"dense": "dense", "sparse": "sparse", "late": "text"}
"""Arms, and what recipes call them."""
METRICS = ("ndcg@10", "recall@1", "recall@10", "precision@5", "mrr")
FOLDS = 3
_COUNTED = 100  # documents whose terms are counted


@dataclass(frozen=True, slots=True)
class Plan:
    """What every figure depends on besides the arm and the seed."""

    steps: int
    batch: int
    longest: int
    rate: float
    precision: str
    documents: int
    questions: int  # of sets that nothing is learnt from


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if options.table:
        print(table(options.journal))
        return 0
    plan = Plan(**{name: getattr(options, name) for name in Plan.__dataclass_fields__})
    journals.begin(options.journal, plan)
    base = text_runs.base_in(options.journal / "base", options.base, plan.longest)
    sets = {}
    for name in SETS:
        whole = text_runs.text_set(options.data / name)
        asked = len(whole.questions) if name == LEARNT else plan.questions
        sets[name] = smaller(whole, plan.documents, asked)
    jobs = [("lexical", 0), *((arm, 0) for arm in options.arms)]
    jobs += [(arm, seed) for seed in options.seeds for arm in options.arms]
    runs = [(f"{arm}-{seed}", partial(_done, arm, seed, sets, plan, base, options.journal)) for arm, seed in jobs]
    journals.go_on(options.journal, runs)
    print(table(options.journal))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = journals.options(__doc__, "the sets")
    add = parser.add_argument
    add("--base", type=Path, help="folder of another base, to try it out")
    add("--arms", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    add("--seeds", nargs="+", type=int, choices=range(1, FOLDS + 1), default=[1, 2, 3])
    add("--steps", type=int, default=20)
    add("--batch", type=int, default=24)
    add("--longest", type=int, default=64, help="tokens of a text that are read (default: %(default)s)")
    add("--rate", type=float, default=5e-4)
    add("--documents", type=int, default=700, help="of a corpus, but the right ones at least (default: %(default)s)")
    add("--questions", type=int, default=80, help="of LitSearch and Cranfield, at most (default: %(default)s)")
    return parser.parse_args(arguments)


# Data ----------------------------------------------------------------------------------------------------------------


def smaller(data: TextSet, documents: int, questions: int) -> TextSet:
    """So many questions with their right documents, and so many others that there are `documents`."""
    ids = text_runs.sample(list(data.questions), questions)
    right = {number for id in ids for number in data.gains[id]}
    rest = [number for number in range(len(data.texts)) if number not in right]
    chosen = sorted(right) + text_runs.sample(rest, max(0, documents - len(right)))
    number_of = {number: i for i, number in enumerate(chosen)}
    gains = {id: {number_of[number]: gain for number, gain in data.gains[id].items()} for id in ids}
    return TextSet(tuple(data.texts[number] for number in chosen), {id: data.questions[id] for id in ids}, gains)


def pairs(data: TextSet, claims: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of training: of each claim its abstracts, and the one BM25 ranks best that is right for other claims only.

    Only abstracts that are right for one of `claims` are there.
    """
    own = sorted({number for id in claims for number in data.gains[id]})
    ranker = ranker_named("lexical", [data.texts[i] for i in own], encoder="", on_progress=text_runs.unheard)
    rows = []
    for id, scores in zip(claims, ranker.scores([data.questions[id] for id in claims]), strict=True):
        wrong = [int(i) for i in np.argsort(-scores, kind="stable") if own[i] not in data.gains[id]]
        rows.append(
            {
                "query": data.questions[id],
                "document": [data.texts[number] for number in sorted(data.gains[id])],
                "negatives": [data.texts[own[i]] for i in wrong[:1]],
            }
        )
    return rows


# Training and measuring ----------------------------------------------------------------------------------------------


def _done(arm: str, seed: int, sets: Mapping[str, TextSet], plan: Plan, base: Path, journal: Path) -> dict[str, Any]:
    """Seed 0 is untrained, and measured on all claims."""
    folds = text_runs.parts_of(text_runs.groups_of(sets[LEARNT].gains), FOLDS)
    asked = {name: list(data.questions) for name, data in sets.items()}
    result: dict[str, Any] = {"arm": arm, "seed": seed, "documents": {n: len(data.texts) for n, data in sets.items()}}
    retriever = arm
    if arm in FAMILIES:
        lines = journal / f"pairs-{seed}.jsonl"
        parts = parts_of(arm, plan, lines)
        if seed:
            learnt = [id for number, fold in enumerate(folds) for id in fold if number != seed - 1]
            asked[LEARNT] = folds[seed - 1]
            lines.write_text("".join(json.dumps(row) + "\n" for row in pairs(sets[LEARNT], learnt)), "utf-8")
            trained = text_runs.run(base, journal / "runs" / f"{arm}-{seed}", seed, parts)
            result |= {"training": trained.seconds, "losses": trained.losses}
            retriever = str(trained.model)
        else:
            retriever = str(text_runs.untrained(base, journal / f"untrained-{arm}", 0, parts))
        if arm == "sparse":
            result["terms"] = _terms(retriever, sets[LEARNT].texts[:_COUNTED])
    began = time.perf_counter()
    result["sets"] = {name: evaluated(data, asked[name], retriever) for name, data in sets.items()}
    return {**result, "measuring": round(time.perf_counter() - began, 1)}


def parts_of(arm: str, plan: Plan, lines: Path) -> dict[str, Any]:
    """Of the recipe. Scores of sparse vectors are unbounded sums, cosines of the others lie close together."""
    loss: dict[str, Any] = {"name": "infonce", "score": "mean", "temperature": 1.0 if arm == "sparse" else 0.05}
    parts: dict[str, Any] = {
        "model": {"family": FAMILIES[arm]},
        "data": {"train": {"kind": "pairs", "path": lines}},
        "loss": loss,
        "optimisation": {
            "steps": plan.steps,
            "batch": plan.batch,
            "rate": plan.rate,
            "precision": plan.precision,
        },
    }
    if arm == "sparse":
        parts["sparsity"] = {"query": 5e-5, "document": 3e-5, "ramp": plan.steps // 2}  # as configs/splade.yaml
    return parts


def evaluated(data: TextSet, asked: Sequence[str], retriever: str) -> dict[str, dict[str, float]]:
    ranker = ranker_named(retriever, data.texts, encoder="", on_progress=text_runs.unheard)
    order = np.argsort(-ranker.scores([data.questions[id] for id in asked]), axis=1, kind="stable")
    return {id: text_runs.measured(row.tolist(), data.gains[id]) for id, row in zip(asked, order, strict=True)}


def _terms(model: str, texts: Sequence[str]) -> float:
    """That a document has on average."""
    return round(sum(len(made.ids) for made in load_sparse(model).passages(texts)) / len(texts), 1)


# What came out -------------------------------------------------------------------------------------------------------


def table(journal: Path) -> str:
    """Markdown of what the journal holds."""
    results = journals.kept(journal)
    if not results:
        return "nothing is measured yet"
    parts = []
    for name in SETS:
        rows: dict[str, list[Mapping[str, Mapping[str, float]]]] = {}
        for arm in ("lexical", *FAMILIES):
            own = {result["seed"]: result["sets"][name] for result in results if result["arm"] == arm}
            if 0 in own:
                rows[arm] = [own.pop(0)]
            trained = [own[seed] for seed in sorted(own)]
            if trained and name == LEARNT:  # a fold each
                trained = [{id: found for fold in trained for id, found in fold.items()}]
            if trained:
                rows[f"{arm}, fine-tuned"] = trained
        count = len(results[0]["sets"][name])
        parts.append(f"{name}: {count} questions, {results[0]['documents'][name]} documents")
        parts.append(text_runs.means(rows, METRICS))
        for arm in FAMILIES:
            both = {key: rows[key] for key in (arm, f"{arm}, fine-tuned") if key in rows}
            if len(both) == 2:
                parts.append(text_runs.differences(both, arm, METRICS))
        if "lexical" in rows:
            parts.append(text_runs.differences(rows, "lexical", METRICS))
    if terms := [f"seed {result['seed']}: {result['terms']}" for result in results if "terms" in result]:
        parts.append(f"Terms of a document of SciFact, sparse (seed 0 is untrained): {', '.join(terms)}")
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
