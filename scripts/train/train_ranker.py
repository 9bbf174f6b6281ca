"""Fits the weights of the ranker (svrag/search/ranker.json) and tells, cross-validated by document, what they are worth.

    python scripts/train/train_ranker.py --data ../shared/data --libraries DIR --write

Needs mmlongbench, ohr_bench and financebench under --data. The documents are kept in libraries under --libraries, so
that only the first run has to read them.

Pages: the softmax of the scores of a question's candidate pages is a distribution; its probability of the gold pages is
maximised (ListNet's top-one likelihood; Cao et al., ICML 2007, with binary relevance). Elements: the same over
elements, gold being those that lie on an annotated box. Weights are not negative, and a penalty holds each near what
was set by hand before anything was fitted, so that what the data do not speak of keeps a sane value.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from svrag.documents.files import sha256_of
from svrag.evaluation.benchmarks import BENCHMARKS
from svrag.evaluation.bootstrap import interval, paired
from svrag.evaluation.collection import collect
from svrag.evaluation.metrics import Gold, RankedElement, Ranking, question_metrics
from svrag.evaluation.question import EvalQuestion
from svrag.evaluation.records import gold_of
from svrag.library.store import Library
from svrag.search.evidence import Gathered, Place, gather
from svrag.search.ranker import FILE, ElementEvidence, PageEvidence, Weights, learnt_weights

SHARPNESS = 12.0  # a score of 1 more is 12 more in the exponent: scores lie between 0 and some 3
PENALTY = 3e-3
FOLDS = 7
SEED = 0
SETS = {"mmlongbench": (1.0, None), "ohr_bench": (1.0, 500), "financebench": (0.3, None)}
"""Weight of each set's mean in the objective, and how many of its questions are drawn."""
FEWEST_PAGES = 4  # shorter documents say little about ranking pages

BY_HAND = Weights(
    PageEvidence(words=1.0, best_element=0.5, named_element=0.5, named_page=1.0),
    ElementEvidence(words=1.0, page=0.6, named=0.5, named_section=0.2),
)
SHOWN = ("page_hit@1", "page_hit@5", "mrr", "element_recall@1", "element_recall@5", "element_recall@10")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """A question with its candidates and its gold evidence. `captions` are shown as their figure or table."""

    set: str
    question: EvalQuestion
    gathered: Gathered
    gold: Gold
    shown: Mapping[str, RankedElement]
    captions: frozenset[str]


@dataclass(frozen=True)
class Listing:
    """Candidates of one question: evidence (n, features), and which of them are gold."""

    evidence: Floats
    gold: NDArray[np.bool_]


def examples(data: Path, libraries: Path, sets: Sequence[str] = tuple(SETS)) -> list[Example]:
    """The questions of `sets`, their evidence gathered."""
    found = []
    for name in sets:
        limit = SETS[name][1]
        loaded = BENCHMARKS[name](data / name)
        questions = [q for q in loaded.questions if q.has_evidence]
        with Library.open(libraries / name) as library:
            documents, notes, _ = collect(library, loaded, sorted({q.document for q in questions}), _progress)
            print(*notes, sep="\n", end="\n" if notes else "")
            questions = [q for q in questions if q.document in documents]
            questions = [q for q in questions if len(documents[q.document].pages) >= FEWEST_PAGES]
            if limit and len(questions) > limit:
                drawn = np.random.default_rng(SEED).choice(len(questions), limit, replace=False)
                questions = [questions[i] for i in sorted(drawn)]
            for question in questions:
                document = documents[question.document]
                gathered = gather(library, question.question, [document.stored], whole_library=False)
                elements = library.elements(list(gathered.elements))
                found.append(
                    Example(
                        name,
                        question,
                        gathered,
                        gold_of(question, document.pages),
                        {e.id: RankedElement(e.id, e.type, e.page, e.box) for e in elements},
                        frozenset(e.id for e in elements if e.type == "caption" and e.target_id),
                    )
                )
    return found


def _progress(stage: str, done: int, total: int) -> None:
    if done == total or done % 25 == 0:
        print(f"{stage}: {done} of {total}", flush=True)


# Fitting -------------------------------------------------------------------------------------------------------------


