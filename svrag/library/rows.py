"""A document as rows of the database, and its elements back from them; who writes them has begun a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from svrag.documents.model import Box, Document, Element, Region, Table
from svrag.graph.model import ElementGraph
from svrag.retrievers.lexical.fields import field_tokens

ELEMENT_COLUMNS = (
    "e.id, d.id, e.type, e.page, e.x0, e.y0, e.x1, e.y1, e.text, e.label, e.caption, e.section_path, e.level, "
    "e.continues, e.cells, e.target_id, e.confidence"
)
"""What `element_of` reads, of `elements e` and `documents d`."""


def insert(
    connection: sqlite3.Connection,
    document: Document,
    graph: ElementGraph,
    file: str,
    path: str,
    tags: Sequence[str],
) -> None:
    """Store `document` with its pages, elements, edges and words.

    Args:
        file: name of the copy in `files/`.
        path: where it was added from.
    """
    (last,) = connection.execute("SELECT coalesce(max(row), 0) FROM elements").fetchone()
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


def tags_of(connection: sqlite3.Connection, number: int) -> list[str]:
    """The tags of the document with this number, to give them to what comes in its place."""
    return [tag for (tag,) in connection.execute("SELECT tag FROM tags WHERE document = ?", (number,))]


def delete(connection: sqlite3.Connection, number: int) -> None:
    """Take out the document with this number and all that is stored of it; its copy of the file stays."""
    first, last = connection.execute(
        "SELECT first_row, last_row FROM documents WHERE number = ?", (number,)
    ).fetchone()
    for words in ("element_words", "page_words"):
        connection.execute(f"DELETE FROM {words} WHERE rowid BETWEEN ? AND ?", (first, last))
    connection.execute("DELETE FROM documents WHERE number = ?", (number,))


def element_of(row: tuple[object, ...]) -> Element:
    """The element in a row of `ELEMENT_COLUMNS`."""
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


def _element_row(row: int, document: int, e: Element, role: str) -> tuple[object, ...]:
    cells = _json({"rows": e.table.rows, "header_rows": e.table.header_rows}) if e.table else ""
    continues = _json([[region.page, *region.box] for region in e.continues])
    return (
        row, document, e.id, e.type, e.page, *e.box, e.text, e.label, e.caption, _json(e.section_path), role, e.level,
        continues, cells, e.target_id, e.confidence,
    )  # fmt: skip


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
