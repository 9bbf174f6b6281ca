"""A hash of training data: of the content of every file that a run reads, pictures too, and of nothing else.

Where files are and when they were written does not matter, so that the same data elsewhere have the same hash. All of it
is read once, which takes as long as the disk needs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from svrag.errors import InputError
from svrag.training.config import FileData, GraphFiles, LibraryData, TrainingData
from svrag.training.data.documents import folder_of, picture_path
from svrag.training.data.files import document_columns
from svrag.training.data.tables import open_table

_READERS = 8  # hashing leaves Python's lock


def hash_of(data: TrainingData) -> str:
    """32 hexadecimal digits.

    Raises:
        InputError: a file is missing or cannot be read.
        LibraryError: the library cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(data, LibraryData):
        for line in _of_library(data):
            digest.update(f"{line}\n".encode())
        files = [("questions", data.questions)] if data.questions else []
    else:
        files = list(_of_files(data) if isinstance(data, FileData) else _of_graphs(data))
    for line in _contents(files):
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def _of_library(data: LibraryData) -> Iterator[str]:
    """Each document's file, and what was read of it: another version of the reader may read it otherwise."""
    from svrag.graph.exchange import to_json
    from svrag.library.store import Library

    with Library.open(data.library, create=False) as library:
        named = {library.find(name).id for name in data.documents}
        for stored in library.documents():
            if not named or stored.id in named:
                texts = [(element.id, element.text) for element in library.elements_of(stored.id)]
                read = json.dumps([to_json(library.graph(stored.id)), texts], sort_keys=True)
                yield f"{stored.id} {stored.sha256} {hashlib.blake2b(read.encode(), digest_size=16).hexdigest()}"


def _of_files(data: FileData) -> Iterator[tuple[str, Path]]:
    yield from _within("path", data.path)
    if data.corpus and data.corpus.path != data.path:
        yield from _within("corpus", data.corpus.path)
    if data.pictures:
        yield from _named_pictures(data)


def _named_pictures(data: FileData) -> Iterator[tuple[str, Path]]:
    """Pictures that a table names by path, each once."""
    path, split = (data.corpus.path, data.corpus.split) if data.corpus else (data.path, data.split)
    table = open_table(path, split)
    columns = [data.corpus.document] if data.corpus else document_columns(data)
    seen: set[str] = set()
    for column in columns:
        if column in table.columns:
            for value in table.values(column):
                for name in value if isinstance(value, list) else [value]:
                    if isinstance(name, str) and name not in seen:
                        seen.add(name)
                        yield f"picture {name}", picture_path(name, folder_of(data), str(path))


def _of_graphs(data: GraphFiles) -> Iterator[tuple[str, Path]]:
    yield "graphs", data.graphs
    yield "elements", data.elements
    if data.questions:
        yield "questions", data.questions
    if data.pictures:
        yield from _within("pictures", data.pictures)
        return
    with data.elements.open(encoding="utf-8") as lines:
        for line in lines:
            if '"image_path"' in line:
                name = json.loads(line).get("image_path")
                path = data.elements.parent / str(name)
                if name and path.is_file():
                    yield f"picture {name}", path


def _within(what: str, path: Path) -> Iterator[tuple[str, Path]]:
    """A file, or all files of a folder in a fixed order; without what `datasets` keeps there for itself."""
    if not path.is_dir():
        yield what, path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file() and not file.name.startswith(("cache-", ".", "tmp")):
            yield f"{what} {file.relative_to(path).as_posix()}", file


def _contents(files: Iterable[tuple[str, Path]]) -> Iterator[str]:
    """Each name with the hash of its file."""

    def line(named: tuple[str, Path]) -> str:
        name, path = named
        try:
            with path.open("rb") as file:
                return f"{name} {hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()}"
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None

    with ThreadPoolExecutor(_READERS) as pool:
        yield from pool.map(line, files)
