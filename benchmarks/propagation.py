"""What moving scores along the element graph changes: off, ungated and gated, for several base retrievers.

    python benchmarks/propagation.py --data DIR [--library DIR] [--encoder NAME_OR_PATH] [--json OUT]

The bases are the lexical and the dense retriever and both fused, as the search has them, over MMLongBench-Doc with
MMDocIR's boxes; every element of the document is a candidate. The search itself moves no scores: see LOG.md.

Two ways of moving them. The lift: a figure gets a share of the score of its caption and of the text that speaks of it,
since only `caption_of` and `refer_to` say that two elements are about the same thing; no score is lowered, and an element
without one can be lifted. The diffusion of the public element-graph project, the peer: all edge types, each element's
weights summing to 1, share 0.3, two steps. Gated, the surer the base is of its best element, the less is moved. A page's
score changes by as much as that of its best element.

Of each way and metric: the mean, its difference from "off", the 95 % interval of that (paired bootstrap) and p. The last
row of each base is the gated lift with its strength chosen, for each document, on the others.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from svrag.documents.model import Element
from svrag.evaluation import mmlongbench
from svrag.evaluation.bootstrap import paired
from svrag.evaluation.collection import Collected, collect
from svrag.evaluation.metrics import DEPTH, Gold, RankedElement, Ranking, mean_metrics, question_metrics
from svrag.evaluation.question import EvalQuestion
from svrag.evaluation.records import gold_of
from svrag.graph.model import BIDIRECTIONAL, EdgeType, ElementGraph
from svrag.graph.weights import effective_weight
from svrag.library.encoding import encode_missing
from svrag.library.store import Library, StoredDocument
from svrag.retrievers.dense.encoder import TextEncoder, load_encoder
from svrag.search import dense, lexical
from svrag.search.fusion import Rankings, fused
from svrag.settings import DEFAULT_ENCODER

Mode = Literal["off", "ungated", "gated"]

CARRIERS: frozenset[EdgeType] = frozenset({"caption_of", "refer_to"})
STRENGTH = 0.4
"""What a neighbour gives over an edge of weight 1, as a share of its own score above the usual one."""

METRICS = ("page_hit@1", "page_hit@5", "mrr", "element_recall@1", "element_recall@5", "element_recall@10")
FITTED_ON = ("element_recall@1", "element_recall@5", "element_recall@10")
STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
SHARE = 0.3  # of the diffusion
STEPS = 2

Scores = Mapping[str, float]
Base = Callable[[Library, str, StoredDocument], Rankings]
Way = Callable[[Scores, ElementGraph], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its base scores, of elements by id and of pages by number."""

    document: str
    gold: Gold
    elements: Scores
    pages: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Whole:
    """All candidates of one document, by id, its graph, and how many pages it has."""

    elements: Mapping[str, Element]
    graph: ElementGraph
    pages: int


def bases(encoder: TextEncoder) -> dict[str, Base]:
    def words(library: Library, question: str, document: StoredDocument) -> Rankings:
        return lexical.rank(library, question, [document], whole_library=False)

    def meanings(library: Library, question: str, document: StoredDocument) -> Rankings:
        return dense.rank(library, question, [document], whole_library=False, encoder=encoder)

    def both(library: Library, question: str, document: StoredDocument) -> Rankings:
        return fused(words(library, question, document), meanings(library, question, document))

    return {"lexical": words, "dense": meanings, "lexical,dense": both}


