"""A library: documents, their elements, graph and words, in one SQLite file beside copies of the source files.

Writes are transactions with full synchronisation, and the copy of a file is on disk before the transaction that needs
it commits: whatever `add` has returned from is there after a crash, whatever it has not is absent as a whole. Readers
see the last committed state while another process writes (write-ahead log). Nothing here parses or ranks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from svrag.documents.model import Document
from svrag.errors import InputError
from svrag.graph.model import ElementGraph
from svrag.library import files, vectors
from svrag.library.opening import connect, explained
from svrag.library.reading import LibraryReader, StoredDocument
from svrag.library.rows import delete, insert, tags_of
from svrag.library.tokens import compaction

__all__ = ["Library", "StoredDocument"]


class Library(LibraryReader):
    """Open with `Library.open`; use as a context manager. Not to be shared between threads: open one in each."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        super().__init__(folder, connection)
        self._swept = False

    @classmethod
    def open(cls, folder: Path, *, create: bool = True) -> Library:
        """Open the library in `folder`, made when it is not there and `create` says so.

        Raises:
            LibraryError: no library there, another kind of folder, a newer schema, broken, no permission, no space.
        """
        return cls(folder, connect(folder, create=create))

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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
        with explained(self.folder):
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
                        tags = tags_of(connection, old)
                        delete(connection, old)
                        copies.append(copy)
                    insert(connection, document, graph, name, path, tags)
            self._drop_unneeded(copies)
        compaction.tidy(self)

    def replace(self, document: Document, graph: ElementGraph) -> None:
        """Store `document`, which was read anew, in place of the one with the same bytes; its name and tags stay.

        Raises:
            InputError: not in the library any more.
            LibraryError: no space, no permission. The library is as it was before.
        """
        with explained(self.folder), self._writing() as connection:
            row = connection.execute(
                "SELECT number, name, file, path FROM documents WHERE sha256 = ?", (document.sha256,)
            ).fetchone()
            if row is None:
                raise InputError(f"{document.name} is not in the library any more: add it again")
            number, name, file, path = row
            tags = tags_of(connection, number)
            delete(connection, number)
            insert(connection, dataclasses.replace(document, name=name), graph, file, path, tags)
        compaction.tidy(self)

    def remove(self, document_id: str) -> None:
        """Take a document out; unknown ids are ignored.

        Raises:
            LibraryError: no space, no permission. The library is as it was before.
        """
        with explained(self.folder):
            with self._writing() as connection:
                row = connection.execute("SELECT number, file FROM documents WHERE id = ?", (document_id,)).fetchone()
                if row is not None:
                    delete(connection, row[0])
            self._drop_unneeded([row[1]] if row is not None else [])
        compaction.tidy(self)

    def put_vectors(self, encoder: str, made: vectors.Vectors) -> None:
        """Store what the encoder with this fingerprint made of a document; ignored when the document is gone by now.

        Raises:
            LibraryError: no space, no permission. The library is as it was before.
        """
        with explained(self.folder), self._writing() as connection:
            vectors.put(connection, encoder, made)

    def set_setting(self, key: str, value: str) -> None:
        """Remember `value` under `key`, a name that the module which asks for it chose.

        Raises:
            LibraryError: no space, no permission. Nothing of it is done.
        """
        with explained(self.folder), self._writing() as connection:
            connection.execute(
                "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

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
        return explained(self.folder)

    # Inside ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; waits for another writer."""
        connection = self.connection
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
