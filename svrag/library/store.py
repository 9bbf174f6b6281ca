"""A library: documents, their elements, graph and words, in one SQLite file beside copies of the source files.

Writes are transactions with full synchronisation, and the copy of a file is on disk before the transaction that needs
it commits: whatever `add` has returned from is there after a crash, whatever it has not is absent as a whole. Readers
see the last committed state while another process writes (write-ahead log). Nothing here parses or ranks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from svrag.documents.model import Box, Document, Element, ElementType, Page, Region, Table
from svrag.errors import InputError, LibraryError
from svrag.graph.model import Edge, ElementGraph, Node
from svrag.library import files, vectors
from svrag.library.schema import APPLICATION_ID, SCHEMA_VERSION, migrate, version_of
from svrag.library.tokens import compaction
from svrag.retrievers.lexical.fields import IndexedFields, field_tokens

DATABASE = "library.db"
_WAIT_SECONDS = 60.0
_CACHE_KIB = 65536  # of the database, in memory: the upper levels of its trees, read at every search
_T = TypeVar("_T")
_MANY = 500  # ids per statement: below SQLite's limit on variables

_ELEMENT_COLUMNS = (
    "e.id, d.id, e.type, e.page, e.x0, e.y0, e.x1, e.y1, e.text, e.label, e.caption, e.section_path, e.level, "
    "e.continues, e.cells, e.target_id, e.confidence"
)


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


@dataclass(frozen=True, slots=True)
class IndexedElement:
    """An element as the full text knows it: where it is, the share of its page that it covers, and its tokens."""

    id: str
    document_id: str
    page: int
    type: ElementType
    area: float
    fields: IndexedFields


@dataclass(frozen=True, slots=True)
class Statistics:
    """How many elements there are, and the mean number of tokens per field in the order of `FIELDS`."""

    count: int
    mean_lengths: tuple[float, float, float, float]


class Library:
    """Open with `Library.open`; use as a context manager. Not to be shared between threads: open one in each."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._connection = connection
        self._swept = False

    @classmethod
    def open(cls, folder: Path, *, create: bool = True) -> Library:
        """Open the library in `folder`, made when it is not there and `create` says so.

        Raises:
            LibraryError: no library there, another kind of folder, a newer schema, broken, no permission, no space.
        """
        database = folder / DATABASE
        if not database.exists():
            if not create:
                raise LibraryError(f"no library in {folder}: `svrag add PATH...` makes one")
            _make_folder(folder)
        with _explained(folder):
            connection = _connect(database)
            try:
                _check(connection, folder)
            except BaseException:
                connection.close()
                raise
        return cls(folder, connection)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Documents ---------------------------------------------------------------------------------------------------

    def documents(self) -> list[StoredDocument]:
        """All documents, by name."""
        return self._documents("ORDER BY name COLLATE NOCASE, id")

    def with_hash(self, sha256: str) -> StoredDocument | None:
        """The document with exactly these bytes, if it is here."""
        return next(iter(self._documents("WHERE sha256 = ?", sha256)), None)

    def find(self, reference: str) -> StoredDocument:
        """The document that `reference` means: its id or the beginning of it, file name with or without suffix, or path.

        Raises:
            InputError: none or more than one.
        """
        documents = self.documents()
        name = Path(reference).name
        ways = (
            [d for d in documents if d.id == reference],
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
        raise InputError(f"unknown document {reference!r}: `svrag list` shows what is in the library")

    def add(
        self, document: Document, graph: ElementGraph, source: Path, *, readable_copy: bytes | None = None
    ) -> None:
        """Store `document` whole, with its graph and a copy of the file it was read from.

        The same bytes again change nothing. Another document that was added from the same path is replaced.

        Args:
            source: the file; its absolute path is remembered.
            readable_copy: what to keep instead of the file's own bytes (a decrypted copy).

        Raises:
            LibraryError: no space, no permission. The library is as it was before.
        """
        path = str(source.absolute())
        with _explained(self.folder):
            with self._writing() as connection:
                # Inside the transaction, so that no other writer takes the copy for one that nobody needs.
                name = files.keep(self.folder, source, document.sha256, readable_copy)
                copies = [name]
                known = connection.execute("SELECT 1 FROM documents WHERE sha256 = ?", (document.sha256,)).fetchone()
                if known is None:
                    tags = []
                    for old, copy in connection.execute(
                        "SELECT number, file FROM documents WHERE path = ?", (path,)
                    ).fetchall():
                        tags = _tags(connection, old)
                        _delete(connection, old)
                        copies.append(copy)
                    _insert(connection, document, graph, name, path, tags)
            self._drop_unneeded(copies)
        compaction.tidy(self)

    def replace(self, document: Document, graph: ElementGraph) -> None:
        """Store `document`, which was read anew, in place of the one with the same bytes; its name and tags stay.

        Raises:
            InputError: not in the library any more.
            LibraryError: no space, no permission. The library is as it was before.
        """
        with _explained(self.folder), self._writing() as connection:
            row = connection.execute(
                "SELECT number, name, file, path FROM documents WHERE sha256 = ?", (document.sha256,)
            ).fetchone()
            if row is None:
                raise InputError(f"{document.name} is not in the library any more: add it again")
            number, name, file, path = row
            tags = _tags(connection, number)
            _delete(connection, number)
            _insert(connection, dataclasses.replace(document, name=name), graph, file, path, tags)
        compaction.tidy(self)

    def remove(self, document_id: str) -> None:
        """Take a document out; unknown ids are ignored.

        Raises:
            LibraryError: no space, no permission. The library is as it was before.
        """
        with _explained(self.folder):
            with self._writing() as connection:
                row = connection.execute("SELECT number, file FROM documents WHERE id = ?", (document_id,)).fetchone()
                if row is not None:
                    _delete(connection, row[0])
            self._drop_unneeded([row[1]] if row is not None else [])
        compaction.tidy(self)

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
        nodes = self._connection.execute(
            "SELECT e.id, e.type, e.page, e.section_path, e.section_role, e.label FROM elements e "
            "JOIN documents d ON d.number = e.document WHERE d.id = ? AND e.type <> 'page' ORDER BY e.row",
            (document_id,),
        )
        edges = self._connection.execute(
            "SELECT source, target, type, confidence FROM edges JOIN documents d ON d.number = edges.document "
            "WHERE d.id = ? ORDER BY source, target, type",
            (document_id,),
        )
        return ElementGraph(
            document_id,
            tuple(Node(i, t, p, tuple(json.loads(path)), role, label) for i, t, p, path, role, label in nodes),
            tuple(Edge(*row) for row in edges),
        )

    # Pages and elements ------------------------------------------------------------------------------------------

    def pages(self, document_id: str) -> list[Page]:
        """All pages of a document in order; empty when it is not in the library."""
        return self._pages("WHERE d.id = ? ORDER BY p.number", document_id)

    def page_labels(self, document_id: str) -> list[str]:
        """The name of each page of a document in order ("iv", "12"; "" for none)."""
        rows = self._connection.execute(
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
        for some in _batches(ids):
            for element in self._elements(f"WHERE e.id IN ({_marks(some)})", *some):
                found[element.id] = element
        return [found[i] for i in ids if i in found]

    def elements_of(self, document_id: str, types: Sequence[ElementType] | None = None) -> list[Element]:
        """The elements of a document in reading order, of the given types or of all (pages come last)."""
        condition = "WHERE d.id = ?" + (f" AND e.type IN ({_marks(types)})" if types is not None else "")
        return self._elements(f"{condition} ORDER BY e.row", document_id, *(types or ()))

    def edges_of(self, element_ids: Sequence[str]) -> list[Edge]:
        """The edges that begin or end at any of these elements, each once."""
        edges: dict[tuple[str, str, str], Edge] = {}
        for some in _batches(element_ids):
            marks = _marks(some)
            for row in self._connection.execute(
                f"SELECT source, target, type, confidence FROM edges WHERE source IN ({marks}) "
                f"UNION SELECT source, target, type, confidence FROM edges WHERE target IN ({marks})",
                (*some, *some),
            ):
                edges[row[0], row[1], row[2]] = Edge(*row)
        return list(edges.values())

    def labelled(self, document_ids: Sequence[str] | None, label: str) -> list[Element]:
        """The elements that bear `label` ("Figure 3"), in upper or lower case."""
        condition, values = _within(document_ids)
        return self._elements(f"WHERE e.label = ? COLLATE NOCASE {condition} ORDER BY e.row", label, *values)

    # Full text ---------------------------------------------------------------------------------------------------

    def match(
        self,
        terms: Sequence[str],
        *,
        documents: Sequence[str] | None = None,
        pages_only: bool = False,
        limit: int = 1000,
    ) -> list[IndexedElement]:
        """The elements that hold any of `terms`: pages, or everything but pages.

        Args:
            terms: tokens, or phrases of tokens joined by single spaces, which must stand together in one field.
            documents: ids to look in; all matching elements of these come back. None looks everywhere and gives the
                `limit` best by the database's own BM25.
        """
        wanted = " OR ".join(f'"{term}"' for term in (t.replace('"', '""') for t in terms) if term)
        if not wanted:
            return []
        words = "page_words" if pages_only else "element_words"
        select = (
            "SELECT e.id, d.id, e.page, e.type, (e.x1 - e.x0) * (e.y1 - e.y0) / (p.width * p.height), "
            f"w.body, w.caption, w.heading, w.cells FROM {words} w JOIN elements e ON e.row = w.rowid "
            "JOIN documents d ON d.number = e.document JOIN pages p ON p.document = e.document AND p.number = e.page "
        )
        if documents is None:
            # The best are found in the index alone; only these are read.
            best = f"SELECT rowid FROM {words} WHERE {words} MATCH ? ORDER BY rank LIMIT ?"
            rows = self._connection.execute(f"{select} WHERE w.rowid IN ({best}) ORDER BY w.rowid", (wanted, limit))
            return [_indexed(row) for row in rows]
        found = []
        for first, last in self._row_ranges(documents):
            rows = self._connection.execute(
                f"{select} WHERE {words} MATCH ? AND w.rowid BETWEEN ? AND ? ORDER BY w.rowid", (wanted, first, last)
            )
            found += [_indexed(row) for row in rows]
        return found

    def tokens_like(self, beginning: str) -> dict[str, int]:
        """The tokens of elements that begin with `beginning`, and in how many elements each occurs."""
        rows = self._connection.execute(
            "SELECT term, doc FROM element_vocabulary WHERE term >= ? AND term < ?",
            (beginning, beginning + "\U0010ffff"),
        )
        return dict(rows.fetchall())

    def pages_with(self, kind: ElementType, places: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """Those of `places` (document id, page) on which there is an element of this type."""
        by_document: dict[str, list[int]] = {}
        for document, page in places:
            by_document.setdefault(document, []).append(page)
        found: set[tuple[str, int]] = set()
        for document, pages in by_document.items():
            for some in _batches(pages):
                rows = self._connection.execute(
                    "SELECT DISTINCT e.page FROM elements e JOIN documents d ON d.number = e.document "
                    f"WHERE d.id = ? AND e.page IN ({_marks(some)}) AND e.type = ?",
                    (document, *some, kind),
                )
                found |= {(document, page) for (page,) in rows}
        return found

    def token_counts(self, tokens: Sequence[str], *, pages_only: bool = False) -> dict[str, int]:
        """In how many elements (pages, or everything but pages) each token occurs; tokens in none are left out."""
        vocabulary = "page_vocabulary" if pages_only else "element_vocabulary"
        counts: dict[str, int] = {}
        for some in _batches(list(dict.fromkeys(tokens))):
            found = self._connection.execute(
                f"SELECT term, doc FROM {vocabulary} WHERE term IN ({_marks(some)})", some
            )
            counts |= dict(found.fetchall())
        return counts

    def tokens_on_pages(self, tokens: Sequence[str], documents: Sequence[str] | None = None) -> set[str]:
        """Those of `tokens` that stand on a page of `documents`, or on any page."""
        if documents is None:
            return set(self.token_counts(tokens, pages_only=True))
        ranges = self._row_ranges(documents)
        query = "SELECT 1 FROM page_words WHERE page_words MATCH ? AND rowid BETWEEN ? AND ? LIMIT 1"
        return {
            token
            for token in tokens
            if any(
                self._connection.execute(query, ('"' + token.replace('"', '""') + '"', first, last)).fetchone()
                for first, last in ranges
            )
        }

    def statistics(self, documents: Sequence[str] | None = None, *, pages_only: bool = False) -> Statistics:
        """Of the pages, or of everything but pages, in `documents` or in all."""
        condition, values = _within(documents)
        sums = "pages, page_tokens, 0, 0, 0" if pages_only else "elements, body, caption, heading, cells"
        totals = ", ".join(f"coalesce(sum({column}), 0)" for column in sums.split(", "))
        count, *lengths = self._connection.execute(
            f"SELECT {totals} FROM documents d WHERE 1 {condition}", values
        ).fetchone()
        body, caption, heading, cells = (length / count if count else 0.0 for length in lengths)
        return Statistics(count, (body, caption, heading, cells))

    def languages(self, documents: Sequence[str] | None = None) -> list[str]:
        """The languages of the documents, the most frequent first."""
        condition, values = _within(documents)
        rows = self._connection.execute(
            f"SELECT language FROM documents d WHERE 1 {condition} GROUP BY language ORDER BY count(*) DESC, language",
            values,
        )
        return [row[0] for row in rows]

    # Vectors -----------------------------------------------------------------------------------------------------

    def put_vectors(self, encoder: str, made: vectors.Vectors) -> None:
        """Store what the encoder with this fingerprint made of a document; ignored when the document is gone by now.

        Raises:
            LibraryError: no space, no permission. The library is as it was before.
        """
        with _explained(self.folder), self._writing() as connection:
            vectors.put(connection, encoder, made)

    def vectors_of(self, encoder: str, document_id: str) -> vectors.Vectors | None:
        """What the encoder with this fingerprint made of the document; None when it has not yet."""
        return vectors.get(self._connection, encoder, document_id)

    def encoded_by(self, encoder: str) -> set[str]:
        """Ids of the documents that the encoder with this fingerprint has made vectors of."""
        return vectors.encoded(self._connection, encoder)

    def ids_at(self, document_id: str, positions: Sequence[int]) -> dict[int, str]:
        """Ids of the elements at these positions, counted from 0 in the order of `elements_of`."""
        row = self._connection.execute("SELECT first_row FROM documents WHERE id = ?", (document_id,)).fetchone()
        found: dict[int, str] = {}
        for start in range(0, len(positions) if row else 0, _MANY):
            rows = [row[0] + position for position in positions[start : start + _MANY]]
            for place, i in self._connection.execute(
                f"SELECT row, id FROM elements WHERE row IN ({_marks(rows)})", rows
            ):
                found[place - row[0]] = i
        return found

    # Settings ----------------------------------------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        row = self._connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_setting(self, key: str, value: str) -> None:
        with _explained(self.folder), self._writing() as connection:
            connection.execute(
                "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    # For the modules of this package that keep tables of their own -----------------------------------------------------

    @property
    def connection(self) -> sqlite3.Connection:
        """To read with; what can go wrong is told by `explained`."""
        return self._connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction that writes; waits for another writer.

        Raises:
            LibraryError: no space, no permission. Nothing of it is done.
        """
        with self.explained(), self._writing() as connection:
            yield connection

    def explained(self) -> contextlib.AbstractContextManager[None]:
        """Within it, what the system and SQLite cannot do is a LibraryError that tells what to do."""
        return _explained(self.folder)

    # Inside ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; waits for another writer."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # After a full disk SQLite has already rolled back by itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _drop_unneeded(self, names: Sequence[str]) -> None:
        """Remove those of the copies `names` that no document needs; other writers wait: none of theirs is in the making.

        The first time all copies are looked at, and what a killed process left behind goes too. Not on opening: that is
        no matter of writing, and searches would wait for whoever writes.
        """
        with self._writing() as connection:
            if not self._swept:
                needed = {row[0] for row in connection.execute("SELECT file FROM documents")}
                files.drop_all_but(self.folder, needed)
                self._swept = True
                return
            for name in names:
                known = connection.execute(
                    "SELECT 1 FROM documents WHERE sha256 = ? AND file = ?", (files.sha256_in(name), name)
                ).fetchone()
                if known is None:
                    files.drop(self.folder, name)

    def _documents(self, condition: str, *values: str) -> list[StoredDocument]:
        rows = self._connection.execute(
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

    def stored(self, document_id: str) -> StoredDocument:
        """What is known of the document with this id.

        Raises:
            InputError: not in the library.
        """
        found = self._documents("WHERE id = ?", document_id)
        if not found:
            raise InputError(f"unknown document {document_id!r}: `svrag list` shows what is in the library")
        return found[0]

    def _pages(self, condition: str, *values: str | int) -> list[Page]:
        rows = self._connection.execute(
            "SELECT p.number, p.width, p.height, p.rotation, p.label, p.text, p.ocr, p.warning FROM pages p "
            f"JOIN documents d ON d.number = p.document {condition}",
            values,
        )
        return [
            Page(number, width, height, rotation, label, text, bool(ocr), warning)
            for number, width, height, rotation, label, text, ocr, warning in rows
        ]

    def _elements(self, condition: str, *values: str) -> list[Element]:
        rows = self._connection.execute(
            f"SELECT {_ELEMENT_COLUMNS} FROM elements e JOIN documents d ON d.number = e.document {condition}", values
        )
        return [_element(row) for row in rows]

    def _row_ranges(self, documents: Sequence[str]) -> list[tuple[int, int]]:
        ranges: list[tuple[int, int]] = []
        for some in _batches(documents):
            ranges += self._connection.execute(
                f"SELECT first_row, last_row FROM documents WHERE id IN ({_marks(some)}) ORDER BY first_row",
                tuple(some),
            ).fetchall()
        return ranges


# Opening -------------------------------------------------------------------------------------------------------------


_OWN = (files.FOLDER, files.USERS, ".gitignore")


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise LibraryError(f"{folder} is a file, not a folder: name another place with --library DIR")
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in folder.iterdir() if path.name not in _OWN]
        if others:
            raise LibraryError(f"{folder} is no library and not empty: name another place with --library DIR")


def _connect(database: Path) -> sqlite3.Connection:
    """A connection in autocommit mode: transactions are begun and ended in words.

    On a file system that cannot be written to, SQLite can read a write-ahead-logged database only as `immutable`,
    which is true there.
    """
    try:
        connection = sqlite3.connect(database, timeout=_WAIT_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError as error:
        if not database.exists() or ("readonly" not in str(error) and "unable to open" not in str(error)):
            raise
        connection.close()
        uri = f"{database.absolute().as_uri()}?immutable=1"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return connection


def _check(connection: sqlite3.Connection, folder: Path) -> None:
    version = version_of(connection)
    if version > SCHEMA_VERSION:
        raise LibraryError(
            f"the library in {folder} has schema {version}, this svrag knows up to {SCHEMA_VERSION}: upgrade svrag"
        )
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != APPLICATION_ID:
        raise LibraryError(f"{folder / DATABASE} is not a library of svrag: name another place with --library DIR")
    if version < SCHEMA_VERSION:
        migrate(connection)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turns what the system and SQLite say into one line that tells what to do."""
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        if "disk is full" in said or "disk I/O error" in said:
            raise LibraryError(_no_space(folder)) from error
        if "readonly" in said or "read-only" in said or "unable to open" in said:
            raise LibraryError(f"cannot write to {folder}: the folder is read-only") from error
        if "locked" in said or "busy" in said:
            raise LibraryError(f"another process is writing to {folder}: try again when it is done") from error
        if isinstance(error, sqlite3.DatabaseError) and ("malformed" in said or "not a database" in said):
            raise LibraryError(
                f"{folder / DATABASE} is broken ({said}): restore it, or remove it and add again"
            ) from error
        raise
    except OSError as error:
        if error.errno in files.NO_SPACE:
            raise LibraryError(_no_space(folder)) from error
        if error.errno in files.NO_PERMISSION:
            raise LibraryError(
                f"cannot write to {folder}: the folder is read-only or belongs to someone else"
            ) from error
        raise LibraryError(f"cannot use {folder}: {error.strerror or error}") from error


def _no_space(folder: Path) -> str:
    return f"no space left in {folder}: free some and run the command again; nothing that was stored is lost"


# Rows ----------------------------------------------------------------------------------------------------------------


def _insert(
    connection: sqlite3.Connection,
    document: Document,
    graph: ElementGraph,
    file: str,
    path: str,
    tags: Sequence[str],
) -> None:
    (last,) = connection.execute("SELECT coalesce(max(last_row), 0) FROM documents").fetchone()
    rows = list(enumerate([*document.elements, *document.page_elements()], start=last + 1))
    language = document.language or "en"
    words = {row: field_tokens(element, language) for row, element in rows}
    lengths = [words[row].lengths() for row, element in rows if element.type != "page"]
    body, caption, heading, cells = (sum(field) for field in zip(*lengths, strict=True)) if lengths else (0, 0, 0, 0)
    cursor = connection.execute(
        f"INSERT INTO documents VALUES (NULL, {', '.join('?' * 18)})",
        (
            document.id, document.sha256, document.name, document.title, document.language, len(document.pages),
            len(document.elements), last + 1, last + len(rows), file, path,
            datetime.now(UTC).isoformat(timespec="seconds"), _json(document.warnings), body, caption, heading, cells,
            sum(len(words[row].body) for row, element in rows if element.type == "page"),
        ),
    )  # fmt: skip
    number = cursor.lastrowid
    assert number is not None
    if tags:
        connection.executemany("INSERT INTO tags VALUES (?, ?)", [(number, tag) for tag in tags])
    connection.executemany(
        "INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (number, p.number, p.width, p.height, p.rotation, p.label, p.text, int(p.ocr), p.warning)
            for p in document.pages
        ),
    )
    roles = {node.id: node.section_role for node in graph.nodes}
    connection.executemany(
        f"INSERT INTO elements VALUES ({', '.join('?' * 19)})",
        (_element_row(row, number, element, roles.get(element.id, "other")) for row, element in rows),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO edges VALUES (?, ?, ?, ?, ?)",
        ((number, edge.source, edge.target, edge.type, edge.confidence) for edge in graph.edges),
    )
    for table, pages_only in (("element_words", False), ("page_words", True)):
        connection.executemany(
            f"INSERT INTO {table} (rowid, body, caption, heading, cells) VALUES (?, ?, ?, ?, ?)",
            (
                (row, *(" ".join(field) for field in words[row].all()))
                for row, element in rows
                if (element.type == "page") == pages_only
            ),
        )


def _tags(connection: sqlite3.Connection, number: int) -> list[str]:
    return [tag for (tag,) in connection.execute("SELECT tag FROM tags WHERE document = ?", (number,))]


def _delete(connection: sqlite3.Connection, number: int) -> None:
    first, last = connection.execute(
        "SELECT first_row, last_row FROM documents WHERE number = ?", (number,)
    ).fetchone()
    for words in ("element_words", "page_words"):
        connection.execute(f"DELETE FROM {words} WHERE rowid BETWEEN ? AND ?", (first, last))
    connection.execute("DELETE FROM documents WHERE number = ?", (number,))


def _element_row(row: int, document: int, e: Element, role: str) -> tuple[object, ...]:
    cells = _json({"rows": e.table.rows, "header_rows": e.table.header_rows}) if e.table else ""
    continues = _json([[region.page, *region.box] for region in e.continues])
    return (
        row, document, e.id, e.type, e.page, *e.box, e.text, e.label, e.caption, _json(e.section_path), role, e.level,
        continues, cells, e.target_id, e.confidence,
    )  # fmt: skip


def _element(row: tuple[object, ...]) -> Element:
    i, document, kind, page, x0, y0, x1, y1, text, label, caption, path, level, continues, cells, target, sure = row
    table = json.loads(str(cells)) if cells else None
    return Element(
        id=i,  # type: ignore[arg-type]  # the columns' types are the schema's
        document_id=document,  # type: ignore[arg-type]
        type=kind,  # type: ignore[arg-type]
        page=page,  # type: ignore[arg-type]
        box=Box(x0, y0, x1, y1),  # type: ignore[arg-type]
        text=text,  # type: ignore[arg-type]
        label=label,  # type: ignore[arg-type]
        caption=caption,  # type: ignore[arg-type]
        section_path=tuple(json.loads(str(path))),
        level=level,  # type: ignore[arg-type]
        continues=tuple(Region(number, Box(*box)) for number, *box in json.loads(str(continues))),
        table=Table(tuple(tuple(r) for r in table["rows"]), table["header_rows"]) if table else None,
        target_id=target,  # type: ignore[arg-type]
        confidence=sure,  # type: ignore[arg-type]
    )


def _indexed(row: tuple[str, str, int, ElementType, float | None, str, str, str, str]) -> IndexedElement:
    i, document, page, kind, area, *fields = row
    return IndexedElement(i, document, page, kind, area or 0.0, IndexedFields(fields))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _within(documents: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """A condition on d.id, and its values; documents are few enough for one statement."""
    if documents is None:
        return "", ()
    return f"AND d.id IN ({_marks(documents)})", tuple(documents)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _batches(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for i in range(0, len(values), _MANY):
        yield values[i : i + _MANY]
