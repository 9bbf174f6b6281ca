from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.model import Box, Element
from svrag.errors import InputError
from svrag.graph.build import build_graph
from svrag.graph.exchange import (
    ElementRecord,
    corpus_from_json,
    corpus_to_json,
    element_from_json,
    element_json,
    element_records,
    from_json,
    to_json,
)
from svrag.graph.model import EDGE_TYPES, SECTION_ROLES, Edge, ElementGraph, Node
from tests.library.made import document

TYPES = ("text", "figure", "table", "caption", "equation", "section_header")
titles = st.text(min_size=1, max_size=12).filter(lambda title: not title.isdecimal())
labels = st.sampled_from(
    ["", "Figure 2", "Figure 3a", "Table A1", "Equation 4", "Section 4.2", "Appendix B", "Abstract"]
)


@st.composite
def graphs(draw: st.DrawFn) -> ElementGraph:
    count = draw(st.integers(1, 8))
    paths = draw(st.lists(st.lists(titles, max_size=3).map(tuple), min_size=count, max_size=count))
    nodes = tuple(
        Node(
            f"d.{i}",
            draw(st.sampled_from(TYPES)),
            draw(st.integers(0, 9)),
            paths[i],
            draw(st.sampled_from(SECTION_ROLES)),
            draw(labels),
        )
        for i in range(count)
    )
    ends = st.integers(0, count - 1).map(lambda i: f"d.{i}")
    edges = draw(
        st.lists(
            st.builds(Edge, ends, ends, st.sampled_from(EDGE_TYPES), st.sampled_from([0.5, 0.7, 0.9, 1.0])), max_size=9
        )
    )
    return ElementGraph("d", nodes, tuple(edges))


@given(graphs())
def test_a_graph_comes_back_from_json_as_it_was(graph: ElementGraph) -> None:
    assert from_json(json.loads(json.dumps(to_json(graph)))) == graph
    assert corpus_from_json(json.loads(json.dumps(corpus_to_json([graph])))) == [graph]


PUBLIC = {
    "doc_id": "1809.03149v2",
    "schema_version": "v2.1",
    "nodes": [
        {
            "id": "s0",
            "type": "section_header",
            "page": None,
            "section_path": [0],
            "section_role": "method",
            "label": "3 Kilns",
        },
        {"id": "p0", "type": "text", "page": 2, "section_path": [2, 1], "section_role": "method", "label": None},
        {"id": "f0", "type": "figure", "page": 3, "section_path": None, "section_role": None, "label": "figure 2"},
    ],
    "edges": [
        {"src": "s0", "dst": "p0", "type": "contains", "confidence": 1.0, "bidirectional": True},
        {"src": "p0", "dst": "f0", "type": "refer_to", "confidence": 0.9, "bidirectional": False, "evidence": "regex"},
        {"src": "p0", "dst": "gone", "type": "refer_to", "confidence": 0.9, "bidirectional": False},
        {"src": "p0", "dst": "s0", "type": "refer_to", "confidence": 0.3, "bidirectional": False},
    ],
}


def test_a_graph_of_the_public_set() -> None:
    graph = from_json(PUBLIC)
    assert graph.nodes == (
        Node("s0", "section_header", 0, ("0",), "method", "3 Kilns"),
        Node("p0", "text", 3, ("2", "1"), "method", ""),
        Node("f0", "figure", 4, (), "other", "Figure 2"),
    )
    assert graph.edges == (Edge("s0", "p0", "contains", 1.0), Edge("p0", "f0", "refer_to", 0.9))


def test_what_the_public_set_has_is_written_back() -> None:
    written = to_json(from_json(PUBLIC))
    nodes, edges = PUBLIC["nodes"], PUBLIC["edges"]
    assert [node["section_path"] for node in written["nodes"]] == [node["section_path"] for node in nodes]
    assert [node["page"] for node in written["nodes"]] == [node["page"] for node in nodes]
    told = ("src", "dst", "type", "confidence", "bidirectional")
    assert written["edges"] == [{key: edge[key] for key in told} for edge in edges[:2]]


def test_a_corpus_whose_graphs_do_not_name_themselves() -> None:
    unnamed = {key: value for key, value in PUBLIC.items() if key != "doc_id"}
    assert corpus_from_json({"1809.03149v2": unnamed}) == [from_json(PUBLIC)]


def test_sections_are_numbered_as_they_appear() -> None:
    paths = [("A",), ("A", "x"), ("B",), ("A", "y"), ("B", "x")]
    nodes = tuple(Node(str(i), "text", 1, path, "other", "") for i, path in enumerate(paths))
    written = to_json(ElementGraph("d", nodes, ()))
    assert [node["section_path"] for node in written["nodes"]] == [[1], [1, 1], [2], [1, 2], [2, 1]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": "v1"}, "schema 'v1'"),
        ({"doc_id": ""}, "lacks 'doc_id'"),
        ({"nodes": None}, "no list of nodes"),
        ({"nodes": [{"id": "a", "type": "poem"}]}, "node a: type is 'poem'"),
        ({"nodes": [{"id": "a", "type": "text", "section_role": "chorus"}]}, "section_role is 'chorus'"),
        ({"nodes": [{"id": "a", "type": "text", "page": "two"}]}, "page must be a number"),
        ({"nodes": [{"type": "text"}]}, "lacks 'id'"),
        ({"edges": [{"src": "s0", "dst": "p0", "type": "likes"}]}, "type is 'likes'"),
        ({"edges": [{"src": "s0", "dst": "p0", "type": "contains", "confidence": 7}]}, "confidence must be"),
        ({"edges": ["s0"]}, "an edge must be a JSON object"),
    ],
)
def test_what_is_no_such_graph(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_json({**PUBLIC, **change})


def test_elements_both_ways() -> None:
    made = document("kiln.pdf", "The kiln was fired.")
    graph = build_graph(made)
    roles = {node.id: node.section_role for node in graph.nodes}
    for element, line in zip(made.elements, element_records(made.elements, graph), strict=True):
        back = element_from_json(json.loads(json.dumps(line)))
        assert back.section_role == roles[element.id]
        told = ("id", "document_id", "type", "page", "box", "text", "label", "section_path")
        assert [getattr(back.element, name) for name in told] == [getattr(element, name) for name in told]


def test_an_element_with_its_picture() -> None:
    element = Element("d.1.1", "d", "figure", 1, Box(1, 2, 30, 40), "", label="Figure 1")
    record = ElementRecord(element, "result", image_path="figures/1.png", image_base64="aGk=")
    assert element_from_json(element_json(record)) == record
    assert "text" in element_json(record)
    with pytest.raises(InputError, match="bbox_pdf must be four numbers"):
        element_from_json({**element_json(record), "bbox_pdf": [1, 2]})
