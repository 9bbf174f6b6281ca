"""Documents as the public element-graph project exchanges them: graphs, the elements beside them, questions, pictures.

A folder of it holds `element_graph.json` (a corpus of schema v2.1), `elements.jsonl`, and questions: `qa.json`, as SPIQA
has them, or `queries.jsonl`. Pictures are not exchanged: they come in an element's line, lie at the path that it names,
or in a folder by document and element. What the files' values mean: `svrag.graph.exchange`.

Facts of the layout: github.com/monkcat/dl_project (MIT), pipeline/prepare_hf_export.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from svrag.errors import InputError
from svrag.graph.exchange import ElementRecord, elements_from_records, graphs_from_text
from svrag.graph.model import ElementGraph
from svrag.retrievers.multivector.stored_pictures import PictureBytes, PictureFile

VISUAL = ("figure", "table", "equation")
"""Types of elements that are read as pictures, where they have one."""


@dataclass(frozen=True, slots=True)
class ExchangedDocument:
    """`records` are its elements by id; nodes of the graph may lack theirs."""

    graph: ElementGraph
    records: Mapping[str, ElementRecord]


@dataclass(frozen=True, slots=True)
class ExchangedQuestion:
    """A question with the ids of the elements that answer it, none where nobody could tell which."""

    document: str
    text: str
    elements: tuple[str, ...]
    answer: str = ""
    category: str = ""


def read_documents(graphs: Path, elements: Path) -> list[ExchangedDocument]:
    """The documents of a corpus in its order. Elements of documents without a graph are passed over.

    Raises:
        InputError: a file is missing or not as it should be; the line says which and where.
    """
    try:
        found = graphs_from_text(_text(graphs))
    except InputError as error:
        raise InputError(f"{graphs}: {error}") from None
    records: dict[str, dict[str, ElementRecord]] = {graph.document_id: {} for graph in found}
    try:
        with elements.open(encoding="utf-8") as lines:
            for record in elements_from_records(lines):
                if record.element.document_id in records:
                    records[record.element.document_id][record.element.id] = record
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {elements}: {error}") from None
    except InputError as error:
        raise InputError(f"{elements}: {error}") from None
    return [ExchangedDocument(graph, records[graph.document_id]) for graph in found]


def read_questions(path: Path) -> Iterator[ExchangedQuestion]:
    """The questions in a file, in its order; of SPIQA's those whose reference is a figure's name.

    Raises:
        InputError: it cannot be read, or is in neither layout.
    """
    text = _text(path)
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None  # several lines
    try:
        if isinstance(whole, dict) and "gt_element_ids" not in whole:
            for document, paper in whole.items():
                for asked in paper["qa"]:
                    if isinstance(asked["reference"], str):
                        answer = str(asked.get("answer") or "")
                        yield ExchangedQuestion(document, asked["question"], (asked["reference"],), answer)
            return
        for line in text.splitlines():
            if line.strip():
                asked = json.loads(line)
                ids = asked["gt_element_ids"] or ()
                yield ExchangedQuestion(
                    asked["doc_id"],
                    asked["query"],
                    (ids,) if isinstance(ids, str) else tuple(ids),
                    str(asked.get("answer") or ""),
                    str(asked.get("category") or ""),
                )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} holds no questions in a layout known here ({error!r}): "
            '{document: {"qa": [{"question", "reference"}]}}, or {"doc_id", "query", "gt_element_ids"} a line'
        ) from None


def picture_of(record: ElementRecord, elements: Path, pictures: Path | None) -> PictureBytes | PictureFile | None:
    """An element's picture: in its line, in the folder `pictures` by document and element, or at its path beside the
    file `elements`; None where there is none.

    Raises:
        InputError: the line's picture is no base64.
    """
    if record.image_base64:
        try:
            return PictureBytes(
                base64.b64decode(record.image_base64, validate=True), f"image_b64 of {record.element.id}"
            )
        except ValueError as error:
            raise InputError(f"image_b64 of {record.element.id} in {elements} is no base64: {error}") from None
    path = elements.parent / record.image_path if record.image_path else None
    if pictures is not None:
        path = pictures / record.element.document_id / record.element.id
    return PictureFile(path) if path is not None and path.is_file() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
