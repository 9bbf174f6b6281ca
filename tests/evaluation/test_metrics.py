from __future__ import annotations

import math

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.model import Box, ElementType, Region
from svrag.evaluation.metrics import (
    CUTOFFS,
    DEEP_CUTOFFS,
    NAMES,
    Gold,
    RankedElement,
    Ranking,
    element_recall,
    mean_metrics,
    ndcg,
    page_hit,
    page_recall,
    question_metrics,
    reciprocal_rank,
)

PAGES = st.lists(st.integers(1, 15), unique=True, max_size=15).map(tuple)
GOLD_PAGES = st.frozensets(st.integers(1, 18), min_size=1, max_size=6)
DEEP_PAGES = st.permutations(range(1, 131)).flatmap(
    lambda pages: st.integers(0, 130).map(lambda length: tuple(pages[:length]))
)
GAINS = st.dictionaries(st.integers(1, 140), st.integers(1, 4), min_size=1, max_size=20)
# A coarse grid, so that boxes coincide, overlap and miss each other all the time.
BOXES = st.builds(
    lambda x, y, w, h: Box(x * 10, y * 10, (x + w) * 10, (y + h) * 10),
    *(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3), st.integers(1, 3)),
)
TYPES: st.SearchStrategy[ElementType] = st.sampled_from(["text", "figure", "table", "page"])
ELEMENTS = st.lists(st.builds(RankedElement, st.just("e"), TYPES, st.integers(1, 3), BOXES), max_size=12).map(tuple)
GOLD_BOXES = st.lists(st.builds(Region, st.integers(1, 3), BOXES), min_size=1, max_size=5).map(tuple)
RANKINGS = st.builds(Ranking, PAGES, ELEMENTS)
GOLDS = st.builds(Gold, GOLD_PAGES, GOLD_BOXES)


def shown(type: ElementType, page: int, *box: float) -> RankedElement:
    return RankedElement("id", type, page, Box(*box))


def test_pages_by_hand() -> None:
    ranking, gold = (4, 9, 2, 7), {2, 7, 30}
    assert [page_hit(ranking, gold, k) for k in CUTOFFS] == [0, 1, 1, 1]
    assert [page_recall(ranking, gold, k) for k in CUTOFFS] == [0, 1 / 3, 2 / 3, 2 / 3]
    assert reciprocal_rank(ranking, gold) == 1 / 3
    # Gains at ranks 3 and 4; the ideal has them at ranks 1, 2 and 3.
    expected = (1 / 2 + 1 / math.log2(5)) / (1 + 1 / math.log2(3) + 1 / 2)
    assert ndcg(ranking, dict.fromkeys(gold, 1.0), 10) == pytest.approx(expected)
    assert ndcg((30, 7, 2), dict.fromkeys(gold, 1.0), 10) == 1


def test_graded_gains_by_hand() -> None:
    gains = {5: 3.0, 8: 1.0, 9: 2.0}
    # Ranks 1 and 2 of the ranking hold gains 1 and 3; the ideal order is 3, 2, 1.
    full = (1 + 3 / math.log2(3)) / (3 + 2 / math.log2(3) + 1 / 2)
    assert ndcg((8, 5, 7), gains, 10) == pytest.approx(full)
    assert ndcg((8, 5, 7), gains, 1) == pytest.approx(1 / 3)
    gold = Gold(frozenset(gains), (), gains)
    assert question_metrics(Ranking((8, 5, 7), None), gold)["ndcg@10"] == pytest.approx(full)


