"""The documents of a library as training data: anybody's own PDFs.

Captions and mentions ("as Table 3 shows") make anchors without anybody's work; questions come from a file, one
`{"question", "document", "elements"}` a line, or `"pages"` in place of the elements.

Elements are what a search reads of them (svrag.library.units): text after its innermost heading, figures, tables and
equations as pictures, or else by their caption and words; a caption is read with its figure or table, not by itself. An
anchor stands for a question, so it has no heading, and the names of what it speaks of ("Table 3") are taken out: those
stand in captions too, and would give away what is to be learnt.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from svrag.documents.model import Box, Element
from svrag.errors import InputError
from svrag.graph.mentions import find_mentions
from svrag.graph.places import places_of
from svrag.library.store import Library, StoredDocument
from svrag.library.units import PAGE_DPI
from svrag.training.batch import Item
from svrag.training.config import LibraryData
from svrag.training.data.anchors import GraphDocument, GraphQuestion

if TYPE_CHECKING:
    from PIL.Image import Image

_ASKING = ("text", "caption")
_VISUAL = ("figure", "table", "equation")
_LEFT_OF_NAME = " \t\n.:,;–—-"


@dataclass(frozen=True, slots=True)
class PictureCrop:
    """Part of a page of the library's copy of a file, drawn when it is opened, as a search draws it.

    Attributes:
        page: 1-based.
        box: in points of the unrotated page.
        key: the element's id.
    """

    source: Path
    page: int
    box: Box
    key: str

    def open(self) -> Image:
        """In RGB.

        Raises:
            InputError: the file cannot be drawn.
        """
        from PIL.Image import open as open_picture

        from svrag.documents.rendering import crop

        with open_picture(io.BytesIO(crop(self.source, self.page, self.box, dpi=PAGE_DPI))) as picture:
            return picture.convert("RGB")


def documents_in_library(data: LibraryData, *, pictures: bool) -> list[GraphDocument]:
    """The documents that `data` names, in the library's order; figures, tables and equations as crops or by their words.

    Raises:
        InputError: a document is unknown, or the questions are not as they should be.
        LibraryError: the library cannot be read.
    """
    with Library.open(data.library, create=False) as library:
        named = {library.find(name).id for name in data.documents}
        stored = [one for one in library.documents() if not named or one.id in named]
        elements = {one.id: library.elements_of(one.id) for one in stored}
        questions = _questions(data.questions, library, elements) if data.questions else {}
        return [
            _document(library, one, elements[one.id], tuple(questions.get(one.id, ())), pictures) for one in stored
        ]


def _document(
    library: Library,
    stored: StoredDocument,
    elements: Sequence[Element],
    questions: tuple[GraphQuestion, ...],
    pictures: bool,
) -> GraphDocument:
    graph = library.graph(stored.id)
    places = places_of(graph)
    items: dict[str, Item] = {}
    uncaptioned: dict[str, Item] = {}
    anchors: dict[str, Item] = {}
    for element in elements:
        if element.type == "page":
            continue
        place = places[element.id]
        if element.type in _ASKING and (asked := without_names(element.text)):
            anchors[element.id] = Item(asked, place=place)
        if element.type == "caption" and element.target_id:
            continue
        if pictures and element.type in _VISUAL:
            drawn = PictureCrop(stored.source, element.page, element.box, element.id)
            items[element.id] = uncaptioned[element.id] = Item(picture=drawn, place=place)
            continue
        if text := as_read(element, caption=element.caption):
            items[element.id] = Item(text, place=place)
        if text := as_read(element, caption=""):
            uncaptioned[element.id] = Item(text, place=place)
    return GraphDocument(graph, items, anchors, questions, uncaptioned)


def as_read(element: Element, *, caption: str) -> str:
    """What a model of texts reads of an element: its innermost heading, `caption` and its words; "" of a mere heading."""
    words = "\n".join(filter(None, (caption, element.text)))
    if not words.strip():
        return ""
    return "\n".join((*element.section_path[-1:], words))


def without_names(text: str) -> str:
    """`text` without the names of figures, tables and the like, and what stood between them and the words."""
    kept: list[str] = []
    end = 0
    for mention in find_mentions(text):
        kept.append(text[end : mention.start])
        end = max(end, mention.end)
    kept.append(text[end:])
    return " ".join("".join(kept).split()).lstrip(_LEFT_OF_NAME)


def _questions(
    path: Path, library: Library, elements: Mapping[str, Sequence[Element]]
) -> dict[str, list[GraphQuestion]]:
    """By document; those of documents that are not trained on are left out."""
    found: dict[str, list[GraphQuestion]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            asked = json.loads(line)
            text, document = str(asked["question"]), library.find(asked["document"]).id
            ids = asked.get("elements")
            pages = frozenset(asked["pages"]) if ids is None else frozenset()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f'{path} line {number} is no question ({error!r}): it must be {{"question", "document", "elements"}}, '
                'or "pages" in place of "elements"'
            ) from None
        if document not in elements:
            continue
        there = {one.id: one for one in elements[document] if one.type != "page"}
        if ids is not None and (unknown := [id for id in ids if id not in there]):
            raise InputError(f"{path} line {number}: {asked['document']} has no element {unknown[0]!r}")
        gold = tuple(ids) if ids is not None else tuple(id for id, one in there.items() if one.page in pages)
        found.setdefault(document, []).append(GraphQuestion(text, gold))
    return found
