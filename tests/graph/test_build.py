from __future__ import annotations

from dataclasses import replace

import pytest

from svrag.documents.model import Box, Document, Element, Page
from svrag.graph.build import build_graph
from svrag.graph.model import Edge
from svrag.graph.roles import heading_role, section_role
from svrag.graph.weights import effective_weight
from tests.library.made import document


def made(*elements: tuple[str, str, dict[str, object]]) -> Document:
    """Elements as (type, text, other fields), ids d.1.0, d.1.1, ... in reading order."""
    box = Box(0, 0, 10, 10)
    listed = tuple(
        Element(f"d.1.{i}", "d", kind, 1, box, text, **fields)  # type: ignore[arg-type]
        for i, (kind, text, fields) in enumerate(elements)
    )
    return Document("d", "d" * 64, "d.pdf", "", "en", (Page(1, 600, 800),), listed)


def edges(source: Document, kind: str) -> list[tuple[str, str]]:
    return [(edge.source[4:], edge.target[4:]) for edge in build_graph(source).edges if edge.type == kind]


def test_captions_are_tied_to_what_they_were_paired_with() -> None:
    source = made(
        ("caption", "Figure 1. Heat", {"label": "Figure 1", "target_id": "d.1.1", "confidence": 0.9}),
        ("figure", "", {"label": "Figure 1"}),
    )
    (edge,) = (e for e in build_graph(source).edges if e.type == "caption_of")
    assert edge == Edge("d.1.0", "d.1.1", "caption_of", 0.9)


def test_mentions_lead_to_what_bears_the_name_and_not_to_captions() -> None:
    source = made(
        ("text", "Figs. 1 and 2 and Section 3 show it; Figure 9 does not.", {}),
        ("figure", "", {"label": "Figure 1"}),
        ("figure", "", {"label": "Figure 2"}),
        ("caption", "Figure 2", {"label": "Figure 2", "target_id": "d.1.2"}),
        ("section_header", "3 Kilns", {"label": "Section 3", "level": 1}),
    )
    assert sorted(edges(source, "refer_to")) == [("0", "1"), ("0", "2"), ("0", "4")]


def test_another_works_figure_is_not_ours() -> None:
    source = made(("text", "as in Figure 1 of [12]", {}), ("figure", "", {"label": "Figure 1"}))
    found = [e.confidence for e in build_graph(source).edges if e.type == "refer_to"]
    assert all(confidence <= 0.5 for confidence in found)


def test_sections_hold_their_own_and_follow_each_other() -> None:
    source = made(
        ("section_header", "1 Clay", {"level": 1}),
        ("text", "red", {"section_path": ("1 Clay",)}),
        ("text", "white", {"section_path": ("1 Clay",)}),
        ("section_header", "2 Fire", {"level": 1}),
        ("text", "hot", {"section_path": ("2 Fire",)}),
    )
    assert sorted(edges(source, "contains")) == [("0", "1"), ("0", "2"), ("3", "4")]
    assert edges(source, "section_next") == [("0", "3")]
    assert edges(source, "reading_next") == [("1", "2")]


def test_every_edge_joins_two_nodes_once() -> None:
    graph = build_graph(document("kiln.pdf", "Table 1 and Table 2 show the heat.", "See Section 1.", pages=4))
    known = {node.id for node in graph.nodes}
    assert all({e.source, e.target} <= known and e.source != e.target for e in graph.edges)
    assert len({(e.source, e.target, e.type) for e in graph.edges}) == len(graph.edges)
    assert all(0.5 <= e.confidence <= 1.0 for e in graph.edges)


def test_roles() -> None:
    assert heading_role("4.2 Experimental Setup") in ("result", "method")
    assert heading_role("R E L A T E D W O R K") == "related_work"
    assert section_role(["Appendix A Proofs", "A.1 Results"]) == "appendix"
    assert section_role(["3 Method", "3.1 Kilns"]) == "method"
    assert section_role(["Kilns"]) == "other"


def test_weights_are_those_of_the_schema() -> None:
    graph = build_graph(made(("text", "Figure 1", {}), ("figure", "", {"label": "Figure 1"})))
    (edge,) = graph.edges
    figure = replace(graph.nodes[1], section_role="method")
    assert effective_weight(edge, figure) == pytest.approx(0.8 * edge.confidence * 1.1)
    assert effective_weight(edge, replace(figure, section_role="appendix")) == pytest.approx(0.72 * 1.1 * 1.3)
    assert effective_weight(replace(edge, type="caption_of"), figure) == edge.confidence
