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


@pytest.mark.parametrize(
    "text",
    [
        "as in Figure 1 of [12]",
        "see Figure 1 in Smith et al. for more",
        "Figure 1 of Smith and Jones (2019)",
        "PURSUANT TO SECTION 13 OR 15(d) OF THE SECURITIES EXCHANGE ACT OF 1934",
        "reports under Section 13 or Section 15(d) of the Act",
        "as defined in Section 13(a) of the Internal Revenue Code",
        "in violation of 42 U.S.C. § 13",
        "under the United States Code, Section 13",
        "Section 1345 and § 1300",
    ],
)
def test_another_works_figure_is_not_ours(text: str) -> None:
    source = made(
        ("text", text, {}),
        ("figure", "", {"label": "Figure 1"}),
        ("section_header", "13 Quarterly data", {"label": "Section 13", "level": 1}),
    )
    assert edges(source, "refer_to") == []


@pytest.mark.parametrize(
    "text",
    ["Figure 1 of this report", "Figure 1 in Section 2", "Figure 1 of the Annual Report", "as Figure 1, in 2019"],
)
def test_our_own_figure_is(text: str) -> None:
    source = made(("text", text, {}), ("figure", "", {"label": "Figure 1"}))
    assert edges(source, "refer_to") == [("0", "1")]


@pytest.mark.parametrize("text", ["see Appendix B", "see Section B"])
def test_an_appendix_is_found_by_its_letter(text: str) -> None:
    source = made(("text", text, {}), ("section_header", "B Proofs", {"label": "Section B", "level": 1}))
    (edge,) = build_graph(source).edges
    assert (edge.type, edge.target, edge.confidence) == ("refer_to", "d.1.1", 0.9)


def test_two_bearers_of_a_name() -> None:
    """The one in the same chapter is meant, but not surely."""
    source = made(
        ("figure", "", {"label": "Figure 1", "section_path": ("Clay",)}),
        ("figure", "", {"label": "Figure 1", "section_path": ("Fire",)}),
        ("text", "Figure 1 burns.", {"section_path": ("Fire", "Wood")}),
    )
    (edge,) = build_graph(source).edges
    assert (edge.target, edge.confidence) == ("d.1.1", 0.5)


def test_a_part_leads_to_the_whole_and_a_chart_may_be_called_a_figure() -> None:
    source = made(("text", "Fig. 2(b) shows it", {}), ("figure", "", {"label": "Figure 2"}))
    assert edges(source, "refer_to") == [("0", "1")]
    source = made(("text", "Figure 2 shows it", {}), ("figure", "", {"label": "Chart 2"}))
    assert [edge.confidence for edge in build_graph(source).edges] == [0.5]


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


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("1 Introduction", "intro"),
        ("II. RELATED WORK", "related_work"),
        ("R E L A T E D W O R K", "related_work"),
        ("2 Preliminaries", "related_work"),
        ("3. Materials and Methods", "method"),
        ("4.2 Experimental Setup", "result"),
        ("Results and Discussion", "result"),
        ("VII. DISCUSSION AND FUTURE PROSPECTS", "discussion"),
        ("6 Conclusion", "conclusion"),
        ("References", "references"),
        ("Appendix A Proofs", "appendix"),
        ("Abstract", "front_matter"),
        ("Kilns", "other"),
        ("", "other"),
        ("Our reputation would be harmed if we could not keep our data and our results safe", "other"),
        ("Methods of estimating how many of all the bowls that were fired broke", "method"),
    ],
)
def test_role_of_a_heading(heading: str, role: str) -> None:
    assert heading_role(heading) == role


@pytest.mark.parametrize(
    ("headings", "role"),
    [
        (["Appendix A Proofs", "A.1 Results"], "appendix"),
        (["References", "Methods"], "references"),
        (["3 Method", "3.1 Kilns"], "method"),
        (["A long report on kilns", "Results"], "result"),
        (["Kilns"], "other"),
        ([], "other"),
    ],
)
def test_role_of_a_section(headings: list[str], role: str) -> None:
    assert section_role(headings) == role


def test_lettered_sections_after_numbered_ones_are_appendices() -> None:
    source = made(
        ("section_header", "A Parts", {"label": "Section A", "level": 1}),
        ("section_header", "1 Clay", {"label": "Section 1", "level": 1}),
        ("section_header", "B Methods", {"label": "Section B", "level": 1}),
        ("section_header", "B.1 Results", {"label": "Section B.1", "level": 2, "section_path": ("B Methods",)}),
        ("text", "hot", {"section_path": ("B Methods", "B.1 Results")}),
    )
    roles = [node.section_role for node in build_graph(source).nodes]
    assert roles == ["other", "other", "appendix", "appendix", "appendix"]


def test_weights_are_those_of_the_schema() -> None:
    graph = build_graph(made(("text", "Figure 1", {}), ("figure", "", {"label": "Figure 1"})))
    (edge,) = graph.edges
    figure = replace(graph.nodes[1], section_role="method")
    assert effective_weight(edge, figure) == pytest.approx(0.8 * edge.confidence * 1.1)
    assert effective_weight(edge, replace(figure, section_role="appendix")) == pytest.approx(0.72 * 1.1 * 1.3)
    assert effective_weight(replace(edge, type="caption_of"), figure) == edge.confidence
