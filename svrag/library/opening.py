"""A library's folder and database: how they are made, opened and checked, and what can go wrong with them, in one line."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from svrag.errors import LibraryError
from svrag.library import files
from svrag.library.schema import APPLICATION_ID, SCHEMA_VERSION, migrate, version_of

DATABASE = "library.db"
_WAIT_SECONDS = 60.0
_CACHE_KIB = 65536  # of the database, in memory: the upper levels of its trees, read at every search
_OWN = (files.FOLDER, files.USERS, ".gitignore")


def connect(folder: Path, *, create: bool) -> sqlite3.Connection:
    """A connection to the library in `folder`, of the current schema.

    Raises:
        LibraryError: no library there, another kind of folder, a newer schema, broken, no permission, no space.
    """
    database = folder / DATABASE
    if not database.exists():
        if not create:
            raise LibraryError(f"no library in {folder}: `svrag add PATH...` makes one")
        _make_folder(folder)
    with explained(folder):
        connection = _connection(database)
        try:
            _check(connection, folder)
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
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
        if isinstance(error, sqlite3.OperationalError):
            raise LibraryError(
                f"{folder / DATABASE} cannot be used ({said}): restore it, or remove it and add again"
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


def _make_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise LibraryError(f"{folder} is a file, not a folder: name another place with --library DIR")
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        others = [path.name for path in folder.iterdir() if path.name not in _OWN]
        if others:
            raise LibraryError(f"{folder} is no library and not empty: name another place with --library DIR")


def _connection(database: Path) -> sqlite3.Connection:
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


def _no_space(folder: Path) -> str:
    return f"no space left in {folder}: free some and run the command again; nothing that was stored is lost"
