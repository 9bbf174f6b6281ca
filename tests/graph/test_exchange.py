from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.labels import KINDS, normalise_label
from svrag.documents.model import Box, Element
from svrag.errors import InputError
from svrag.graph.build import build_graph
from svrag.graph.exchange import (
    ElementRecord,
    corpus_from_json,
    corpus_to_json,
    element_from_json,
    element_record,
    element_records,
    elements_from_records,
    from_json,
    graphs_from_text,
    to_json,
)
from svrag.graph.model import EDGE_TYPES, SECTION_ROLES, Edge, ElementGraph, Node
from tests.library.made import document

TYPES = ("text", "figure", "table", "caption", "equation", "section_header")
# Headings may be years, digits of other scripts and numbers with zeros in front.
titles = st.one_of(st.text(min_size=1, max_size=12), st.sampled_from(["2019", "007", "٣", "1.2", "0"]))
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
    assert graphs_from_text(json.dumps(to_json(graph))) == graphs_from_text(json.dumps(corpus_to_json([graph])))


@given(
    st.sampled_from(sorted(KINDS)),
    st.from_regex(r"[A-Z]?[1-9]{1,2}([.\-][1-9])?[a-z]?|[IVX]{1,3}|[A-H]", fullmatch=True),
)
def test_our_labels_are_read_as_they_were_written(word: str, number: str) -> None:
    label = normalise_label(word, number)
    node = Node("a", "figure", 1, (), "other", label)
    (back,) = from_json(to_json(ElementGraph("d", (node,), ()))).nodes
    assert back.label == label


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
        ({"nodes": [{"id": "a", "type": "page"}]}, "node a: type is 'page'"),
        ({"nodes": [{"id": "a", "type": "text", "page": "two"}]}, "page must be a number"),
        ({"nodes": [{"id": "a", "type": "text", "page": True}]}, "page must be a number"),
        ({"nodes": [{"id": "a", "type": "text", "page": 10**400}]}, "page must be a number"),
        ({"nodes": [{"id": "a", "type": "text", "section_path": "3.2"}]}, "section_path must be a list"),
        ({"nodes": [{"id": "a", "type": "text", "section_path": [[3], 2]}]}, "section_path must be a list"),
        ({"nodes": [{"id": "a", "type": "text", "label": 3}]}, "label must be a text"),
        ({"nodes": ["x" * 5000]}, "a node must be a JSON object"),
        ({"edges": [{"src": "s0", "dst": "p0", "type": "contains", "confidence": math.nan}]}, "confidence must be"),
        ({"nodes": [{"type": "text"}]}, "lacks 'id'"),
        ({"edges": [{"src": "s0", "dst": "p0", "type": "likes"}]}, "type is 'likes'"),
        ({"edges": [{"src": "s0", "dst": "p0", "type": "contains", "confidence": 7}]}, "confidence must be"),
        ({"edges": ["s0"]}, "an edge must be a JSON object"),
    ],
)
def test_what_is_no_such_graph(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        from_json({**PUBLIC, **change})
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", '"v2.1"', "null", '{"a": 1}'])
def test_a_file_without_graphs(text: str) -> None:
    with pytest.raises(InputError) as error:
        graphs_from_text(text)
    assert "\n" not in str(error.value)


boxes = st.builds(Box, *[st.floats(0, 3000)] * 4)


@given(graphs(), st.data())
def test_elements_come_back_from_jsonl_as_they_were(graph: ElementGraph, data: st.DataObject) -> None:
    elements = [
        Element(
            node.id,
            "d",
            node.type,
            node.page,
            data.draw(boxes),
            data.draw(st.text(max_size=20)),
            label=node.label,
            section_path=node.section_path,
        )
        for node in graph.nodes
    ]
    lines = [json.dumps(record) + "\n" for record in element_records(elements, graph)]
    back = list(elements_from_records(["\n", *lines]))
    assert [record.element for record in back] == elements
    assert [record.section_role for record in back] == [node.section_role for node in graph.nodes]


def test_records_and_nodes_of_a_document_tell_the_same() -> None:
    made = document("kiln.pdf", "The kiln was fired.")
    graph = build_graph(made)
    records = list(element_records([*made.elements, *made.page_elements()], graph))
    for key in ("id", "type", "page", "label", "section_path", "section_role"):
        assert [record[key] for record in records] == [node[key] for node in to_json(graph)["nodes"]]


def test_elements_of_the_public_set() -> None:
    lines = [
        '{"id": "p0", "doc_id": "d", "type": "text", "text": "Hot.", "section_title": "Kilns", "section_role": "method"}',
        '{"id": "f0", "doc_id": "d", "type": "figure", "text": null, "image_path": "images_224px/f0", "label": "table 3"}',
    ]
    paragraph, figure = elements_from_records(lines)
    assert (paragraph.element.section_path, paragraph.section_role) == (("Kilns",), "method")
    assert (figure.element.label, figure.image_path, figure.section_role) == ("Table 3", "images_224px/f0", "other")


def test_an_element_with_its_picture() -> None:
    element = Element("d.1.1", "d", "figure", 1, Box(1, 2, 30, 40), "", label="Figure 1", section_path=("Kilns",))
    record = ElementRecord(element, "result", image_path="figures/1.png", image_base64="aGk=")
    assert element_from_json(element_record(record)) == record
    assert element_record(record)["text"] is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bbox_pdf": [1, 2]}, "bbox_pdf must be four numbers"),
        ({"bbox_pdf": [1, 2, math.inf, 4]}, "bbox_pdf must be four numbers"),
        ({"bbox_pdf": [1, 2, 3, 10**400]}, "bbox_pdf must be four numbers"),
        ({"text": ["Hot."]}, "text must be a text"),
        ({"image_b64": 7}, "image_b64 must be a text"),
        ({"doc_id": None}, "lacks 'doc_id'"),
    ],
)
def test_what_is_no_such_element(change: dict[str, object], said: str) -> None:
    good = {"id": "a", "doc_id": "d", "type": "text"}
    lines = [json.dumps(good), json.dumps(good | change)]
    with pytest.raises(InputError, match=f"line 2: .*{said}"):
        list(elements_from_records(lines))


def test_a_line_cut_short() -> None:
    with pytest.raises(InputError, match=r"line 1: .*not JSON"):
        list(elements_from_records(['{"id": "a", "doc']))