@given(DEEP_PAGES, GAINS)
def test_against_trec_eval(pages: tuple[int, ...], gains: dict[int, int]) -> None:
    cuts = ",".join(map(str, (*CUTOFFS, *DEEP_CUTOFFS)))
    measures = {f"success.{cuts}", f"recall.{cuts}", f"P.{cuts}", "recip_rank", "ndcg_cut.10"}
    evaluator = pytrec_eval.RelevanceEvaluator({"q": {str(page): gain for page, gain in gains.items()}}, measures)
    run = {str(page): float(-rank) for rank, page in enumerate(pages)} or {"nothing": 0.0}
    theirs = evaluator.evaluate({"q": run})["q"]
    ours = question_metrics(Ranking(pages, None), Gold(frozenset(gains), (), gains), DEEP_CUTOFFS[-1])
    assert ours["mrr"] == pytest.approx(theirs["recip_rank"])
    assert ours["ndcg@10"] == pytest.approx(theirs["ndcg_cut_10"])
    for k in (*CUTOFFS, *DEEP_CUTOFFS):
        assert ours[f"page_hit@{k}"] == theirs[f"success_{k}"]
        assert ours[f"page_recall@{k}"] == pytest.approx(theirs[f"recall_{k}"])
        assert ours[f"page_precision@{k}"] == pytest.approx(theirs[f"P_{k}"])


def test_rankings_are_measured_as_deep_as_they_were_taken() -> None:
    ranking, gold = Ranking(tuple(range(1, 101)), None), Gold(frozenset({100}), ())
    assert question_metrics(ranking, gold, 100)["page_recall@100"] == 1
    assert not any(name.endswith("@100") for name in question_metrics(ranking, gold, 99))


def test_a_ranking_without_gold_scores_nothing() -> None:
    gold = Gold(frozenset({3, 4}), (Region(3, Box(0, 0, 9, 9)),))
    metrics = question_metrics(Ranking((1, 2), ()), gold, DEEP_CUTOFFS[-1])
    assert set(metrics) == set(NAMES)
    assert set(metrics.values()) == {0.0}


def test_boxes_by_hand() -> None:
    gold = [Region(1, Box(0, 0, 100, 100)), Region(2, Box(0, 0, 10, 10))]
    ranking = [
        shown("page", 1, 0, 0, 100, 100),  # the page itself is no find
        shown("figure", 2, 0, 0, 100, 100),  # right box, wrong page; on page 2 its IoU is 0.01
        shown("text", 1, 0, 0, 100, 49),  # IoU 0.49
        shown("table", 1, 0, 0, 100, 50),  # IoU 0.5, which is enough
        shown("text", 2, 0, 0, 10, 11),
    ]
    assert [element_recall(ranking, gold, k) for k in (1, 2, 3, 4, 5)] == [0, 0, 0, 0.5, 1]


def test_one_element_may_show_two_boxes_that_coincide() -> None:
    gold = [Region(1, Box(0, 0, 10, 10)), Region(1, Box(0, 0, 10, 11))]
    assert element_recall([shown("figure", 1, 0, 0, 10, 10)], gold, 1) == 1


def test_the_gold_set_is_the_boxes_where_there_are_any() -> None:
    ranking = Ranking((1, 2), (shown("text", 1, 0, 0, 10, 10),))
    boxes = (Region(1, Box(0, 0, 10, 10)), Region(2, Box(0, 0, 10, 10)))
    with_boxes = question_metrics(ranking, Gold(frozenset({1, 2}), boxes))
    assert (with_boxes["coverage@3"], with_boxes["perfect@3"], with_boxes["page_recall@3"]) == (0.5, 0, 1)
    without = question_metrics(ranking, Gold(frozenset({1, 2}), ()))
    assert (without["coverage@3"], without["perfect@3"]) == (1, 1)
    pages_only = question_metrics(Ranking((1, 2), None), Gold(frozenset({1, 2}), boxes))
    assert (pages_only["coverage@3"], pages_only["perfect@3"]) == (1, 1)
    assert "element_recall@1" not in pages_only


def test_cross_page_hit_needs_every_page_among_ten() -> None:
    ranking = Ranking(tuple(range(1, 13)), None)

    def cross(*pages: int) -> float | None:
        return question_metrics(ranking, Gold(frozenset(pages), ())).get("cross_page_hit")

    assert [cross(1, 10), cross(1, 11), cross(5)] == [1, 0, None]