def propagate(
    scores: Mapping[str, float], graphs: Iterable[ElementGraph], mode: Mode, strength: float = STRENGTH
) -> dict[str, float]:
    """Each score plus `strength` x gate x the most that an edge brings: its weight x its source's score above the median.

    The median is over all elements of `graphs`, unscored ones at 0: it is what a score means nothing at, whatever the
    base's scale. Scores without a node (pages) stay as they are. The cost is that of walking the edges once.

    Args:
        scores: by element id, of any base; at least 0.
        graphs: of all documents that were searched.
    """
    lifted = dict(scores)
    if mode == "off" or not scores:
        return lifted
    graphs = list(graphs)
    everywhere = [scores.get(node.id, 0.0) for graph in graphs for node in graph.nodes]
    if not everywhere:
        return lifted
    usual = statistics.median_low(everywhere)
    share = strength * (1 - confidence(everywhere) if mode == "gated" else 1)
    brought: dict[str, float] = {}
    for graph in graphs:
        nodes = {node.id: node for node in graph.nodes}
        for edge in graph.edges:
            if edge.type not in CARRIERS:
                continue
            ways = [(edge.source, edge.target)]
            if edge.type in BIDIRECTIONAL:
                ways.append((edge.target, edge.source))
            for source, target in ways:
                above = scores.get(source, 0.0) - usual
                if above > 0:
                    gain = above * effective_weight(edge, nodes[target])
                    brought[target] = max(brought.get(target, 0.0), gain)
    for target, gain in brought.items():
        if share * gain > 0:
            lifted[target] = lifted.get(target, 0.0) + share * gain
    return lifted


def confidence(scores: Collection[float]) -> float:
    """How sure a base is, from 0 to 1: how far its best score leads the second, as a share of its lead on the median."""
    if len(scores) < 2:
        return 1.0
    best, second = sorted(scores, reverse=True)[:2]
    span = best - statistics.median_low(scores)
    return (best - second) / span if span > 0 else 0.0


def lift(mode: Mode) -> Way:
    return lambda scores, graph: propagate(scores, [graph], mode)


def lift_by(strength: float) -> Way:
    return lambda scores, graph: propagate(scores, [graph], "gated", strength)


def diffusion(mode: Mode) -> Way:
    """The peer; gated, its share is multiplied by how unsure the base is."""

    def way(scores: Scores, graph: ElementGraph) -> Mapping[str, float]:
        nodes = {node.id: node for node in graph.nodes}
        share = SHARE
        if mode == "gated":
            share *= 1 - confidence([scores.get(id, 0.0) for id in nodes])
        out: dict[str, dict[str, float]] = {}
        for edge in graph.edges:
            ways = [(edge.source, edge.target)]
            if edge.type in BIDIRECTIONAL:
                ways.append((edge.target, edge.source))
            for source, target in ways:
                towards = out.setdefault(source, {})
                towards[target] = towards.get(target, 0.0) + effective_weight(edge, nodes[target])
        now = dict(scores)
        for _ in range(STEPS):
            after = {id: (1 - share) * score for id, score in now.items()}
            for source, towards in out.items():
                for target, weight in towards.items():
                    moved = share * now.get(source, 0.0) * weight / sum(towards.values())
                    after[target] = after.get(target, 0.0) + moved
            now = after
        return now

    return way


WAYS: Mapping[str, Way] = {
    "off": lift("off"),
    "diffusion, ungated": diffusion("ungated"),
    "diffusion, gated": diffusion("gated"),
    "lift, ungated": lift("ungated"),
    "lift, gated": lift("gated"),
}


def metrics_of(asked: Asked, whole: Whole, way: Way) -> dict[str, float]:
    base = {id: score for id, score in asked.elements.items() if id in whole.elements}
    moved = way(base, whole.graph)
    before, after = best_of_pages(base, whole), best_of_pages(moved, whole)
    pages = {
        page: asked.pages.get(page, 0.0) + after.get(page, 0.0) - before.get(page, 0.0)
        for page in range(1, whole.pages + 1)
    }
    order = sorted(pages, key=lambda page: (-pages[page], page))[:DEPTH]
    return question_metrics(Ranking(tuple(order), shown(moved, whole)), asked.gold)


def best_of_pages(scores: Scores, whole: Whole) -> dict[int, float]:
    best: dict[int, float] = {}
    for id, score in scores.items():
        page = whole.elements[id].page
        best[page] = max(best.get(page, 0.0), score)
    return best


def shown(scores: Scores, whole: Whole) -> tuple[RankedElement, ...]:
    """The first elements as the search shows them: a caption as its figure, each once."""
    ranked: dict[str, RankedElement] = {}
    for id in sorted((id for id in scores if scores[id] > 0), key=lambda id: (-scores[id], id)):
        element = whole.elements[id]
        if element.type == "caption":
            element = whole.elements.get(element.target_id, element)
        ranked.setdefault(element.id, RankedElement(element.id, element.type, element.page, element.box))
        if len(ranked) == DEPTH:
            break
    return tuple(ranked.values())


