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
    """
    -- Token vectors are in the files of tokens/; what names a range in them is here.
    CREATE TABLE token_indexes (
        number INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: it names the folder
        name TEXT NOT NULL UNIQUE,      -- of the model
        revision TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        dimension INTEGER NOT NULL,
        settings TEXT NOT NULL,         -- JSON
        units INTEGER NOT NULL DEFAULT 0,
        checked INTEGER NOT NULL DEFAULT 0,     -- units there were when the coarse stage was last tried
        candidates INTEGER NOT NULL DEFAULT 0,  -- that it must leave for an exact answer; 0: do without it
        generation INTEGER NOT NULL DEFAULT 0   -- drawn anew with every change of the ranges
    );
    CREATE TABLE token_segments (       -- stage 0 holds the vectors, stage 1 pooled ones to choose candidates by
        number INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: it names the file
        token_index INTEGER NOT NULL REFERENCES token_indexes (number) ON DELETE CASCADE,
        stage INTEGER NOT NULL,
        vectors INTEGER NOT NULL,       -- what was ever appended; what the file has after them is nobody's
        live INTEGER NOT NULL           -- of them, vectors that a range names
    );
    CREATE INDEX token_segments_stage ON token_segments (token_index, stage);
    CREATE TABLE token_documents (
        number INTEGER PRIMARY KEY,
        token_index INTEGER NOT NULL REFERENCES token_indexes (number) ON DELETE CASCADE,
        document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
        units INTEGER NOT NULL,
        coarse INTEGER NOT NULL DEFAULT 0,      -- whether it has a range in stage 1
        counts BLOB NOT NULL,           -- vectors per unit; these are arrays of little-endian uint32,
        positions BLOB NOT NULL,        -- first_row + position is the row of the element
        pages BLOB NOT NULL,
        types BLOB NOT NULL,            -- and this is of uint8
        UNIQUE (token_index, document)
    );
    CREATE INDEX token_documents_document ON token_documents (document);
    CREATE INDEX token_documents_fine ON token_documents (token_index) WHERE coarse = 0;
    CREATE TABLE token_ranges (
        entry INTEGER NOT NULL REFERENCES token_documents (number) ON DELETE CASCADE,
        stage INTEGER NOT NULL,
        segment INTEGER NOT NULL REFERENCES token_segments (number),
        first INTEGER NOT NULL,
        vectors INTEGER NOT NULL,
        PRIMARY KEY (entry, stage)
    ) WITHOUT ROWID;
    CREATE INDEX token_ranges_segment ON token_ranges (segment, first);

    CREATE TRIGGER token_documents_added AFTER INSERT ON token_documents BEGIN
        UPDATE token_indexes SET units = units + NEW.units, generation = random() WHERE number = NEW.token_index;
    END;
    CREATE TRIGGER token_documents_removed AFTER DELETE ON token_documents BEGIN
        UPDATE token_indexes SET units = units - OLD.units, generation = random() WHERE number = OLD.token_index;
    END;
    CREATE TRIGGER token_ranges_added AFTER INSERT ON token_ranges BEGIN
        UPDATE token_segments SET live = live + NEW.vectors WHERE number = NEW.segment;
    END;
    CREATE TRIGGER token_ranges_moved AFTER UPDATE OF segment ON token_ranges BEGIN
        UPDATE token_segments SET live = live - OLD.vectors WHERE number = OLD.segment;
        UPDATE token_segments SET live = live + NEW.vectors WHERE number = NEW.segment;
    END;
    CREATE TRIGGER token_ranges_removed AFTER DELETE ON token_ranges BEGIN
        UPDATE token_segments SET live = live - OLD.vectors WHERE number = OLD.segment;
    END;
    """,
    """
    CREATE TABLE sparse_encoders (
        number INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL UNIQUE
    );
    CREATE TABLE sparse_documents (
        number INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: a search may hold it
        document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
        encoder INTEGER NOT NULL REFERENCES sparse_encoders (number),
        positions BLOB NOT NULL,        -- little-endian int32, of each passage: first_row + position is its row
        UNIQUE (encoder, document)
    );
    CREATE INDEX sparse_documents_document ON sparse_documents (document);
    CREATE TABLE sparse_postings (
        encoder INTEGER NOT NULL,
        term INTEGER NOT NULL,
        entry INTEGER NOT NULL REFERENCES sparse_documents (number) ON DELETE CASCADE,
        passages BLOB NOT NULL,         -- little-endian int32: which passages of the entry have the term,
        weights BLOB NOT NULL,          -- and little-endian float16: their weights for it
        PRIMARY KEY (encoder, term, entry)
    ) WITHOUT ROWID;
    CREATE INDEX sparse_postings_entry ON sparse_postings (entry);
    """,
    """
    CREATE TABLE numbered_vectors (
        number INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: an index in a file may hold it
        document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
        encoder TEXT NOT NULL,          -- all as before
        dimension INTEGER NOT NULL,
        positions BLOB NOT NULL,
        vectors BLOB NOT NULL,
        UNIQUE (document, encoder)
    );
    INSERT INTO numbered_vectors SELECT number, document, encoder, dimension, positions, vectors FROM vectors;
    DROP TABLE vectors;
    ALTER TABLE numbered_vectors RENAME TO vectors;
    """,
    """
    CREATE TABLE tags (
        document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        PRIMARY KEY (document, tag)
    ) WITHOUT ROWID;
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
