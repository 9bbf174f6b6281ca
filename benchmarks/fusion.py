"""Ways of fusing the lexical with the dense ranking, side by side on the same questions.

    python benchmarks/fusion.py --data ../shared/data --libraries DIR [--encoder NAME_OR_PATH] [--documents N] [--json OUT]

- rrf: reciprocal-rank fusion, k = 60 (Cormack, Clarke, Büttcher, SIGIR 2009). Nothing to fit.
- standardised: both scores with mean 0 and spread 1 over a question's candidates; the dense one times a weight.
- sum: lexical score + weight * cosine, which is what `--retriever lexical,dense` does (svrag/search/fusion.py).

Needs mmlongbench and ohr_bench under --data. Everything that is fitted is fitted without the document it is measured on:
the weights of the lexical ranker, and the weight of each way, chosen from a grid for pages by MRR and for elements by
recall. Of each way and metric: the mean, and its difference from rrf with its 95 % interval and p (paired bootstrap).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "train"))

from train_ranker import FOLDS, Example, examples, folds_of, held_out

from svrag.evaluation.bootstrap import paired
from svrag.evaluation.metrics import RankedElement, Ranking, question_metrics
from svrag.library.encoding import encode_missing
from svrag.library.store import Library
from svrag.retrievers.dense.encoder import TextEncoder, load_encoder
from svrag.search import dense
from svrag.search.fusion import Key, Rankings, added
from svrag.search.lexical import Ranked, weigh
from svrag.settings import DEFAULT_ENCODER

SETS = ("mmlongbench", "ohr_bench")
METRICS = (
    "page_hit@1", "page_hit@3", "page_hit@5", "page_hit@10", "mrr",
    "element_recall@1", "element_recall@5", "element_recall@10",
)  # fmt: skip
FITTED_ON = {"pages": ("mrr",), "elements": ("element_recall@1", "element_recall@5", "element_recall@10")}
GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0)
RRF_K = 60

Scores = Mapping[Key, Ranked]
Way = Callable[[Scores[Key], Scores[Key], float], Scores[Key]]


@dataclass(frozen=True)
class Case:
    """A question with both rankings of its document. `lexical` is of weights fitted without that document."""

    example: Example
    fold: int
    lexical: Rankings
    dense: Rankings
    shown: Mapping[str, RankedElement]


def rrf(a: Scores[Key], b: Scores[Key], _: float) -> dict[Key, Ranked]:
    """Σ 1 / (60 + rank) over the rankings that hold the candidate."""
    scores: dict[Key, float] = {}
    for ranking in (a, b):
        for rank, key in enumerate(_ordered(ranking), start=1):
            scores[key] = scores.get(key, 0.0) + 1 / (RRF_K + rank)
    return {key: Ranked(score, ()) for key, score in scores.items()}


def standardised(a: Scores[Key], b: Scores[Key], weight: float) -> dict[Key, Ranked]:
    """z(lexical) + weight * z(cosine); who is missing from one ranking has its lowest score there."""
    scores = dict.fromkeys([*a, *b], 0.0)
    for ranking, factor in ((a, 1.0), (b, weight)):
        lowest = min((found.score for found in ranking.values()), default=0.0)
        values = np.array([ranking[key].score if key in ranking else lowest for key in scores])
        for key, value in zip(scores, (values - values.mean()) / (values.std() + 1e-9), strict=True):
            scores[key] += factor * float(value)
    return {key: Ranked(score, ()) for key, score in scores.items()}


def only_lexical(a: Scores[Key], b: Scores[Key], _: float) -> Scores[Key]:
    return a


def only_dense(a: Scores[Key], b: Scores[Key], _: float) -> Scores[Key]:
    return b


FIXED: dict[str, Way] = {"lexical": only_lexical, "dense": only_dense, "rrf": rrf}
WEIGHTED: dict[str, Way] = {"standardised": standardised, "sum": added}


def cases(data: Path, libraries: Path, encoder: TextEncoder, limit: int | None) -> list[Case]:
    """The questions, with both rankings. Encodes what `encoder` has not encoded yet."""
    chosen = [example for name in SETS for example in _first_documents(examples(data, libraries, [name]), limit)]
    folds = folds_of(chosen)
    weights = held_out(chosen, folds)
    made = []
    for name in SETS:
        with Library.open(libraries / name) as library:
            stored = {document.name: document for document in library.documents()}
            shown: dict[str, dict[str, RankedElement]] = {}
            for example, fold in zip(chosen, folds, strict=True):
                if example.set != name:
                    continue
                document = stored[example.question.document]
                if document.id not in shown:
                    encode_missing(library, [document], encoder)
                    shown[document.id] = {
                        e.id: RankedElement(e.id, e.type, e.page, e.box)
                        for e in library.elements_of(document.id)
                        if e.type != "page" and not (e.type == "caption" and e.target_id)
                    }
                    print(f"{name}: {len(shown)} documents encoded", end="\r", flush=True)
                question = example.question.question
                by_meaning = dense.rank(library, question, [document], whole_library=False, encoder=encoder)
                by_words = weigh(example.gathered, weights[fold])
                made.append(Case(example, fold, by_words, by_meaning, shown[document.id]))
    print()
    return made


def _first_documents(found: Sequence[Example], limit: int | None) -> list[Example]:
    names = sorted({example.question.document for example in found})
    kept = {names[i] for i in np.random.default_rng(0).permutation(len(names))[:limit]}
    return [example for example in found if example.question.document in kept]


def measured(case: Case, way: Way, pages: float, elements: float) -> dict[str, float]:
    by_page = way(case.lexical[1], case.dense[1], pages)
    by_element = way(case.lexical[0], case.dense[0], elements)
    shown = [case.shown[id] for id in _ordered(by_element) if id in case.shown]
    return question_metrics(
        Ranking(tuple(place[1] for place in _ordered(by_page)[:10]), tuple(shown[:10])), case.example.gold
    )


def _ordered(scores: Scores[Key]) -> list[Key]:
    return sorted(scores, key=lambda key: (-scores[key].score, key))


def cross_validated(found: Sequence[Case], way: Way) -> tuple[list[dict[str, float]], list[tuple[float, float]]]:
    """The metrics of each question, and each fold's weights of pages and elements, chosen on the other folds."""
    tried = {weight: [measured(case, way, weight, weight) for case in found] for weight in GRID}
    chosen = []
    for fold in range(FOLDS):
        others = [i for i, case in enumerate(found) if case.fold != fold]
        chosen.append(
            (
                max(GRID, key=lambda weight: _worth(found, tried[weight], others, FITTED_ON["pages"])),
                max(GRID, key=lambda weight: _worth(found, tried[weight], others, FITTED_ON["elements"])),
            )
        )
    rows = []
    for i, case in enumerate(found):
        pages, elements = (tried[weight][i] for weight in chosen[case.fold])
        rows.append({**pages, **{name: value for name, value in elements.items() if name.startswith("element")}})
    return rows, chosen


