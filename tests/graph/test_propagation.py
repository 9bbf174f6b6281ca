from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from svrag.graph.model import BIDIRECTIONAL, Edge, ElementGraph
from svrag.graph.propagation import Transition, diffusion, pagerank
from svrag.graph.weights import Weighting, effective_weight
from tests.graph.test_relevance import IDS, graphs, node

SHARES = st.sampled_from([0.0, 0.15, 0.3, 0.85, 1.0])
WEIGHTINGS = st.sampled_from(["uniform", "base", "base+role", "base+visual", "full"])
SCORES = st.lists(st.floats(-2, 30, allow_nan=False), min_size=len(IDS), max_size=len(IDS)).map(np.array)
Scores = NDArray[np.float64]


def matrix(graph: ElementGraph, ids: str, weighting: Weighting, keep: bool) -> Scores:
    """P, cell by cell."""
    nodes = {node.id: node for node in graph.nodes}
    p = np.zeros((len(ids), len(ids)))
    for i, source in enumerate(ids):
        for j, target in enumerate(ids):
            for edge in graph.edges:
                there = (edge.source, edge.target) == (source, target)
                back = edge.type in BIDIRECTIONAL and (edge.target, edge.source) == (source, target)
                if i != j and (there or back):
                    p[i, j] = max(p[i, j], effective_weight(edge, nodes[target], weighting))
        if p[i].sum():
            p[i] /= p[i].sum()
        elif keep:
            p[i, i] = 1
    return p


@given(graphs(), SCORES, WEIGHTINGS, st.booleans(), st.sampled_from([IDS, "ace", "gfe"]), SHARES)
def test_it_is_what_the_matrix_does(
    graph: ElementGraph, scores: Scores, weighting: Weighting, keep: bool, ids: str, share: float
) -> None:
    scores = scores[: len(ids)]
    transition = Transition(graph, ids, weighting, keep=keep)
    p = matrix(graph, ids, weighting, keep)
    assert transition.moved(scores) == pytest.approx(p.T @ scores)
    once = (1 - share) * scores + share * p.T @ scores
    assert diffusion(transition, scores, share=share) == pytest.approx((1 - share) * once + share * p.T @ once)
    if share >= 0.3:  # converges in 30 steps: to the solution of s = a q + (1 - a) P^T s
        exact = np.linalg.solve(np.eye(len(ids)) - (1 - share) * p.T, share * scores)
        assert pagerank(transition, scores, share=share) == pytest.approx(exact, abs=0.01)


@given(graphs(), SCORES, WEIGHTINGS, SHARES)
def test_no_score_is_lost(graph: ElementGraph, scores: Scores, weighting: Weighting, share: float) -> None:
    transition = Transition(graph, IDS, weighting)
    for moved in (diffusion(transition, scores, share=share), pagerank(transition, scores, share=share)):
        assert moved.sum() == pytest.approx(scores.sum(), abs=1e-6)
    losing = diffusion(Transition(graph, IDS, weighting, keep=False), np.abs(scores), share=share)
    assert losing.sum() <= np.abs(scores).sum() + 1e-6


@given(graphs(), SCORES)
def test_nothing_moves_at_a_share_of_nothing(graph: ElementGraph, scores: Scores) -> None:
    transition = Transition(graph, IDS)
    assert diffusion(transition, scores, share=0.0) == pytest.approx(scores)
    assert diffusion(transition, scores, steps=0) == pytest.approx(scores)
    assert pagerank(transition, scores, share=1.0) == pytest.approx(scores), "PageRank's share is that of returning"


def test_by_hand() -> None:
    graph = ElementGraph(
        "d",
        (node("a"), node("f", "figure", "appendix"), node("t", "text"), node("c", "caption")),
        (Edge("a", "f", "refer_to", 1.0), Edge("a", "t", "refer_to", 0.5), Edge("c", "f", "caption_of", 1.0)),
    )
    scores = np.array([1.0, 0.0, 0.0, 0.0])
    full = 0.8 * 1.3 * 1.1
    moved = Transition(graph, "aftc").moved(scores)
    assert moved == pytest.approx([0, full / (full + 0.4), 0.4 / (full + 0.4), 0])
    shares = {
        w: Transition(graph, "aftc", w).moved(scores)[1]
        for w in ("uniform", "base", "base+role", "base+visual")  # type: ignore[arg-type]
    }
    assert shares == pytest.approx({"uniform": 1 / 2, "base": 2 / 3, "base+role": 1.3 / 1.8, "base+visual": 1.1 / 1.6})
    assert Transition(graph, "at").moved(scores[:2]) == pytest.approx([0, 1]), "the figure is out of reach"


def test_no_elements() -> None:
    nothing = np.zeros(0)
    assert diffusion(Transition(ElementGraph("d", (), ()), []), nothing).shape == (0,)
    assert pagerank(Transition(ElementGraph("d", (), ()), []), nothing, share=0.3).shape == (0,)
