from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.propagation import STRENGTH, Mode, confidence, propagate
from svrag.documents.model import ElementType
from svrag.graph.model import EDGE_TYPES, Edge, EdgeType, ElementGraph, Node

IDS = tuple("abcdefgh")
SCORES = st.dictionaries(st.sampled_from(IDS), st.floats(0, 10), max_size=8)
EDGES = st.lists(
    st.builds(
        Edge, st.sampled_from(IDS), st.sampled_from(IDS), st.sampled_from(EDGE_TYPES), st.sampled_from((0.5, 0.9, 1.0))
    ).filter(lambda edge: edge.source != edge.target),
    max_size=12,
)
MODES: st.SearchStrategy[Mode] = st.sampled_from(["off", "ungated", "gated"])


def graph(*edges: Edge, ids: tuple[str, ...] = IDS, figures: str = "") -> ElementGraph:
    def node(id: str) -> Node:
        type: ElementType = "figure" if id in figures else "text"
        return Node(id, type, 1, (), "other", "")

    return ElementGraph("d", tuple(node(id) for id in ids), edges)


def test_by_hand() -> None:
    # a speaks of the figures f and g; c is the caption of f; the (lower) median of the eight scores is 0.1.
    edges = (Edge("a", "f", "refer_to", 1.0), Edge("a", "g", "refer_to", 0.5), Edge("c", "f", "caption_of", 0.9))
    scores = {"a": 1.0, "c": 0.5, "f": 0.4, "d": 0.2, "b": 0.1}
    lifted = propagate(scores, [graph(*edges, figures="fg")], "ungated")
    usual = 0.1
    assert lifted == pytest.approx(
        {
            **scores,
            "f": 0.4 + STRENGTH * 0.9 * 0.8 * 1.1,  # from a over refer_to to a figure; c brings less: 0.4 x 0.9
            "g": STRENGTH * 0.9 * 0.8 * 1.1 * 0.5,  # without a score of its own
            "c": 0.5 + STRENGTH * (0.4 - usual) * 0.9,  # caption_of goes both ways, refer_to does not
        }
    )
    gated = propagate(scores, [graph(*edges, figures="fg")], "gated")
    gate = 1 - (1.0 - 0.5) / (1.0 - usual)
    for id in scores:
        assert gated[id] - scores[id] == pytest.approx(gate * (lifted[id] - scores[id]))


@pytest.mark.parametrize("type", ["contains", "reading_next", "section_next"])
def test_standing_near_carries_nothing(type: EdgeType) -> None:
    scores = {"a": 1.0}
    assert propagate(scores, [graph(Edge("a", "b", type, 1.0))], "ungated") == scores


def test_graphs_of_several_documents_are_one_candidate_set() -> None:
    first = graph(Edge("a", "b", "refer_to", 1.0), ids=("a", "b", "c"))
    second = graph(Edge("x", "y", "refer_to", 1.0), ids=("x", "y"))
    lifted = propagate({"a": 1.0, "x": 0.5}, [first, second], "ungated")  # the median of 1, 0, 0, 0.5, 0 is 0
    assert lifted == pytest.approx({"a": 1.0, "b": STRENGTH * 0.8, "x": 0.5, "y": STRENGTH * 0.5 * 0.8})


def test_what_is_no_element_stays_as_it_is() -> None:
    assert propagate({"d.1": 1.0}, [graph()], "gated") == {"d.1": 1.0}
    assert propagate({"d.1": 1.0}, [], "gated") == {"d.1": 1.0}
    assert propagate({}, [graph(Edge("a", "b", "refer_to", 1.0))], "gated") == {}


@pytest.mark.parametrize(
    ("scores", "sure"),
    [((3.0, 0.0, 0.0), 1), ((3.0, 3.0, 0.0), 0), ((4.0, 3.0, 2.0, 2.0), 0.5), ((1.0, 0.0), 1), ((1.0,), 1), ((), 1)],
)
def test_confidence_by_hand(scores: tuple[float, ...], sure: float) -> None:
    assert confidence(scores) == sure


def test_a_base_that_tells_nothing_apart_is_not_sure() -> None:
    assert confidence((0.7, 0.7, 0.7)) == 0


@given(SCORES, EDGES, MODES)
def test_no_score_falls_and_the_gate_only_holds_back(scores: dict[str, float], edges: list[Edge], mode: Mode) -> None:
    whole = graph(*edges, figures="ef")
    after, ungated = propagate(scores, [whole], mode), propagate(scores, [whole], "ungated")
    assert scores.keys() <= after.keys() <= ungated.keys()
    assert all(scores.get(id, 0.0) <= after[id] <= ungated[id] for id in after)
    if mode == "off":
        assert after == scores


@given(SCORES, EDGES, MODES, st.sampled_from((0.125, 4.0)))
def test_the_base_may_have_any_scale(scores: dict[str, float], edges: list[Edge], mode: Mode, scale: float) -> None:
    whole = graph(*edges, figures="ef")
    scaled = propagate({id: scale * score for id, score in scores.items()}, [whole], mode)
    assert {id: score / scale for id, score in scaled.items()} == pytest.approx(propagate(scores, [whole], mode))


@given(st.lists(st.floats(0, 10), min_size=2, max_size=9), st.floats(0, 5))
def test_confidence_is_a_share_that_no_offset_moves(scores: list[float], offset: float) -> None:
    sure = confidence(scores)
    assert 0 <= sure <= 1
    if max(scores) - min(scores) > 1e-3:
        assert confidence([score + offset for score in scores]) == pytest.approx(sure, abs=1e-6)
