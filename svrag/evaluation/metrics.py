"""Retrieval metrics of one question: pure functions of a ranking and the gold evidence, all in [0, 1].

Pages are ranked, each once, best first, and so are elements; k counts ranks. R_k is the set of the first k pages, G
the gold pages, B the gold boxes, F_k the gold boxes found by the first k elements. A gold box is found when an element
of the ranking that is not itself a page lies on the box's page and has an IoU of at least 0.5 with it; of an element
that runs on elsewhere only its first place counts, the one that is shown.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from svrag.documents.model import Box, ElementType, Region

CUTOFFS = (1, 3, 5, 10)
DEEP_CUTOFFS = (20, 100)
"""Measured too where rankings are as deep as the last: sets of short texts (LitSearch reports the first 20)."""

DEPTH = max(CUTOFFS)
"""How many elements and pages a ranking must hold for the metrics at `CUTOFFS`."""

NAMES = (
    *(
        f"{name}@{k}"
        for name in ("page_hit", "page_recall", "page_precision", "element_recall", "coverage", "perfect")
        for k in (*CUTOFFS, *DEEP_CUTOFFS)
    ),
    "mrr",
    "ndcg@10",
    "cross_page_hit",
)

POOL_NAMES = (*(f"element_hit@{k}" for k in CUTOFFS), "element_mrr")
"""Of `pool_metrics`."""

MATCH_IOU = 0.5


@dataclass(frozen=True, slots=True)
class RankedElement:
    """What the metrics need of an element in a ranking. `page` is 1-based, `box` in points."""

    id: str
    type: ElementType
    page: int
    box: Box

    def shows(self, gold: Region) -> bool:
        """Whether this element counts as the gold box `gold`."""
        return self.type != "page" and self.page == gold.page and self.box.iou(gold.box) >= MATCH_IOU


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a retriever returned for a question, best first; `elements` is None for retrievers that rank only pages."""

    pages: tuple[int, ...]
    elements: tuple[RankedElement, ...] | None


@dataclass(frozen=True, slots=True)
class Gold:
    """The gold evidence of a question; no pages, or no boxes, when there is nothing to measure them against.

    Attributes:
        gains: grades of the pages, above 0 each; empty means 1 each.
        elements: ids, where the benchmark names elements instead of drawing boxes.
    """

    pages: frozenset[int]
    boxes: tuple[Region, ...]
    gains: Mapping[int, float] = field(default_factory=dict)
    elements: frozenset[str] = frozenset()

    def shown_by(self, element: RankedElement) -> bool:
        """Whether `element` is one of those named, or counts as one of the boxes."""
        return element.id in self.elements or any(element.shows(box) for box in self.boxes)


def page_hit(pages: Sequence[int], gold: Collection[int], k: int) -> float:
    """1 if R_k ∩ G is not empty, else 0."""
    return float(any(page in gold for page in pages[:k]))


def page_recall(pages: Sequence[int], gold: Collection[int], k: int) -> float:
    """|R_k ∩ G| / |G|. `gold` has no repeats and is not empty."""
    return sum(page in gold for page in pages[:k]) / len(gold)


def page_precision(pages: Sequence[int], gold: Collection[int], k: int) -> float:
    """|R_k ∩ G| / k, as trec_eval has it: a ranking with fewer than k pages is not forgiven the rest."""
    return sum(page in gold for page in pages[:k]) / k


def element_recall(elements: Sequence[RankedElement], gold: Sequence[Region], k: int) -> float:
    """|F_k| / |B|. `gold` is not empty."""
    first = elements[:k]
    return sum(any(element.shows(box) for element in first) for box in gold) / len(gold)


def named_recall(elements: Sequence[RankedElement], gold: Collection[str], k: int) -> float:
    """The share of the elements with the ids `gold`, which are not empty, that is among the first k."""
    return len({element.id for element in elements[:k]} & set(gold)) / len(gold)