def asked_of(question: EvalQuestion, library: Library, document: Collected, ranked: Base) -> Asked:
    elements, pages = ranked(library, question.question, document.stored)
    return Asked(
        question.document,
        gold_of(question, document.pages),
        {id: max(0.0, found.score) for id, found in elements.items()},  # a cosine below 0 is as far as one of 0
        {page: found.score for (_, page), found in pages.items()},
    )


def fitted(questions: Sequence[Asked], by_strength: Mapping[float, Sequence[Mapping[str, float]]]) -> list[float]:
    """For each question the strength that is best on all other documents; of equal ones the smallest."""

    def on_others(strength: float, document: str) -> float:
        others = [m for asked, m in zip(questions, by_strength[strength], strict=True) if asked.document != document]
        return sum(mean_metrics(others, FITTED_ON).values())

    best = {
        document: max(STRENGTHS, key=lambda strength: (on_others(strength, document), -strength))
        for document in {asked.document for asked in questions}
    }
    return [best[asked.document] for asked in questions]


def rows_of(questions: Sequence[Asked], wholes: Mapping[str, Whole]) -> dict[str, list[dict[str, float]]]:
    """The metrics of each question, by way."""

    def measured(way: Way) -> list[dict[str, float]]:
        return [metrics_of(asked, wholes[asked.document], way) for asked in questions]

    rows = {name: measured(way) for name, way in WAYS.items()}
    by_strength = {strength: measured(lift_by(strength)) for strength in STRENGTHS}
    chosen = fitted(questions, by_strength)
    spread = f"{min(chosen):.1f} to {max(chosen):.1f}"
    rows[f"lift, gated, fitted ({spread})"] = [by_strength[strength][i] for i, strength in enumerate(chosen)]
    return rows


def compared(rows: Mapping[str, Sequence[Mapping[str, float]]], name: str) -> dict[str, dict[str, float]]:
    """The means of row `name` with their differences from "off"."""
    figures = {}
    for metric in METRICS:
        values = [row[metric] for row in rows[name] if metric in row]
        difference = paired(values, [row[metric] for row in rows["off"] if metric in row])
        figures[metric] = {
            "mean": sum(values) / len(values),
            "difference": difference.mean,
            "low": difference.low,
            "high": difference.high,
            "p": difference.p,
        }
    return figures


def cell(name: str, figure: Mapping[str, float]) -> str:
    if name == "off":
        return f"{figure['mean']:.3f}"
    return (
        f"{figure['mean']:.3f} {figure['difference']:+.3f} "
        f"({figure['low']:+.3f} to {figure['high']:+.3f}) p {figure['p']:.3f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of MMLongBench-Doc with MMDocIR's annotations"
    )
    parser.add_argument("--library", type=Path, help="library to keep the documents in (default: a temporary one)")
    parser.add_argument("--encoder", default=DEFAULT_ENCODER, help="of the dense base (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    loaded = mmlongbench.load(options.data)
    questions = [question for question in loaded.questions if question.has_evidence]
    names = list(dict.fromkeys(question.document for question in questions))
    report: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="svrag-propagation-") as temporary,
        Library.open(options.library or Path(temporary) / "library") as library,
    ):
        documents, _, _ = collect(library, loaded, names, lambda stage, done, total: None)
        wholes = {
            name: Whole(
                {e.id: e for e in library.elements_of(document.stored.id) if e.type != "page"},
                library.graph(document.stored.id),
                len(document.pages),
            )
            for name, document in documents.items()
        }
        encoder = load_encoder(options.encoder)
        encode_missing(library, [document.stored for document in documents.values()], encoder)
        for base, ranked in bases(encoder).items():
            asked = [asked_of(question, library, documents[question.document], ranked) for question in questions]
            rows = rows_of(asked, wholes)
            report[base] = {name: compared(rows, name) for name in rows}
            print(f"\n{base} ({len(asked)} questions)\n\n| | {' | '.join(METRICS)} |\n|{'---|' * (len(METRICS) + 1)}")
            for name, figures in report[base].items():
                print(f"| {name} | {' | '.join(cell(name, figures[metric]) for metric in METRICS)} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
