from __future__ import annotations

from dataclasses import replace

import pytest

from svrag.graph.build import build_graph
from svrag.graph.exchange import from_json
from svrag.graph.model import Edge, ElementGraph
from svrag.graph.places import places_of
from tests.library.made import document


def public() -> ElementGraph:
    """As the public set has them: figures first and without a role, headers numbered, edges in no order."""

    def node(name: str, kind: str, role: str | None = None, path: list[int] | None = None) -> dict[str, object]:
        return {"id": name, "type": kind, "page": None, "section_path": path, "section_role": role, "label": None}

    def contains(header: str, child: str) -> dict[str, object]:
        return {"src": header, "dst": child, "type": "contains", "confidence": 1.0, "bidirectional": True}

    return from_json(
        {
            "doc_id": "d",
            "schema_version": "v2.1",
            "nodes": [
                node("figure", "figure"),
                node("loose", "caption"),
                node("methods", "section_header", "method", [0]),
                node("deep", "section_header", "result", [0, 2]),
                node("p0", "text", "method"),
                node("p1", "text", "method"),
                node("p2", "text", "other"),
            ],
            "edges": [contains("methods", child) for child in ("figure", "p1", "p0", "deep")]
            + [contains("deep", "p2")],
        }
    )


def test_paragraphs_of_a_section_count_first() -> None:
    places = places_of(public())
    assert {name: place.position for name, place in places.items()} == {
        "p0": 0.0,
        "p1": 0.25,
        "figure": 0.5,
        "deep": 0.75,
        "p2": 0.0,
        "loose": 0.0,
        "methods": 0.0,
    }


def test_what_has_no_role_takes_that_of_the_header_above() -> None:
    places = places_of(public())
    assert (places["figure"].role, places["p2"].role, places["loose"].role) == ("method", "result", "other")
    assert places["deep"].role == "result"


def test_depth_is_the_length_of_the_section_path() -> None:
    places = places_of(public())
    assert (places["deep"].depth, places["methods"].depth, places["p0"].depth) == (2.0, 1.0, 1.0)


def test_contains_goes_both_ways() -> None:
    graph = public()
    turned = tuple(Edge(edge.target, edge.source, edge.type, edge.confidence) for edge in graph.edges)
    # Between two headers the one that it goes from is above.
    kept = tuple(edge for edge in graph.edges if edge.target == "deep")
    others = tuple(edge for edge in turned if edge.source != "deep")
    assert places_of(replace(graph, edges=(*others, *kept))) == places_of(graph)


def test_of_the_graph_of_a_document() -> None:
    made = document("paper.pdf", "The kiln was fired.", pages=2)
    graph = build_graph(made)
    places = places_of(graph)
    assert places.keys() == {element.id for element in made.elements}
    assert all(0 <= place.position < 1 and place.depth >= 1 for place in places.values())
    headers = [edge.source for edge in graph.edges if edge.type == "contains"]
    for header in set(headers):
        inside = [
            places[edge.target].position for edge in graph.edges if edge.source == header and edge.type == "contains"
        ]
        assert sorted(inside) == pytest.approx([i / len(inside) for i in range(len(inside))])
