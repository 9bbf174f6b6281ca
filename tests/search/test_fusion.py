from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.search.fusion import WEIGHT, added, fused
from svrag.search.lexical import Ranked

SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-1, 3), max_size=8)


def ranking(scores: dict[str, float], reason: str = "") -> dict[str, Ranked]:
    return {key: Ranked(score, (f"{reason} {key}",)) for key, score in scores.items()}


def test_by_hand() -> None:
    both = added(ranking({"a": 0.6, "b": 0.4}, "words"), ranking({"b": 0.5, "c": 0.9, "d": 0.1}, "meaning"), 0.5)
    scores = {key: found.score for key, found in both.items()}
    # a is in no place of the dense ranking, so it is no closer than d; c and d have no words of the question.
    assert scores == pytest.approx({"a": 0.6 + 0.05, "b": 0.4 + 0.25, "c": 0.45, "d": 0.05})
    assert both["b"].reasons == ("words b", "meaning b")
    assert both["a"].reasons == ("words a",)
    assert both["c"].reasons == ("meaning c",)


def test_elements_and_pages_alike() -> None:
    elements, pages = fused(
        ({"x": Ranked(1.0, ())}, {("d", 1): Ranked(1.0, ())}), ({"x": Ranked(0.5, ())}, {("d", 1): Ranked(0.5, ())})
    )
    assert elements["x"].score == pytest.approx(1 + WEIGHT / 2)
    assert pages["d", 1].score == pytest.approx(1 + WEIGHT / 2)


@given(SCORES, SCORES)
def test_an_empty_ranking_changes_no_order(lexical: dict[str, float], dense: dict[str, float]) -> None:
    def order(found: dict[str, Ranked]) -> list[str]:
        return sorted(found, key=lambda key: (-found[key].score, key))

    assert order(added(ranking(lexical), {}, 0.7)) == order(ranking(lexical))
    assert order(added({}, ranking(dense), 1.0)) == order(ranking(dense))


@given(SCORES, SCORES)
def test_better_in_both_is_better_in_the_sum(lexical: dict[str, float], dense: dict[str, float]) -> None:
    both = added(ranking(lexical), ranking(dense), 0.7)
    assert set(both) == {*lexical, *dense}
    shared = sorted(set(lexical) & set(dense))
    for a in shared:
        for b in shared:
            if lexical[a] >= lexical[b] and dense[a] >= dense[b]:
                assert both[a].score >= both[b].score
