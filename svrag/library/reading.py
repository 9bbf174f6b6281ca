"""What is in a library, read from its database: documents, pages, elements, edges, vectors, settings.

Reads the last committed state and changes nothing; what changes a library is in store.py.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from svrag.documents.model import Document, Element, ElementType, Page
from svrag.errors import InputError
from svrag.graph.model import Edge, ElementGraph, Node
from svrag.library import files, vectors
from svrag.library.rows import ELEMENT_COLUMNS, element_of
from svrag.library.sql import batches, marks, within


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document in the library.

    Attributes:
        pages, elements: how many.
        source: the library's own copy of the file.
        path: where it was added from.
        added: ISO 8601, UTC.
    """

    id: str
    sha256: str
    name: str
    title: str
    language: str
    pages: int
    elements: int
    source: Path
    path: str
    added: str
    warnings: tuple[str, ...]


class LibraryReader:
    """What of a `Library` can be read.

    Attributes:
        folder: of the library.
        connection: to read with, for the modules of this package that keep tables of their own.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self.connection = connection

    # Documents ---------------------------------------------------------------------------------------------------

    def documents(self) -> list[StoredDocument]:
        """All documents, by name."""
        return self._documents("ORDER BY name COLLATE NOCASE, id")

    def with_hash(self, sha256: str) -> StoredDocument | None:
        """The document with exactly these bytes, if it is here."""
        return next(iter(self._documents("WHERE sha256 = ?", sha256)), None)

    def added_from(self, path: Path) -> StoredDocument | None:
        """The document that was added from this place, if it is here."""
        return next(iter(self._documents("WHERE path = ?", str(path.absolute()))), None)

    def find(self, reference: str) -> StoredDocument:
        """The document that `reference` means: its id or the beginning of it, file name with or without suffix, or path.

        Raises:
            InputError: none or more than one.
        """
        exactly = self._documents("WHERE id = ?", reference)
        if exactly:
            return exactly[0]
        documents = self.documents()
        name = Path(reference).name
        ways = (
            [d for d in documents if d.path == str(Path(reference).absolute())],
            [d for d in documents if d.name == reference],
            [d for d in documents if Path(d.name).stem == reference],
            [d for d in documents if d.name == name and Path(reference).is_file()],
            [d for d in documents if len(reference) >= 4 and d.id.startswith(reference)],
        )
        found = next((way for way in ways if way), [])
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(document.id for document in found[:5])
            raise InputError(f"{reference!r} may be {len(found)} documents: say which by id ({ids})")
        raise InputError(f"unknown document {reference!r}: the list of documents shows what is in the library")

    def stored(self, document_id: str) -> StoredDocument:
        """What is known of the document with this id.

        Raises:
            InputError: not in the library.
        """
        found = self._documents("WHERE id = ?", document_id)
        if not found:
            raise InputError(f"unknown document {document_id!r}: the list of documents shows what is in the library")
        return found[0]

    def document(self, document_id: str) -> Document:
        """A document as it was added.

        Raises:
            InputError: not in the library.
        """
        stored = self.stored(document_id)
        return Document(
            id=stored.id,
            sha256=stored.sha256,
            name=stored.name,
            title=stored.title,
            language=stored.language,
            pages=tuple(self.pages(document_id)),
            elements=tuple(e for e in self.elements_of(document_id) if e.type != "page"),
            warnings=stored.warnings,
        )

    def graph(self, document_id: str) -> ElementGraph:
        """A document's graph as it was added.

        Raises:
            InputError: not in the library.
        """
        self.stored(document_id)
        nodes = self.connection.execute(
            "SELECT e.id, e.type, e.page, e.section_path, e.section_role, e.label FROM elements e "
            "JOIN documents d ON d.number = e.document WHERE d.id = ? AND e.type <> 'page' ORDER BY e.row",
            (document_id,),
        )
        edges = self.connection.execute(
            "SELECT source, target, type, confidence FROM edges JOIN documents d ON d.number = edges.document "
            "WHERE d.id = ? ORDER BY source, target, type",
            (document_id,),
        )
        return ElementGraph(
            document_id,
            tuple(Node(i, t, p, tuple(json.loads(path)), role, label) for i, t, p, path, role, label in nodes),
            tuple(Edge(*row) for row in edges),
        )

    def languages(self, documents: Sequence[str] | None = None) -> list[str]:
        """The languages of the documents, the most frequent first."""
        condition, values = within(documents)
        rows = self.connection.execute(
            f"SELECT language FROM documents d WHERE 1 {condition} GROUP BY language ORDER BY count(*) DESC, language",
            values,
        )
        return [row[0] for row in rows]

    # Pages and elements ------------------------------------------------------------------------------------------

    def pages(self, document_id: str) -> list[Page]:
        """All pages of a document in order; empty when it is not in the library."""
        return self._pages("WHERE d.id = ? ORDER BY p.number", document_id)

    def page_labels(self, document_id: str) -> list[str]:
        """The name of each page of a document in order ("iv", "12"; "" for none)."""
        rows = self.connection.execute(
            "SELECT p.label FROM pages p JOIN documents d ON d.number = p.document WHERE d.id = ? ORDER BY p.number",
            (document_id,),
        )
        return [label for (label,) in rows]

    def page(self, document_id: str, number: int) -> Page:
        """Page `number`, 1-based.

        Raises:
            InputError: no such document or page.
        """
        stored = self.stored(document_id)
        pages = self._pages("WHERE d.id = ? AND p.number = ?", document_id, number)
        if not pages:
            raise InputError(f"{stored.name} has no page {number}: it has {stored.pages}")
        return pages[0]

    def elements(self, ids: Sequence[str]) -> list[Element]:
        """Elements by id, in the order of `ids`; ids that are not in the library are left out."""
        found: dict[str, Element] = {}
        for some in batches(ids):
            for element in self._elements(f"WHERE e.id IN ({marks(some)})", *some):
                found[element.id] = element
        return [found[i] for i in ids if i in found]

    def elements_of(self, document_id: str, types: Sequence[ElementType] | None = None) -> list[Element]:
        """The elements of a document in reading order, of the given types or of all (pages come last)."""
        condition = "WHERE d.id = ?" + (f" AND e.type IN ({marks(types)})" if types is not None else "")
        return self._elements(f"{condition} ORDER BY e.row", document_id, *(types or ()))

    def edges_of(self, element_ids: Sequence[str]) -> list[Edge]:
        """The edges that begin or end at any of these elements, each once."""
        edges: dict[tuple[str, str, str], Edge] = {}
        for some in batches(element_ids):
            few = marks(some)
            for row in self.connection.execute(
                f"SELECT source, target, type, confidence FROM edges WHERE source IN ({few}) "
                f"UNION SELECT source, target, type, confidence FROM edges WHERE target IN ({few})",
                (*some, *some),
            ):
                edges[row[0], row[1], row[2]] = Edge(*row)
        return list(edges.values())

    def labelled(self, document_ids: Sequence[str] | None, label: str) -> list[Element]:
        """The elements that bear `label` ("Figure 3"), in upper or lower case."""
        condition, values = within(document_ids)
        return self._elements(f"WHERE e.label = ? COLLATE NOCASE {condition} ORDER BY e.row", label, *values)

    def pages_with(self, kind: ElementType, places: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """Those of `places` (document id, page) on which there is an element of this type."""
        by_document: dict[str, list[int]] = {}
        for document, page in places:
            by_document.setdefault(document, []).append(page)
        found: set[tuple[str, int]] = set()
        for document, pages in by_document.items():
            for some in batches(pages):
                rows = self.connection.execute(
                    "SELECT DISTINCT e.page FROM elements e JOIN documents d ON d.number = e.document "
                    f"WHERE d.id = ? AND e.page IN ({marks(some)}) AND e.type = ?",
                    (document, *some, kind),
                )
                found |= {(document, page) for (page,) in rows}
        return found

    # Vectors -----------------------------------------------------------------------------------------------------

    def vectors_of(self, encoder: str, document_id: str) -> vectors.Vectors | None:
        """What the encoder with this fingerprint made of the document; None when it has not yet."""
        return vectors.get(self.connection, encoder, document_id)

    def encoded_by(self, encoder: str) -> set[str]:
        """Ids of the documents that the encoder with this fingerprint has made vectors of."""
        return vectors.encoded(self.connection, encoder)

    def ids_at(self, document_id: str, positions: Sequence[int]) -> dict[int, str]:
        """Ids of the elements at these positions, counted from 0 in the order of `elements_of`."""
        row = self.connection.execute("SELECT first_row FROM documents WHERE id = ?", (document_id,)).fetchone()
        found: dict[int, str] = {}
        for some in batches(positions if row else ()):
            rows = [row[0] + position for position in some]
            for place, i in self.connection.execute(
                f"SELECT row, id FROM elements WHERE row IN ({marks(rows)})", rows
            ):
                found[place - row[0]] = i
        return found

    # Settings ----------------------------------------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        """The value that `Library.set_setting` gave to `key`; None when none was given."""
        row = self.connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    # Inside ------------------------------------------------------------------------------------------------------

    def _documents(self, condition: str, *values: str) -> list[StoredDocument]:
        rows = self.connection.execute(
            "SELECT id, sha256, name, title, language, pages, elements, file, path, added, warnings FROM documents "
            + condition,
            values,
        )
        kept = files.folder_of(self.folder)
        return [
            StoredDocument(
                id,
                sha256,
                name,
                title,
                language,
                pages,
                elements,
                kept / file,
                path,
                added,
                tuple(json.loads(warnings)),
            )
            for id, sha256, name, title, language, pages, elements, file, path, added, warnings in rows
        ]

    def _pages(self, condition: str, *values: str | int) -> list[Page]:
        rows = self.connection.execute(
            "SELECT p.number, p.width, p.height, p.rotation, p.label, p.text, p.ocr, p.warning FROM pages p "
            f"JOIN documents d ON d.number = p.document {condition}",
            values,
        )
        return [
            Page(number, width, height, rotation, label, text, bool(ocr), warning)
            for number, width, height, rotation, label, text, ocr, warning in rows
        ]

    def _elements(self, condition: str, *values: str) -> list[Element]:
        rows = self.connection.execute(
            f"SELECT {ELEMENT_COLUMNS} FROM elements e JOIN documents d ON d.number = e.document {condition}", values
        )
        return [element_of(row) for row in rows]
