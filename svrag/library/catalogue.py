"""What people say about the documents of a library: names and tags. The documents themselves are not touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from svrag.errors import InputError
from svrag.library.store import Library

LONGEST_NAME, LONGEST_TAG, MOST_TAGS = 200, 40, 20


def rename(library: Library, document_id: str, name: str) -> None:
    """Give a document another name; where it was added from stays known.

    Raises:
        InputError: not in the library, or no name.
        LibraryError: the library cannot be written to.
    """
    clean = _clean(name)
    if not clean:
        raise InputError("a document needs a name: type one")
    if len(clean) > LONGEST_NAME:
        raise InputError(f"the name is too long: at most {LONGEST_NAME} characters")
    with library.transaction() as connection:
        connection.execute("UPDATE documents SET name = ? WHERE number = ?", (clean, _number(connection, document_id)))


def set_tags(library: Library, document_id: str, tags: Sequence[str]) -> None:
    """Let a document have exactly these tags; the same word in upper or lower case is one tag.

    Raises:
        InputError: not in the library, or a tag that is too long, or too many.
        LibraryError: the library cannot be written to.
    """
    clean = {tag.casefold(): tag for tag in filter(None, map(_clean, tags))}
    if len(clean) > MOST_TAGS:
        raise InputError(f"too many tags: at most {MOST_TAGS}")
    for tag in clean.values():
        if len(tag) > LONGEST_TAG:
            raise InputError(f"the tag {tag[:20]}… is too long: at most {LONGEST_TAG} characters")
    with library.transaction() as connection:
        number = _number(connection, document_id)
        connection.execute("DELETE FROM tags WHERE document = ?", (number,))
        connection.executemany("INSERT INTO tags VALUES (?, ?)", [(number, tag) for tag in clean.values()])


def tags(library: Library) -> dict[str, tuple[str, ...]]:
    """The tags of each document that has any, by its id, in alphabetical order."""
    found: dict[str, tuple[str, ...]] = {}
    rows = library.connection.execute(
        "SELECT d.id, t.tag FROM tags t JOIN documents d ON d.number = t.document ORDER BY t.tag COLLATE NOCASE"
    )
    for document_id, tag in rows:
        found[document_id] = (*found.get(document_id, ()), tag)
    return found


def pages_read_by_ocr(library: Library) -> dict[str, int]:
    """How many pages of each document were read by optical character recognition; documents without any are left out."""
    rows = library.connection.execute(
        "SELECT d.id, count(*) FROM pages p JOIN documents d ON d.number = p.document WHERE p.ocr GROUP BY d.id"
    )
    return dict(rows.fetchall())


def _number(connection: sqlite3.Connection, document_id: str) -> int:
    row = connection.execute("SELECT number FROM documents WHERE id = ?", (document_id,)).fetchone()
    if row is None:
        raise InputError(f"unknown document {document_id!r}: the list of documents shows what is in the library")
    return int(row[0])


def _clean(words: str) -> str:
    """On one line, without characters that do not print."""
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())
