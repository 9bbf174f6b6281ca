"""Element graphs in the public project's files, made small."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from svrag.errors import InputError
from svrag.graph.places import places_of
from svrag.retrievers.multivector.stored_pictures import PictureBytes, PictureFile
from svrag.training.config import Anchors, GraphFiles
from svrag.training.data.anchors import AnchorData, GraphDocument
from svrag.training.data.graphs import graph_documents
from tests.evaluation.files_made import write_json, write_lines, write_picture

FIGURE = "1809.03149v2-Figure1-1.png"


def node(id: str, type: str, role: str | None = None, label: str | None = None) -> dict[str, Any]:
    return {"id": id, "type": type, "page": None, "section_path": None, "section_role": role, "label": label}


def edge(source: str, target: str, type: str) -> dict[str, Any]:
    return {"src": source, "dst": target, "type": type, "confidence": 1.0, "bidirectional": type != "refer_to"}


GRAPH = {
    "schema_version": "v2.1",
    "nodes": [
        node(FIGURE, "figure", label="figure 1"),
        node(f"{FIGURE}__caption", "caption", label="figure 1"),
        node("s", "section_header", "method", "Kilns"),
        node("p0", "text", "method"),
        node("p1", "text", "method"),
        node("gone", "text", "method"),
    ],
    "edges": [
        edge(f"{FIGURE}__caption", FIGURE, "caption_of"),
        edge("p0", FIGURE, "refer_to"),
        edge("s", "p0", "contains"),
    ],
}
ELEMENTS: list[dict[str, Any]] = [
    {"id": FIGURE, "doc_id": "a", "type": "figure", "text": None, "image_path": f"images_224px/{FIGURE}"},
    {"id": f"{FIGURE}__caption", "doc_id": "a", "type": "caption", "text": "Figure 1: A kiln."},
    {"id": "s", "doc_id": "a", "type": "section_header", "text": "Kilns", "section_title": "Kilns"},
    {"id": "p0", "doc_id": "a", "type": "text", "text": "Figure 1 shows it."},
    {"id": "p1", "doc_id": "a", "type": "text", "text": "It is hot."},
    {"id": "p9", "doc_id": "another", "type": "text", "text": "Of a document without a graph."},
]
SPIQA_STYLE = {"a": {"qa": [{"question": "How hot?", "reference": FIGURE}, {"question": "?", "reference": None}]}}
LINES = [
    {"qid": "1", "doc_id": "a", "query": "How hot?", "gt_element_ids": ["p1", FIGURE], "gt_pages": [1]},
    {"qid": "2", "doc_id": "another", "query": "How?", "gt_element_ids": "p9"},
]


def write(folder: Path, elements: list[dict[str, Any]] = ELEMENTS, **given: Path) -> GraphFiles:
    return GraphFiles(
        kind="graphs",
        graphs=write_json(folder / "element_graph.json", {"a": GRAPH}),
        elements=write_lines(folder / "elements.jsonl", elements),
        **given,
    )


def only(data: GraphFiles, *, pictures: bool) -> GraphDocument:
    (one,) = graph_documents(data, pictures=pictures)
    return one


def test_figures_are_pictures_and_all_else_is_text(tmp_path: Path) -> None:
    data = write(tmp_path)
    picture = write_picture(tmp_path / "images_224px" / FIGURE, size=(40, 30))
    one = only(data, pictures=True)
    assert one.items[FIGURE].picture == PictureFile(picture)
    assert {id for id, item in one.items.items() if item.text} == {f"{FIGURE}__caption", "s", "p0", "p1"}
    assert one.anchors.keys() == {f"{FIGURE}__caption", "p0", "p1"}
    places = places_of(one.graph)
    assert all(item.place == places[id] for id, item in one.items.items())
    counts = AnchorData([one], Anchors(), 1, 1).counts()
    assert counts == {"caption_of": 1, "refer_to": 1}


def test_pictures_in_a_folder_of_their_own_or_in_the_file(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "images" / "a" / FIGURE, size=(40, 30))
    one = only(write(tmp_path, pictures=tmp_path / "images"), pictures=True)
    assert one.items[FIGURE].picture == PictureFile(picture)
    encoded = ELEMENTS[0] | {"image_b64": base64.b64encode(picture.read_bytes()).decode()}
    held = only(write(tmp_path, [encoded, *ELEMENTS[1:]]), pictures=True).items[FIGURE].picture
    assert isinstance(held, PictureBytes)
    assert held.open().size == (40, 30)


def test_elements_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    assert FIGURE not in only(write(tmp_path), pictures=True).items, "its picture is not there"
    assert FIGURE not in only(write(tmp_path), pictures=False).items, "it has no words"
    worded = [ELEMENTS[0] | {"text": "North 1240"}, *ELEMENTS[1:]]
    assert only(write(tmp_path, worded), pictures=False).items[FIGURE].text == "North 1240"
    with pytest.raises(InputError, match="no anchors that the sampler asks for"):
        AnchorData([only(write(tmp_path), pictures=False)], Anchors(), 1, 1)


@pytest.mark.parametrize("lines", [False, True])
def test_questions_in_both_layouts(tmp_path: Path, lines: bool) -> None:
    file = tmp_path / "questions"
    if lines:
        write_lines(file, LINES)
    else:
        write_json(file, SPIQA_STYLE)
    (question,) = only(write(tmp_path, questions=file), pictures=False).questions
    assert question.text == "How hot?"
    assert question.elements == (("p1", FIGURE) if lines else (FIGURE,))


def test_a_single_line_of_questions(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "questions.jsonl", LINES[:1])
    assert len(only(write(tmp_path, questions=file), pictures=False).questions) == 1


@pytest.mark.parametrize(
    "wrong", ["[1]", '{"a": {"qa": [{"question": "?"}]}}', '{"query": "?"}\n{"query": "?"}', "How?"]
)
def test_other_questions(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "questions"
    file.write_text(wrong)
    with pytest.raises(InputError, match="no questions in a layout known here") as raised:
        graph_documents(write(tmp_path, questions=file), pictures=False)
    assert "\n" not in str(raised.value)


def test_files_that_are_missing_or_broken(tmp_path: Path) -> None:
    data = write(tmp_path)
    for field in ("graphs", "elements", "questions"):
        with pytest.raises(InputError, match=r"cannot read .*nowhere"):
            graph_documents(data.model_copy(update={field: tmp_path / "nowhere"}), pictures=False)
    with pytest.raises(InputError, match=r"elements\.jsonl: line 1: .*lacks 'doc_id'"):
        graph_documents(write(tmp_path, [{"id": "x"}]), pictures=False)
    broken = ELEMENTS[0] | {"image_b64": "no base64!"}
    with pytest.raises(InputError, match="is no base64"):
        graph_documents(write(tmp_path, [broken]), pictures=True)