def fit(
    listings: Sequence[Listing], importance: Sequence[float], start: Sequence[float], without: int | None = None
) -> Floats:
    """Weights that are not negative, one per feature; that of the feature `without` is 0."""
    evidence = SHARPNESS * np.vstack([one.evidence for one in listings])
    gold = np.concatenate([one.gold for one in listings])
    sizes = np.array([len(one.gold) for one in listings])
    first = np.cumsum(sizes) - sizes
    weight = np.array(importance)
    prior = np.array(start)

    def loss(w: Floats) -> tuple[float, Floats]:
        scores = evidence @ w
        scores = np.exp(scores - np.repeat(np.maximum.reduceat(scores, first), sizes))
        total = np.add.reduceat(scores, first)
        of_gold = np.maximum(np.add.reduceat(scores * gold, first), 1e-300)
        slope = np.repeat(weight / total, sizes) * scores - np.repeat(weight / of_gold, sizes) * scores * gold
        away = SHARPNESS * (w - prior)
        value = float(weight @ (np.log(total) - np.log(of_gold)) + PENALTY * away @ away)
        return value, evidence.T @ slope + 2 * PENALTY * SHARPNESS * away

    bounds = [(0.0, 0.0 if n == without else None) for n in range(len(prior))]
    found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds)
    weights: Floats = found.x
    return weights


def fitted(chosen: Sequence[Example], without: str = "") -> Weights:
    """Weights of pages, then, with these, weights of elements; `without` one piece of evidence: "pages.pairs"."""
    pages = _fit_one(chosen, _page_listing, BY_HAND.pages, without.removeprefix("pages."))
    with_pages = Weights(PageEvidence(*pages), BY_HAND.elements)
    elements = _fit_one(
        chosen,
        lambda example: _element_listing(example, with_pages),
        BY_HAND.elements,
        without.removeprefix("elements."),
    )
    return Weights(with_pages.pages, ElementEvidence(*elements))


def _fit_one(
    chosen: Sequence[Example],
    listing: Callable[[Example], Listing | None],
    start: PageEvidence | ElementEvidence,
    without: str,
) -> list[float]:
    listed = [(example.set, made) for example in chosen if (made := listing(example)) is not None]
    counts = {name: sum(of == name for of, _ in listed) for name in SETS}
    importance = [SETS[name][0] / counts[name] for name, _ in listed]
    left_out = start._fields.index(without) if without in start._fields else None
    return fit([made for _, made in listed], importance, start, left_out).tolist()


def _page_listing(example: Example) -> Listing | None:
    places = list(example.gathered.pages)
    gold = np.array([number in example.gold.pages for _, number in places])
    return Listing(np.array([example.gathered.pages[p] for p in places]), gold) if gold.any() else None


def _element_listing(example: Example, weights: Weights) -> Listing | None:
    evidence = example.gathered.element_evidence(_page_scores(example, weights))
    ids = [id for id in evidence if id not in example.captions]
    gold = np.array([any(example.shown[id].shows(box) for box in example.gold.boxes) for id in ids])
    return Listing(np.array([evidence[id] for id in ids]), gold) if gold.any() else None


def _page_scores(example: Example, weights: Weights) -> dict[Place, float]:
    return {place: weights.page_score(evidence) for place, evidence in example.gathered.pages.items()}


# Measuring -----------------------------------------------------------------------------------------------------------


def measured(example: Example, weights: Weights) -> dict[str, float]:
    """The metrics of one question."""
    pages = _page_scores(example, weights)
    evidence = example.gathered.element_evidence(pages)
    scores = {id: weights.element_score(one) for id, one in evidence.items() if id not in example.captions}
    ranking = Ranking(
        tuple(place[1] for place in sorted(pages, key=lambda place: (-pages[place], place))[:10]),
        tuple(example.shown[id] for id in sorted(scores, key=lambda id: (-scores[id], id))[:10]),
    )
    return question_metrics(ranking, example.gold)


def folds_of(chosen: Sequence[Example], seed: int = SEED) -> list[int]:
    """The fold of each question, 0 to FOLDS - 1; questions on one document share theirs."""
    documents = sorted({(example.set, example.question.document) for example in chosen})
    drawn = np.random.default_rng(seed).permutation(len(documents))
    fold = {document: int(n) % FOLDS for document, n in zip(documents, drawn, strict=True)}
    return [fold[example.set, example.question.document] for example in chosen]


def held_out(chosen: Sequence[Example], folds: Sequence[int], without: str = "") -> list[Weights]:
    """For each fold the weights fitted on the others."""
    return [fitted([e for e, f in zip(chosen, folds, strict=True) if f != n], without) for n in range(FOLDS)]


def cross_validated(chosen: Sequence[Example], seed: int = SEED, without: str = "") -> list[dict[str, float]]:
    """The metrics of each question under weights fitted without its document."""
    folds = folds_of(chosen, seed)
    weights = held_out(chosen, folds, without)
    return [measured(example, weights[f]) for example, f in zip(chosen, folds, strict=True)]


