"""The database's tables and how an older library becomes a current one.

`MIGRATIONS[n]` takes version n to n + 1; a new library runs them all. A migration that has been released never changes:
what changes the schema is a further one.
"""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x53565247  # "SVRG": what kind of database this is
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE documents (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        sha256 TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        title TEXT NOT NULL,
        language TEXT NOT NULL,
        pages INTEGER NOT NULL,
        elements INTEGER NOT NULL,
        first_row INTEGER NOT NULL,     -- the document's elements have the row numbers
        last_row INTEGER NOT NULL,      -- from first_row to last_row in `elements` and in the full text
        file TEXT NOT NULL,             -- name of the copy in files/
        path TEXT NOT NULL,             -- where it was added from
        added TEXT NOT NULL,            -- ISO 8601, UTC
        warnings TEXT NOT NULL,         -- JSON
        body INTEGER NOT NULL,          -- tokens of its elements in each field,
        caption INTEGER NOT NULL,
        heading INTEGER NOT NULL,
        cells INTEGER NOT NULL,
        page_tokens INTEGER NOT NULL    -- and of its pages
    );
    CREATE INDEX documents_path ON documents (path);

    CREATE TABLE pages (
        document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        width REAL NOT NULL,
        height REAL NOT NULL,
        rotation INTEGER NOT NULL,
        label TEXT NOT NULL,
        text TEXT NOT NULL,
        ocr INTEGER NOT NULL,
        warning TEXT NOT NULL,
        PRIMARY KEY (document, number)
    ) WITHOUT ROWID;

    CREATE TABLE elements (             -- pages are elements too: type 'page'
        row INTEGER PRIMARY KEY,
        document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        page INTEGER NOT NULL,
        x0 REAL NOT NULL, y0 REAL NOT NULL, x1 REAL NOT NULL, y1 REAL NOT NULL,
        text TEXT NOT NULL,
        label TEXT NOT NULL,
        caption TEXT NOT NULL,
        section_path TEXT NOT NULL,     -- JSON
        section_role TEXT NOT NULL,
        level INTEGER NOT NULL,
        continues TEXT NOT NULL,        -- JSON: [[page, x0, y0, x1, y1], ...]
        cells TEXT NOT NULL,            -- JSON: {"rows": [...], "header_rows": n}, or ''
        target_id TEXT NOT NULL,
        confidence REAL NOT NULL
    );
    CREATE INDEX elements_document ON elements (document, page);
    CREATE INDEX elements_label ON elements (label COLLATE NOCASE) WHERE label <> '';

    CREATE TABLE edges (
        document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
        source TEXT NOT NULL,
        target TEXT NOT NULL,
        type TEXT NOT NULL,
        confidence REAL NOT NULL,
        PRIMARY KEY (source, target, type)
    ) WITHOUT ROWID;
    CREATE INDEX edges_target ON edges (target);
    CREATE INDEX edges_document ON edges (document);

    -- Tokens of the lexical analysis, joined by spaces; nothing else separates them.
    CREATE VIRTUAL TABLE element_words USING fts5 (
        body, caption, heading, cells, tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* P* S* Co Cf Cn'"
    );
    CREATE VIRTUAL TABLE page_words USING fts5 (
        body, caption, heading, cells, tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* P* S* Co Cf Cn'"
    );
    CREATE VIRTUAL TABLE element_vocabulary USING fts5vocab (element_words, row);
    CREATE VIRTUAL TABLE page_vocabulary USING fts5vocab (page_words, row);

    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE vectors (
        number INTEGER PRIMARY KEY,
        document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
        encoder TEXT NOT NULL,          -- fingerprint: other weights make other vectors
        dimension INTEGER NOT NULL,
        positions BLOB NOT NULL,        -- little-endian int32: first_row + position is the row that a vector is of
        vectors BLOB NOT NULL,          -- little-endian float16, one row of `dimension` values per position
        UNIQUE (document, encoder)
    );
    """,
)
SCHEMA_VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """0 for a new, empty database."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to `SCHEMA_VERSION`, one version per transaction. The connection must be in autocommit mode."""
    for version in range(version_of(connection), SCHEMA_VERSION):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if version_of(connection) == version:  # another process may have been faster
                for statement in _statements(MIGRATIONS[version]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _statements(script: str) -> list[str]:
    """The script cut at its semicolons; `executescript` would commit behind our back."""
    statements, current = [], ""
    for line in script.splitlines():
        current += line.partition("--")[0] + "\n"
        if sqlite3.complete_statement(current):
            statements.append(current.strip())
            current = ""
    return statements
