"""When `quote` should say that there is no answer: its two thresholds, chosen with documents left out in turn.

    python benchmarks/abstention.py --data ../shared/data [--library DIR] [--k 5] [--json OUT]

Needs mmlongbench under --data. A question is refused when the passages found cover too little of it (`support`), or when
too many of its names stand nowhere in its document (`nowhere`); see svrag/generation/reading.py. Documents are put into
five folds at random, ten times over; for each fold the pair of thresholds with the best F1 of refusing on the other four
is used. Figures are F1 of refusing the questions that have no answer and F1 of answering the others, over all folds of a
split, mean and spread over the splits; beside them the thresholds that svrag has, refusing by support alone, and
refusing always.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from svrag.documents.language import language_of
from svrag.evaluation import mmlongbench
from svrag.evaluation.collection import collect
from svrag.evaluation.question import EvalSet
from svrag.evaluation.runner import library_or_temporary
from svrag.generation.asking import understand
from svrag.generation.background import absent
from svrag.generation.reading import NOWHERE, SUPPORTED, Reading, read
from svrag.library.store import Library
from svrag.search.engine import search

FOLDS, SPLITS = 5, 10
SUPPORTS = tuple(np.arange(0.0, 0.5, 0.05).round(2).tolist())
NOWHERES = tuple(np.arange(0.0, 1.05, 0.05).round(2).tolist())
Thresholds = tuple[float, float]
Bools = np.ndarray


def readings(loaded: EvalSet, folder: Path | None, k: int) -> list[Reading]:
    """What `quote` makes of each question and its evidence."""
    found = []
    with library_or_temporary(folder) as place, Library.open(place) as library:
        documents, _, _ = collect(library, loaded, sorted({q.document for q in loaded.questions}), lambda *_: None)
        for question in loaded.questions:
            within = [documents[question.document].stored.id]
            hits = search(library, question.question, k=k, documents=within).hits
            language = language_of("\n".join(hit.element.text for hit in hits)) or "en"
            nowhere = absent(library, question.question, within)
            found.append(read(understand(question.question, language), hits, language, nowhere))
    return found


def f1(said: Bools, true: Bools) -> float:
    right = float((said & true).sum())
    return 2 * right / float(said.sum() + true.sum()) if right else 0.0


def refused(found: Sequence[Reading], supported: float, nowhere: float) -> Bools:
    return np.array([not reading.answers(supported, nowhere) for reading in found])


def held_out(
    found: Sequence[Reading], true: Bools, documents: Sequence[str], grid: Sequence[Thresholds]
) -> list[Bools]:
    """For each split into folds, what is refused when each fold's thresholds are chosen on the others."""
    table = {thresholds: refused(found, *thresholds) for thresholds in grid}
    names = np.array(documents)
    each = sorted(set(documents))
    splits = []
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(each))
        said = np.zeros(len(true), bool)
        for fold in range(FOLDS):
            held = np.isin(names, [each[i] for i in order[fold::FOLDS]])
            best = max(grid, key=lambda t: f1(table[t][~held], true[~held]))
            said[held] = table[best][held]
        splits.append(said)
    return splits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--library", type=Path, help="where the documents are, or are put (default: a temporary one)")
    parser.add_argument("--k", type=int, default=5, help="pieces of evidence (default: 5)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    loaded = mmlongbench.load(options.data / "mmlongbench")
    scored = [question for question in loaded.questions if question.answer_format]
    loaded = EvalSet(loaded.name, tuple(scored), loaded.documents, loaded.files)
    found = readings(loaded, options.library, options.k)
    true = np.array([not question.answerable for question in scored])
    documents = [question.document for question in scored]
    both = list(itertools.product(SUPPORTS, NOWHERES))
    ways = {
        "both thresholds, chosen on other documents": held_out(found, true, documents, both),
        "support alone, chosen on other documents": held_out(found, true, documents, [(s, 1.0) for s in SUPPORTS]),
        f"as in svrag (support {SUPPORTED}, nowhere {NOWHERE})": [refused(found, SUPPORTED, NOWHERE)],
        "refusing always": [np.ones(len(true), bool)],
    }
    print(f"{len(scored)} questions, {int(true.sum())} without an answer, {len(set(documents))} documents")
    print("| thresholds | F1 refusing | F1 answering | mean of both |\n|---|---|---|---|")
    rows = {}
    for name, splits in ways.items():
        figures = np.array([(f1(said, true), f1(~said, ~true)) for said in splits])
        figures = np.column_stack([figures, figures.mean(axis=1)])
        mean, spread = figures.mean(axis=0), figures.std(axis=0)
        rows[name] = {"mean": mean.round(4).tolist(), "spread": spread.round(4).tolist()}
        cells = (f"{m:.3f} ± {s:.3f}" if len(splits) > 1 else f"{m:.3f}" for m, s in zip(mean, spread, strict=True))
        print(f"| {name} | {' | '.join(cells)} |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