def report(chosen: Sequence[Example]) -> dict[str, dict[str, dict[str, float]]]:
    """Prints each set's means: by hand, cross-validated, with what is released; returns those cross-validated."""
    rows = {
        "by hand": [measured(example, BY_HAND) for example in chosen],
        "cross-validated": cross_validated(chosen),
        "released": [measured(example, learnt_weights()) for example in chosen],
    }
    kept: dict[str, dict[str, dict[str, float]]] = {}
    for name in SETS:
        print(f"\n{name}")
        for metric in SHOWN:
            values = {
                row: [m[metric] for e, m in zip(chosen, metrics, strict=True) if e.set == name and metric in m]
                for row, metrics in rows.items()
            }
            if not values["by hand"]:
                continue
            low, high = interval(values["cross-validated"])
            gain = paired(values["cross-validated"], values["by hand"])
            means = "  ".join(f"{row} {np.mean(v):.3f}" for row, v in values.items())
            print(
                f"  {metric:18} n={len(values['by hand']):4}  {means}  (cross-validated {low:.3f} to {high:.3f}; "
                f"over by hand {gain.mean:+.3f}, {gain.low:+.3f} to {gain.high:+.3f}, p = {gain.p:.3f})"
            )
            kept.setdefault(name, {})[metric] = {
                "by_hand": round(float(np.mean(values["by hand"])), 4),
                "cross_validated": round(float(np.mean(values["cross-validated"])), 4),
            }
    return kept


def spread(chosen: Sequence[Example]) -> None:
    """Prints how much the cross-validated means move with the division into folds."""
    print("\nmmlongbench, cross-validated under other divisions into folds")
    for seed in range(SEED + 1, SEED + 4):
        means = _means(chosen, cross_validated(chosen, seed))
        print(f"  seed {seed}: " + ", ".join(f"{metric} {means[metric]:.3f}" for metric in SHOWN))


def ablate(chosen: Sequence[Example]) -> None:
    """Prints what each piece of evidence is worth: cross-validated with it, less without it."""
    print("\ncross-validated gain on mmlongbench; mrr also on ohr_bench and financebench")
    whole = cross_validated(chosen)
    for kind, names in (("pages", PageEvidence._fields), ("elements", ElementEvidence._fields)):
        for name in names:
            less = cross_validated(chosen, without=f"{kind}.{name}")
            shown = [_gain(chosen, "mmlongbench", metric, whole, less) for metric in SHOWN]
            if kind == "pages":
                shown += [_gain(chosen, other, "mrr", whole, less) for other in ("ohr_bench", "financebench")]
            print(f"  {kind}.{name}: " + "; ".join(shown), flush=True)


def _gain(
    chosen: Sequence[Example],
    name: str,
    metric: str,
    whole: Sequence[Mapping[str, float]],
    less: Sequence[Mapping[str, float]],
) -> str:
    both = [
        (a[metric], b[metric]) for e, a, b in zip(chosen, whole, less, strict=True) if e.set == name and metric in a
    ]
    gain = paired(*map(list, zip(*both, strict=True)))
    return f"{name if name != 'mmlongbench' else ''} {metric} {gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def _means(chosen: Sequence[Example], metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    mine = [m for example, m in zip(chosen, metrics, strict=True) if example.set == "mmlongbench"]
    return {metric: float(np.mean([m[metric] for m in mine if metric in m])) for metric in SHOWN}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds " + ", ".join(SETS))
    parser.add_argument("--libraries", type=Path, required=True, help="folder to keep the documents in, as read")
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}; otherwise only measure")
    parser.add_argument("--ablate", action="store_true", help="also measure without each piece of evidence")
    options = parser.parse_args()
    chosen = examples(options.data, options.libraries)
    kept = report(chosen)
    spread(chosen)
    if options.ablate:
        ablate(chosen)
    weights = fitted(chosen)
    for title, row in (("pages", weights.pages), ("elements", weights.elements)):
        print(f"\nfitted on all, {title}: " + ", ".join(f"{n} {v:.3f}" for n, v in row._asdict().items()))
    if options.write:
        written = {
            "pages": {name: round(value, 3) for name, value in weights.pages._asdict().items()},
            "elements": {name: round(value, 3) for name, value in weights.elements._asdict().items()},
            "fitted_by": "scripts/train/train_ranker.py",
            "numpy": np.__version__,
            "python": platform.python_version(),
            "questions": {name: sum(example.set == name for example in chosen) for name in SETS},
            "data": {
                name: {path.name: sha256_of(path) for path in BENCHMARKS[name](options.data / name).files}
                for name in SETS
            },
            "measured": kept,
        }
        FILE.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        print(f"\nwrote {FILE.name}")


if __name__ == "__main__":
    main()
