from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.model import ELEMENT_TYPES
from svrag.graph.model import BIDIRECTIONAL, EDGE_TYPES, SECTION_ROLES, Edge, EdgeType, ElementGraph, Node
from svrag.graph.relevance import Relevance
from svrag.graph.weights import effective_weight

IDS = "abcdefg"


@st.composite
def graphs(draw: st.DrawFn) -> ElementGraph:
    types = st.sampled_from([kind for kind in ELEMENT_TYPES if kind != "page"])
    nodes = tuple(Node(id, draw(types), 1, (), draw(st.sampled_from(SECTION_ROLES)), "") for id in IDS)
    ends, kinds = st.sampled_from(IDS), st.sampled_from(EDGE_TYPES)
    edges = draw(st.lists(st.builds(Edge, ends, ends, kinds, st.sampled_from([0.5, 0.7, 0.9, 1.0])), max_size=14))
    return ElementGraph("d", nodes, tuple(edges))


def paths(graph: ElementGraph, start: str, end: str, hops: int, edges: tuple[EdgeType, ...]) -> Iterator[list[float]]:
    """The weights along every path of at most `hops` edges, found by trying all elements in between."""
    nodes = {node.id: node for node in graph.nodes}

    def steps(source: str, target: str) -> list[float]:
        return [
            effective_weight(edge, nodes[target])
            for edge in graph.edges
            if edge.type in edges
            if (edge.source, edge.target) == (source, target)
            or (edge.type in BIDIRECTIONAL and (edge.target, edge.source) == (source, target))
        ]

    for length in range(1, hops + 1):
        for between in itertools.permutations(set(IDS) - {start, end}, length - 1):
            stops = [start, *between, end]
            yield from map(list, itertools.product(*(steps(a, b) for a, b in itertools.pairwise(stops))))


@given(
    graphs(),
    st.sampled_from(IDS),
    st.sampled_from([1, 2]),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.one_of(st.none(), st.sets(st.sampled_from(EDGE_TYPES)).map(lambda some: tuple(sorted(some)))),
)
def test_it_is_the_best_of_all_paths(
    graph: ElementGraph, start: str, hops: int, gamma: float, edges: tuple[EdgeType, ...] | None
) -> None:
    expected = {start: 1.0}
    for end in set(IDS) - {start}:
        worth = [
            math.prod(weights) * gamma ** (len(weights) - 1)
            for weights in paths(graph, start, end, hops, EDGE_TYPES if edges is None else edges)
        ]
        if max(worth, default=0.0) > 0:
            expected[end] = max(worth)
    found = Relevance(graph, gamma=gamma, hops=hops, edges=edges).of(start)  # type: ignore[arg-type]
    assert found == pytest.approx(expected)


def node(id: str, type: str = "text", role: str = "method") -> Node:
    return Node(id, type, 1, (), role, "")  # type: ignore[arg-type]


def test_by_hand() -> None:
    # a mentions the figure f (in an appendix), whose caption is c; b comes after a.
    graph = ElementGraph(
        "d",
        (node("a"), node("f", "figure", "appendix"), node("c", "caption"), node("b"), node("x")),
        (Edge("a", "f", "refer_to", 0.9), Edge("c", "f", "caption_of", 0.7), Edge("a", "b", "reading_next", 1.0)),
    )
    relevance = Relevance(graph)
    mention = 0.8 * 0.9 * 1.3 * 1.1
    assert relevance.of("a") == pytest.approx({"a": 1, "f": mention, "b": 0.3, "c": mention * 0.7 * 0.5})
    assert relevance.of("f") == pytest.approx({"f": 1, "c": 0.7}), "a mention is walked one way only"
    assert relevance.of("b") == pytest.approx({"b": 1, "a": 0.3, "f": 0.3 * mention * 0.5})
    assert Relevance(graph, edges=("refer_to",)).of("a") == pytest.approx({"a": 1, "f": mention})
    assert Relevance(graph, hops=1).of("b") == pytest.approx({"b": 1, "a": 0.3})
    assert relevance.of("x") == {"x": 1}
    with pytest.raises(KeyError):
        relevance.of("y")


def test_a_document_without_edges() -> None:
    assert Relevance(ElementGraph("d", (node("a"),), ())).of("a") == {"a": 1}
