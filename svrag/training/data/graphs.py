"""Documents with their element graphs as training data: from files of schema v2.1, or from a library.

Files are as the public element-graph project exchanges them (`svrag.retrievers.elements.exchanged`).
"""

from __future__ import annotations

from svrag.graph.places import places_of
from svrag.retrievers.elements.exchanged import VISUAL, ExchangedDocument, picture_of, read_documents, read_questions
from svrag.training.batch import Item
from svrag.training.config import GraphFiles, LibraryData
from svrag.training.data.anchors import GraphDocument, GraphQuestion
from svrag.training.data.library import documents_in_library

_ASKING = ("text", "caption")


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
    documents = read_documents(data.graphs, data.elements)
    questions: dict[str, list[GraphQuestion]] = {document.graph.document_id: [] for document in documents}
    for asked in read_questions(data.questions) if data.questions else ():
        if asked.document in questions:
            questions[asked.document].append(GraphQuestion(asked.text, asked.elements))
    return [
        _document(document, tuple(questions[document.graph.document_id]), data, pictures) for document in documents
    ]


def _document(
    document: ExchangedDocument, questions: tuple[GraphQuestion, ...], data: GraphFiles, pictures: bool
) -> GraphDocument:
    items: dict[str, Item] = {}
    anchors: dict[str, Item] = {}
    for id, place in places_of(document.graph).items():
        record = document.records.get(id)
        if record is None:
            continue
        text = record.element.text
        seen = pictures and place.type in VISUAL
        picture = picture_of(record, data.elements, data.pictures) if seen else None
        if picture is not None:
            items[id] = Item(picture=picture, place=place)
        elif text and not seen:
            items[id] = Item(text, place=place)
            if place.type in _ASKING:
                anchors[id] = items[id]
    return GraphDocument(document.graph, items, anchors, questions)
