"""Does a ColBERT that learns with pooled documents lose less when they are pooled? Learn to Pool in kind, on a CPU.

    python benchmarks/learn_to_pool.py --data DIR --journal DIR              # run, or go on
    python benchmarks/learn_to_pool.py --journal DIR --table                 # what there is so far
    python benchmarks/learn_to_pool.py --data DIR --journal DIR --choose     # on the training half alone: for settings

DIR is SciFact in BEIR's layout. Claims are split into halves that share no right document. ColBERT is all-MiniLM-L6-v2
with its hidden states as token vectors, or what a new layer makes of them (--dimension). It is measured untrained,
trained without pooling, and trained with its documents pooled by k-means, the factor drawn from 1 to 6 at each step
(arXiv 2607.06036): same questions, documents and settings. Questions are claims, with the documents of their half, and
those that all documents ask that are not measured: their titles of their abstracts, or (--asked endings) their last
sentences, which sum up as claims do, of their beginnings. It learns by distillation from a list of each question: the
teacher is BM25 and the base's cosines, each brought between 0 and 1 over the documents of a question, added, and 2 more
for those that are labelled right, as no cross-encoder was to be had here. Or, with --pairs, by InfoNCE among the batch,
without a teacher: from questions with what is right. Measured is nDCG@10 of the other half's claims over its right
documents and others that were not learnt from, whole rankings by the int8 scan of svrag's searches, for each way and
factor of pooling; with --also the same of all questions and documents of other sets, which nothing was learnt from. Texts
are cut to so many words, for BM25 too, to save time: this is not the published task. What clustering costs is CPU time per
document, one thread, of batches of 64.
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
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import journals, text_runs
from benchmarks.text_runs import TextSet, beginning
from svrag.generation.sentences import split_sentences
from svrag.retrievers.maxsim.quantise import to_int8
from svrag.retrievers.maxsim.scan import scan
from svrag.retrievers.multivector.loading import load_multivector
from svrag.training.batch import TokenBatch
from svrag.training.mining.rankers import ranker_named
from svrag.training.pooling import Method, pooled
from svrag.training.run import MODEL

FACTORS = (1, 2, 3, 4, 5, 6)
METHODS: tuple[Method, ...] = ("kmeans", "hierarchical", "span")
ARMS = ("untrained", "without pooling", "with k-means")
_AT_ONCE = 64  # documents that are clustered together


@dataclass(frozen=True, slots=True)
class Plan:
    """What every figure depends on besides the arm and the seed."""

    steps: int
    batch: int
    candidates: int  # of a question in training, by lists
    asked: str  # what documents ask
    pairs: bool
    dimension: int | None  # of a new layer
    layers: int | None  # the uppermost so many learn; None is half of them
    words: int  # of a text, for all retrievers
    longest: int
    rate: float
    temperature: float
    precision: str
    others: int  # measured documents that answer no claim
    choose: bool


@dataclass(frozen=True, slots=True)
class Half:
    """Claims with all documents that they are compared with, by number."""

    claims: tuple[str, ...]
    documents: tuple[int, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if options.table:
        print(table(options.journal))
        return 0
    plan = Plan(**{name: getattr(options, name) for name in Plan.__dataclass_fields__})
    journals.begin(options.journal, plan)
    base = text_runs.base_in(options.journal / "base", options.base, plan.longest)
    whole = text_runs.text_set(options.data)
    data = text_runs.beginnings(whole, plan.words)
    elsewhere = {
        path.resolve().name: text_runs.beginnings(text_runs.text_set(path), plan.words) for path in options.also
    }
    learnt, asked = halves(data, plan)
    file = learnt_from(options.journal, plan)
    if not file.is_file():
        if plan.pairs:
            write_pairs(file, whole, learnt, plan)
        else:
            write_lists(file, whole, learnt, plan, base)
    jobs = [(arm, seed) for seed in options.seeds for arm in options.arms]
    if plan.dimension is None:  # the untrained one has nothing that is drawn
        jobs = list(dict.fromkeys((arm, 0 if arm == ARMS[0] else seed) for arm, seed in jobs))
    runs = [
        (f"{arm}-{seed}", partial(_done, arm, seed, data, asked, plan, base, options.journal))
        for arm, seed in [("references", 0), *jobs]
    ]
    runs += [
        (f"{arm}-{seed} {name}", partial(_elsewhere, arm, seed, name, other, options.journal))
        for name, other in elsewhere.items()
        for arm, seed in jobs
    ]
    journals.go_on(options.journal, runs)
    print(table(options.journal))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = journals.options(__doc__, "SciFact in BEIR's layout")
    add = parser.add_argument
    add("--base", type=Path, help="folder of another base, to try it out")
    add("--choose", action="store_true", help="a quarter of the training claims stands in for those that are measured")
    add("--arms", nargs="*", choices=ARMS, default=list(ARMS))
    add("--seeds", nargs="+", type=int, default=[1, 2, 3])
    add("--steps", type=int, default=40)
    add("--batch", type=int, default=8)
    add("--candidates", type=int, default=6, help="documents of a question in lists (default: %(default)s)")
    add("--asked", choices=("titles", "endings"), default="titles", help="what documents ask (default: %(default)s)")
    add("--pairs", action="store_true", help="learn from labelled pairs instead of a teacher's lists")
    add("--dimension", type=int, help="of a new layer for token vectors; without, hidden states are the vectors")
    add("--layers", type=int, help="the uppermost so many learn (default: half of them)")
    add("--words", type=int, default=40, help="of a text, for all retrievers (default: %(default)s)")
    add("--longest", type=int, default=80, help="tokens of a text that are read (default: %(default)s)")
    add("--rate", type=float, default=5e-4)
    add("--temperature", type=float, default=1.0, help="of the loss; with --pairs rather 0.02")
    add("--others", type=int, default=200, help="measured documents that answer no claim (default: %(default)s)")
    add("--also", nargs="*", type=Path, default=[], metavar="DIR", help="more sets in BEIR's layout to measure on")
    return parser.parse_args(arguments)


# Data ----------------------------------------------------------------------------------------------------------------


def halves(data: TextSet, plan: Plan) -> tuple[Half, Half]:
    """Those that are learnt from and those that are measured; no document is in both."""
    learnt, asked = text_runs.parts_of(text_runs.groups_of(data.gains), 2)
    if plan.choose:
        groups = text_runs.groups_of({id: data.gains[id] for id in learnt})
        first, second, third, asked = text_runs.parts_of(groups, 4)
        learnt = first + second + third
    right = {number for gains in data.gains.values() for number in gains}
    free = [number for number in range(len(data.texts)) if number not in right]
    rest = text_runs.sample(free, 2 * plan.others)
    # Where settings are chosen, others stand in, and what will be measured is not learnt from either.
    apart = set(rest if plan.choose else rest[1::2])
    titled = [number for number in free if number not in apart]
    return _half(data, learnt, titled), _half(data, asked, rest[::2] if plan.choose else rest[1::2])


def _half(data: TextSet, claims: Sequence[str], others: Sequence[int]) -> Half:
    right = {number for id in claims for number in data.gains[id]}
    return Half(tuple(claims), (*sorted(right), *others))


def fused(texts: Sequence[str], questions: Sequence[str], base: Path) -> NDArray[np.float32]:
    """(questions, texts), from 0 to 2: the teacher, as far as it knows no labels."""
    parts = []
    for name in ("lexical", "dense"):
        ranker = ranker_named(name, texts, encoder=str(base), on_progress=text_runs.unheard)
        scores = ranker.scores(questions)
        low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
        parts.append((scores - low) / np.maximum(high - low, 1e-9))
    return np.asarray(parts[0] + parts[1], dtype=np.float32)


def learnt_from(journal: Path, plan: Plan) -> Path:
    """The file of what is learnt from."""
    return journal / ("pairs.jsonl" if plan.pairs else "lists.jsonl")


def asked_by(whole: TextSet, numbers: Sequence[int], plan: Plan) -> tuple[list[str], list[str]]:
    """What documents ask, and the beginnings that answer; of endings those that are in no beginning."""
    pairs = []
    for number in numbers:
        title, _, abstract = whole.texts[number].partition("\n")
        if plan.asked == "titles":
            pairs.append((title, beginning(abstract, plan.words)))
            continue
        *before, ending = [title, *split_sentences(abstract)]
        if len(" ".join(before).split()) >= plan.words and not ending.startswith("("):  # (ABSTRACT TRUNCATED ...)
            pairs.append((ending, beginning(whole.texts[number], plan.words)))
    return [question for question, _ in pairs], [text for _, text in pairs]


def write_pairs(file: Path, whole: TextSet, learnt: Half, plan: Plan) -> None:
    """Claims with each of their right documents, and what documents ask with what answers."""
    asked = [
        (whole.questions[id], beginning(whole.texts[number], plan.words))
        for id in learnt.claims
        for number in whole.gains[id]
    ]
    asked += zip(*asked_by(whole, learnt.documents, plan), strict=True)
    _write(file, [{"query": query, "document": text} for query, text in asked])


def write_lists(file: Path, whole: TextSet, learnt: Half, plan: Plan, base: Path) -> None:
    """Of each claim among all documents, and of each question of a document among what answers those: see `listed`."""
    claims, documents = [whole.questions[id] for id in learnt.claims], list(learnt.documents)
    right = np.array([[number in whole.gains[id] for number in documents] for id in learnt.claims])
    rows = _lists(claims, [beginning(whole.texts[i], plan.words) for i in documents], right, plan, base)
    questions, texts = asked_by(whole, documents, plan)
    _write(file, rows + _lists(questions, texts, np.eye(len(texts), dtype=bool), plan, base))


def _lists(
    questions: Sequence[str], texts: Sequence[str], right: NDArray[np.bool_], plan: Plan, base: Path
) -> list[dict[str, Any]]:
    taught = fused(texts, questions, base) + 2 * right.astype(np.float32)
    rows = []
    for question, scores in zip(questions, taught, strict=True):
        chosen = listed(scores, plan.candidates)
        rows.append(
            {
                "query": question,
                "documents": [texts[i] for i in chosen],
                "scores": [round(float(scores[i]), 6) for i in chosen],
            }
        )
    return rows


def _write(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def listed(scores: NDArray[np.float32], count: int) -> list[int]:
    """Half of them the best, the others ever further down: of 6 those at ranks 1, 2, 3, 6, 12 and 24."""
    half = (count + 1) // 2
    ranks = [*range(1, half + 1), *(half * 2**i for i in range(1, count - half + 1))]
    order = np.argsort(-scores, kind="stable")
    return [int(order[rank - 1]) for rank in ranks if rank <= len(order)]


# Training and measuring ----------------------------------------------------------------------------------------------


def _done(arm: str, seed: int, data: TextSet, asked: Half, plan: Plan, base: Path, journal: Path) -> dict[str, Any]:
    result: dict[str, Any] = {"arm": arm, "seed": seed, "documents": len(asked.documents)}
    if arm == "references":
        return {**result, **_references(data, asked, base)}
    parts = parts_of(arm, plan, learnt_from(journal, plan))
    model = model_of(arm, seed, journal)
    if arm == ARMS[0]:
        text_runs.untrained(base, model, seed, parts)
    else:
        trained = text_runs.run(base, model.parent, seed, parts, layers=plan.layers)
        result |= {"training": trained.seconds, "losses": trained.losses}
    return {**result, **_measured(data, asked, model)}


def _elsewhere(arm: str, seed: int, name: str, data: TextSet, journal: Path) -> dict[str, Any]:
    """What was trained is in the journal by now."""
    asked = Half(tuple(data.gains), tuple(range(len(data.texts))))
    result = {"arm": arm, "seed": seed, "set": name, "documents": len(asked.documents)}
    return {**result, **_measured(data, asked, model_of(arm, seed, journal))}


def _measured(data: TextSet, asked: Half, model: Path) -> dict[str, Any]:
    began = time.perf_counter()
    questions, costs = evaluated(data, asked, model)
    return {"questions": questions, "clustering": costs, "measuring": round(time.perf_counter() - began, 1)}


def model_of(arm: str, seed: int, journal: Path) -> Path:
    """The folder of the model that is measured."""
    if arm == ARMS[0]:
        return journal / f"{arm}-{seed}"
    return journal / "runs" / f"{arm.split()[-1]}-{seed}" / MODEL


def parts_of(arm: str, plan: Plan, file: Path) -> dict[str, Any]:
    """Of the recipe: the arms differ in `pooling` alone."""
    rows: dict[str, Any] = {"kind": "lists", "path": file, "most": plan.candidates}
    loss = {"name": "kl_distillation", "candidates": "pool"}
    if plan.pairs:
        rows, loss = {"kind": "pairs", "path": file}, {"name": "infonce", "candidates": "batch"}
    parts: dict[str, Any] = {
        "model": {"family": "text", "dimension": plan.dimension},
        "data": {"train": rows},
        "loss": {**loss, "score": "mean", "temperature": plan.temperature},
        "optimisation": {
            "steps": plan.steps,
            "batch": plan.batch,
            "rate": plan.rate,
            "precision": plan.precision,
        },
    }
    if arm == "with k-means":
        parts["pooling"] = {"method": "kmeans", "least": FACTORS[0], "most": FACTORS[-1]}
    return parts


def _references(data: TextSet, asked: Half, base: Path) -> dict[str, dict[str, dict[str, float]]]:
    texts, claims = [data.texts[i] for i in asked.documents], [data.questions[id] for id in asked.claims]
    found = {}
    for name in ("lexical", "dense"):
        ranker = ranker_named(name, texts, encoder=str(base), on_progress=text_runs.unheard)
        found[name] = _ndcg(data, asked, ranker.scores(claims))
    found["fused"] = _ndcg(data, asked, fused(texts, claims, base))
    return {name: {id: {"ndcg@10": value} for id, value in own.items()} for name, own in found.items()}


def _ndcg(data: TextSet, asked: Half, scores: NDArray[np.float32]) -> dict[str, float]:
    numbers = np.array(asked.documents)
    order = numbers[np.argsort(-scores, axis=1, kind="stable")]
    return {
        id: text_runs.measured(row.tolist(), data.gains[id])["ndcg@10"]
        for id, row in zip(asked.claims, order, strict=True)
    }


def evaluated(
    data: TextSet, asked: Half, model: Path
) -> tuple[dict[str, dict[str, float]], dict[str, dict[int, float]]]:
    """nDCG@10 of each claim by way and factor ("kmeans 4"), and milliseconds of clustering a document took."""
    encoder = load_multivector(str(model))
    vectors = [made.vectors for made in encoder.passages([data.texts[i] for i in asked.documents])]
    claims = [made.vectors for made in encoder.questions([data.questions[id] for id in asked.claims])]
    found: dict[str, dict[str, float]] = {id: {} for id in asked.claims}
    costs: dict[str, dict[int, float]] = {method: {} for method in METHODS}
    for method in METHODS:
        for factor in FACTORS:
            if factor == 1 and method != METHODS[0]:
                continue  # not pooled: the same whatever the way
            began = time.process_time()
            short = shortened(vectors, factor, method)
            costs[method][factor] = round(1000 * (time.process_time() - began) / len(vectors), 2)
            codes = to_int8(np.concatenate(short))
            starts = np.cumsum([0, *map(len, short)], dtype=np.int64)
            scores = np.stack([scan(codes, starts, claim, threads=1) for claim in claims])
            for id, value in _ndcg(data, asked, scores).items():
                found[id][f"{method} {factor}"] = value
    return found, costs


def shortened(vectors: Sequence[NDArray[np.float32]], factor: int, method: Method) -> list[NDArray[np.float32]]:
    """Documents' vectors pooled as in training, and as `pool` does when they are indexed."""
    order = sorted(range(len(vectors)), key=lambda i: len(vectors[i]))
    made: list[NDArray[np.float32]] = [vectors[0]] * len(vectors)
    for start in range(0, len(order), _AT_ONCE):
        some = order[start : start + _AT_ONCE]
        full = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(vectors[i]) for i in some], batch_first=True)
        mask = torch.arange(full.shape[1]) < torch.tensor([len(vectors[i]) for i in some])[:, None]
        short = pooled(TokenBatch(full, mask), factor, method)
        for i, own, there in zip(some, short.vectors, short.mask, strict=True):
            made[i] = own[there].numpy()
    return made


