"""Segment files: raw rows of bytes that are only ever appended to. The database says how much of each is anybody's.

What a killed process wrote beyond that is overwritten by the next to append. Numbers of segments are never used again,
so a name means the same bytes for ever: who has mapped a file that is removed meanwhile goes on reading what it was.
Appending and removing happen under the database's write lock, so no two processes do either at once.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
from collections.abc import Container, Mapping
from pathlib import Path

from svrag.errors import LibraryError
from svrag.library.files import sync_folder

FOLDER = "tokens"
SEGMENT_BYTES = 1 << 30
"""A segment's files together grow to about this size; compaction copies one segment at a time."""


def folder_of(library: Path, index: int) -> Path:
    """Where the files of this index of the library are."""
    return library / FOLDER / str(index)


def file_of(library: Path, index: int, segment: int, kind: str) -> Path:
    """The file of one kind of data ("codes", ...) of a segment."""
    return folder_of(library, index) / f"{segment}.{kind}"


def append(
    library: Path, index: int, segment: int, first: int, widths: Mapping[str, int], data: Mapping[str, bytes]
) -> None:
    """Write `data` after the first `first` vectors of the segment, on disk when this returns.

    Args:
        widths: bytes of a vector in each kind of file.
        data: what to write to each kind of file.

    Raises:
        OSError: no space, no permission. The room that was taken is given back.
        LibraryError: a file is missing or shorter than it was.
    """
    folder = folder_of(library, index)
    if first == 0:
        folder.mkdir(parents=True, exist_ok=True)
    for kind, width in widths.items():
        path = file_of(library, index, segment, kind)
        if first:
            _check(path, first * width)
        with path.open("r+b" if first else "wb") as file:
            try:
                file.seek(first * width)
                file.write(data[kind])
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                with contextlib.suppress(OSError):
                    os.truncate(path, first * width)
                raise
    if first == 0:
        sync_folder(folder)
        sync_folder(folder.parent)
        sync_folder(library)


def map_rows(path: Path, end: int, *, start: int = 0) -> memoryview:
    """The bytes of the file from `start` to before `end`, mapped.

    Raises:
        LibraryError: they are not all there: compaction has just removed the file, or someone has broken it.
    """
    _check(path, end)
    if start == end:
        return memoryview(b"")
    before = start % mmap.ALLOCATIONGRANULARITY
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), end - start + before, access=mmap.ACCESS_READ, offset=start - before)
    return memoryview(mapped)[before:]


def drop_all_but(library: Path, index: int, needed: Container[int]) -> None:
    """Remove the files of an index whose segments are not `needed`. Call inside a write transaction.

    One that another process of Windows has mapped stays for the next time.
    """
    folder = folder_of(library, index)
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.stem.isdecimal() and int(path.stem) not in needed:
            with contextlib.suppress(PermissionError):
                path.unlink(missing_ok=True)


def drop_folders_but(library: Path, needed: Container[int]) -> None:
    """Remove the folders of indexes that are not `needed`. Call inside a write transaction."""
    folder = library / FOLDER
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name.isdecimal() and int(path.name) not in needed:
            shutil.rmtree(path, ignore_errors=True)


def lost(path: Path, reason: str) -> LibraryError:
    """What to say about a file that is not as it was left."""
    return LibraryError(
        f"{path} {reason}: restore it, or make the index again (`svrag add PATH --retriever NAME --reindex`)"
    )


def _check(path: Path, least: int) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise lost(path, "is missing") from None
    if size < least:
        raise lost(path, f"has {size} bytes of {least}")
