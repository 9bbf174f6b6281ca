"""Documents with their element graphs as training data: from files of schema v2.1, or from a library.

Files are as the public element-graph project exchanges them: a corpus of graphs, an elements file, and questions, either
`{document: {"qa": [{"question", "reference"}]}}` (SPIQA's) or one `{"doc_id", "query", "gt_element_ids"}` a line.
Facts of the format: github.com/monkcat/dl_project (MIT).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from svrag.errors import InputError
from svrag.graph.exchange import ElementRecord, elements_from_records, graphs_from_text
from svrag.graph.model import ElementGraph
from svrag.graph.places import places_of
from svrag.training.batch import Item, Picture
from svrag.training.config import GraphFiles, LibraryData
from svrag.training.data.anchors import GraphDocument, GraphQuestion
from svrag.training.data.library import documents_in_library
from svrag.training.data.pictures import PictureBytes, PictureFile

_ASKING = ("text", "caption")
_VISUAL = ("figure", "table", "equation")


def graph_documents(data: GraphFiles | LibraryData, *, pictures: bool) -> list[GraphDocument]:
    """All documents of `data`, in its order.

    Args:
        pictures: figures, tables and equations are read as pictures; else by their words.

    Raises:
        InputError: files are missing or not as they should be; the line says which and where.
        LibraryError: the library cannot be read.
    """
    if isinstance(data, LibraryData):
        return documents_in_library(data, pictures=pictures)
    return documents_in_files(data, pictures=pictures)


def documents_in_files(data: GraphFiles, *, pictures: bool) -> list[GraphDocument]:
    """As `graph_documents`. Elements whose picture is not there are left out.

    Raises:
        InputError: as there.
    """
    graphs = graphs_from_text(_read(data.graphs))
    known = {graph.document_id for graph in graphs}
    records: dict[str, dict[str, ElementRecord]] = {id: {} for id in known}
    try:
        with data.elements.open(encoding="utf-8") as lines:
            for record in elements_from_records(lines):
                if record.element.document_id in known:
                    records[record.element.document_id][record.element.id] = record
    except OSError as error:
        raise InputError(f"cannot read {data.elements}: {error.strerror}") from None
    except InputError as error:
        raise InputError(f"{data.elements}: {error}") from None
    questions: dict[str, list[GraphQuestion]] = {id: [] for id in known}
    for document, question in _questions(data.questions) if data.questions else ():
        if document in known:
            questions[document].append(question)
    return [
        _document(graph, records[graph.document_id], tuple(questions[graph.document_id]), data, pictures)
        for graph in graphs
    ]


def _document(
    graph: ElementGraph,
    records: Mapping[str, ElementRecord],
    questions: tuple[GraphQuestion, ...],
    data: GraphFiles,
    pictures: bool,
) -> GraphDocument:
    items: dict[str, Item] = {}
    anchors: dict[str, Item] = {}
    for id, place in places_of(graph).items():
        record = records.get(id)
        if record is None:
            continue
        text = record.element.text
        picture = _picture(record, data) if pictures and place.type in _VISUAL else None
        if picture is not None:
            items[id] = Item(picture=picture, place=place)
        elif text and not (pictures and place.type in _VISUAL):
            items[id] = Item(text, place=place)
            if place.type in _ASKING:
                anchors[id] = items[id]
    return GraphDocument(graph, items, anchors, questions)


def _picture(record: ElementRecord, data: GraphFiles) -> Picture | None:
    """The picture in the record, at its path beside the file, or in the folder of pictures by document and element."""
    if record.image_base64:
        try:
            return PictureBytes(
                base64.b64decode(record.image_base64, validate=True), f"image_b64 of {record.element.id}"
            )
        except ValueError as error:
            raise InputError(f"image_b64 of {record.element.id} in {data.elements} is no base64: {error}") from None
    path = data.elements.parent / record.image_path if record.image_path else None
    if data.pictures is not None:
        path = data.pictures / record.element.document_id / record.element.id
    return PictureFile(path) if path is not None and path.is_file() else None


def _questions(path: Path) -> Iterator[tuple[str, GraphQuestion]]:
    """Questions with the document they are asked of."""
    text = _read(path)
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None  # several lines
    try:
        if isinstance(whole, dict) and "gt_element_ids" not in whole:
            for document, paper in whole.items():
                for asked in paper["qa"]:
                    if isinstance(asked["reference"], str):
                        yield document, GraphQuestion(asked["question"], (asked["reference"],))
            return
        for line in text.splitlines():
            if line.strip():
                asked = json.loads(line)
                ids = asked["gt_element_ids"]
                yield asked["doc_id"], GraphQuestion(asked["query"], (ids,) if isinstance(ids, str) else tuple(ids))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} holds no questions in a layout known here ({error!r}): "
            '{document: {"qa": [{"question", "reference"}]}}, or {"doc_id", "query", "gt_element_ids"} a line'
        ) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