def test_only_boxes_give_only_element_metrics() -> None:
    metrics = question_metrics(
        Ranking((1,), (shown("text", 1, 0, 0, 1, 1),)), Gold(frozenset(), (Region(1, Box(0, 0, 1, 1)),))
    )
    assert {name.split("@")[0] for name in metrics} == {"element_recall", "coverage", "perfect"}
    assert set(metrics.values()) == {1.0}


@given(RANKINGS, GOLDS)
def test_all_metrics_are_shares_and_grow_with_k(ranking: Ranking, gold: Gold) -> None:
    metrics = question_metrics(ranking, gold)
    assert set(metrics) <= set(NAMES)
    assert all(0 <= value <= 1 for value in metrics.values())
    for name in ("page_hit", "page_recall", "element_recall", "coverage", "perfect"):
        values = [metrics[f"{name}@{k}"] for k in CUTOFFS]
        assert values == sorted(values)
    for k in CUTOFFS:
        assert metrics[f"perfect@{k}"] <= metrics[f"coverage@{k}"]
        assert metrics[f"page_recall@{k}"] <= metrics[f"page_hit@{k}"]
    assert metrics["page_hit@1"] <= metrics["mrr"]


@given(RANKINGS, GOLDS)
def test_set_metrics_against_sets(ranking: Ranking, gold: Gold) -> None:
    assert ranking.elements is not None
    for k in CUTOFFS:
        first = set(ranking.pages[:k])
        assert page_hit(ranking.pages, gold.pages, k) == float(bool(first & gold.pages))
        assert page_recall(ranking.pages, gold.pages, k) == pytest.approx(len(first & gold.pages) / len(gold.pages))
        found = {
            i
            for i, region in enumerate(gold.boxes)
            for element in ranking.elements[:k]
            if element.type != "page" and (element.page, True) == (region.page, _iou(element.box, region.box) >= 0.5)
        }
        assert element_recall(ranking.elements, gold.boxes, k) == pytest.approx(len(found) / len(gold.boxes))


def _iou(a: Box, b: Box) -> float:
    """By counting the 10-point squares of the grid."""

    def squares(box: Box) -> set[tuple[int, int]]:
        return {(x, y) for x in range(int(box.x0), int(box.x1), 10) for y in range(int(box.y0), int(box.y1), 10)}

    return len(squares(a) & squares(b)) / len(squares(a) | squares(b))


@given(RANKINGS, GOLDS, st.sampled_from(CUTOFFS), st.randoms(use_true_random=False))
def test_order_within_the_first_k_and_after_them_does_not_matter(ranking, gold, k, random) -> None:
    def shuffled(ranked: tuple) -> tuple:
        head, tail = list(ranked[:k]), list(ranked[k:])
        random.shuffle(head)
        random.shuffle(tail)
        return (*head, *tail)

    before = question_metrics(ranking, gold)
    after = question_metrics(Ranking(shuffled(ranking.pages), shuffled(ranking.elements)), gold)
    for name in ("page_hit", "page_recall", "element_recall", "coverage", "perfect"):
        assert before[f"{name}@{k}"] == after[f"{name}@{k}"]


@given(PAGES, GOLD_PAGES)
def test_ndcg_is_one_only_for_an_ideal_order_and_falls_with_a_swap(
    pages: tuple[int, ...], gold: frozenset[int]
) -> None:
    ideal = (*sorted(gold), *(page for page in pages if page not in gold))
    gains = dict.fromkeys(gold, 1.0)
    assert ndcg(ideal, gains, 10) == pytest.approx(1)
    for i in range(min(9, len(pages) - 1)):
        if pages[i] in gold and pages[i + 1] not in gold:
            worse = (*pages[:i], pages[i + 1], pages[i], *pages[i + 2 :])
            assert ndcg(worse, gains, 10) < ndcg(pages, gains, 10)


def test_means_are_over_the_questions_that_have_the_metric() -> None:
    assert mean_metrics([{"mrr": 1.0}, {"mrr": 0.5, "element_recall@1": 0.25}, {}]) == {
        "element_recall@1": 0.25,
        "mrr": 0.75,
    }
    assert mean_metrics([]) == {}