def pool_metrics(elements: Sequence[RankedElement], gold: Gold) -> dict[str, float]:
    """What only rankings of elements alone are measured by: `element_hit@k`, whether the first k show gold evidence, and
    `element_mrr`, 1 / rank of the first that does (0 when none of `elements` does). Empty without boxes and elements.
    """
    if not gold.boxes and not gold.elements:
        return {}
    shown = [gold.shown_by(element) for element in elements]
    first = next((rank for rank, hit in enumerate(shown, start=1) if hit), 0)
    hits = {f"element_hit@{k}": float(0 < first <= k) for k in CUTOFFS}
    return {**hits, "element_mrr": 1 / first if first else 0.0}


def reciprocal_rank(pages: Sequence[int], gold: Collection[int]) -> float:
    """1 / rank of the first gold page; 0 when the ranking holds none."""
    return next((1 / rank for rank, page in enumerate(pages, start=1) if page in gold), 0.0)


def ndcg(pages: Sequence[int], gains: Mapping[int, float], k: int) -> float:
    """Normalised discounted cumulative gain as trec_eval has it: the gain is the grade itself, not 2^grade - 1.

    Σ over ranks r ≤ k of gain(page at r) / log2(r + 1), divided by the same sum for the `gains` in descending order.
    `gains` holds the gold pages with gains above 0, at least one.
    """
    gained = math.fsum(gains.get(page, 0.0) * _discount(rank) for rank, page in enumerate(pages[:k], start=1))
    best = sorted(gains.values(), reverse=True)[:k]
    return gained / math.fsum(gain * _discount(rank) for rank, gain in enumerate(best, start=1))


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def question_metrics(ranking: Ranking, gold: Gold, depth: int = DEPTH) -> dict[str, float]:
    """Every metric that can be told for this question, by name.

    Those with @k are for k in `CUTOFFS`, and for `DEEP_CUTOFFS` too when `depth`, how deep rankings were taken, reaches
    the last of them.

    `page_hit@k`, `page_recall@k`, `page_precision@k`, `mrr` and `ndcg@10` need gold pages, `element_recall@k` needs gold
    boxes or named elements, and ranked elements. `cross_page_hit` is whether R_10 holds all of G, for questions with
    several gold pages only. `coverage@k` is the share of the gold set in the first k, and `perfect@k` whether all of it
    is there, where the gold set is the finest evidence there is to compare: the boxes or named elements when there are
    any and elements were ranked, the pages otherwise.
    """
    pages, elements = ranking.pages, ranking.elements
    cutoffs = (*CUTOFFS, *DEEP_CUTOFFS) if depth >= DEEP_CUTOFFS[-1] else CUTOFFS
    metrics: dict[str, float] = {}
    finest = ""
    if gold.pages:
        finest = "page_recall"
        metrics["mrr"] = reciprocal_rank(pages, gold.pages)
        metrics["ndcg@10"] = ndcg(pages, gold.gains or dict.fromkeys(gold.pages, 1.0), 10)
        for k in cutoffs:
            metrics[f"page_hit@{k}"] = page_hit(pages, gold.pages, k)
            metrics[f"page_recall@{k}"] = page_recall(pages, gold.pages, k)
            metrics[f"page_precision@{k}"] = page_precision(pages, gold.pages, k)
    if len(gold.pages) > 1:
        metrics["cross_page_hit"] = float(page_recall(pages, gold.pages, 10) == 1)
    if gold.boxes and elements is not None:
        finest = "element_recall"
        for k in cutoffs:
            metrics[f"element_recall@{k}"] = element_recall(elements, gold.boxes, k)
    elif gold.elements and elements is not None:
        finest = "element_recall"
        for k in cutoffs:
            metrics[f"element_recall@{k}"] = named_recall(elements, gold.elements, k)
    if finest:
        for k in cutoffs:
            metrics[f"coverage@{k}"] = metrics[f"{finest}@{k}"]
            metrics[f"perfect@{k}"] = float(metrics[f"{finest}@{k}"] == 1)
    return metrics


def mean_metrics(questions: Sequence[Mapping[str, float]], names: Sequence[str] = NAMES) -> dict[str, float]:
    """The mean of each of `names` over the questions that have it; a name that no question has is left out."""
    means: dict[str, float] = {}
    for name in names:
        values = [metrics[name] for metrics in questions if name in metrics]
        if values:
            means[name] = math.fsum(values) / len(values)
    return means