def _worth(
    found: Sequence[Case], rows: Sequence[Mapping[str, float]], which: Sequence[int], names: Sequence[str]
) -> float:
    """Mean over the sets, so that the larger does not decide alone."""
    means = []
    for name in SETS:
        values = [rows[i][m] for i in which if found[i].example.set == name for m in names if m in rows[i]]
        means += [float(np.mean(values))] if values else []
    return float(np.mean(means))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds " + ", ".join(SETS))
    parser.add_argument("--libraries", type=Path, required=True, help="folder to keep the documents in, as read")
    parser.add_argument("--encoder", default=DEFAULT_ENCODER, help="name on the Hugging Face Hub or folder")
    parser.add_argument("--documents", type=int, help="only so many documents of each set")
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    found = cases(options.data, options.libraries, load_encoder(options.encoder), options.documents)
    rows = {name: [measured(case, way, 0.0, 0.0) for case in found] for name, way in FIXED.items()}
    for name, way in WEIGHTED.items():
        rows[name], chosen = cross_validated(found, way)
        print(f"{name}: weights of pages and elements by fold: {chosen}")
    result: dict[str, dict[str, dict[str, float]]] = {}
    for set_name in SETS:
        print(f"\n{set_name}")
        for metric in METRICS:
            which = [i for i, case in enumerate(found) if case.example.set == set_name and metric in rows["rrf"][i]]
            if not which:
                continue
            for name, values in rows.items():
                mine = [values[i][metric] for i in which]
                against = paired(mine, [rows["rrf"][i][metric] for i in which])
                result.setdefault(set_name, {})[f"{metric} {name}"] = {
                    "n": len(which), "mean": float(np.mean(mine)), "over_rrf": against.mean,
                    "low": against.low, "high": against.high, "p": against.p,
                }  # fmt: skip
                print(
                    f"  {metric:18} {name:13} n={len(which):4}  {np.mean(mine):.3f}  over rrf {against.mean:+.3f} "
                    f"({against.low:+.3f} to {against.high:+.3f}, p = {against.p:.3f})"
                )
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