# What came out -------------------------------------------------------------------------------------------------------


def table(journal: Path) -> str:
    """Markdown of what the journal holds."""
    results = journals.kept(journal)
    if not any("clustering" in result for result in results):
        return "nothing is measured yet"
    sets: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        sets.setdefault(result.get("set", ""), []).append(result)  # SciFact, which was learnt from, has no name
    return "\n\n".join([*(_of_set(name, sets[name]) for name in sorted(sets)), _costs(results)])


def _of_set(name: str, results: Sequence[Mapping[str, Any]]) -> str:
    rows: dict[str, list[Mapping[str, Mapping[str, float]]]] = {}
    for arm in ARMS:
        if own := [result for result in results if result["arm"] == arm]:
            rows[arm] = [result["questions"] for result in own]
    parts = [f"{name}, {results[0]['documents']} documents"] if name else []
    for fixed in (result for result in results if result["arm"] == "references"):
        names = {ranker: [fixed[ranker]] for ranker in ("lexical", "dense", "fused")}
        parts += [f"{len(fixed['fused'])} claims, {fixed['documents']} documents"]
        parts += [text_runs.means(names, ["ndcg@10"])]
    for method in METHODS:
        metrics = [f"{method} {factor}" for factor in FACTORS if factor > 1 or method == METHODS[0]]
        parts.append(text_runs.means(rows, metrics))
        if method == METHODS[0]:
            parts.append(_kept(rows))
            parts += [text_runs.differences(rows, arm, metrics) for arm in ARMS[:2] if arm in rows and len(rows) > 1]
    return "\n\n".join(parts)


def _kept(rows: Mapping[str, Sequence[Mapping[str, Mapping[str, float]]]]) -> str:
    """Of the nDCG@10 without pooling."""
    lines = [f"| kept, k-means | {' | '.join(f'PF{factor}' for factor in FACTORS)} |", f"|{'---|' * 7}"]
    for arm, seeds in rows.items():
        totals = [sum(text_runs.over_seeds(seeds, f"{METHODS[0]} {factor}").values()) for factor in FACTORS]
        lines.append(f"| {arm} | {' | '.join(f'{100 * total / totals[0]:.1f} %' for total in totals)} |")
    return "\n".join(lines)


def _costs(results: Sequence[Mapping[str, Any]]) -> str:
    """Medians over the models that were measured."""
    own = [result["clustering"] for result in results if "clustering" in result]
    lines = [f"| ms a document | {' | '.join(f'PF{factor}' for factor in FACTORS[1:])} |", f"|{'---|' * 6}"]
    for method in METHODS:
        cells = [f"{np.median([costs[method][str(factor)] for costs in own]):.2f}" for factor in FACTORS[1:]]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
