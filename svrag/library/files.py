"""The library's own copies of the source files, named by content: on disk before anything refers to them."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Container
from pathlib import Path

FOLDER = "files"
USERS = "users"
"""Where a server keeps the libraries of its users, beside what this library has."""
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NO_PERMISSION = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_TEMPORARY = ".adding-"


def folder_of(library: Path) -> Path:
    """Where the copies of the library in this folder are."""
    return library / FOLDER


def keep(library: Path, source: Path, sha256: str, readable_copy: bytes | None = None) -> str:
    """Copy `source` (or `readable_copy` in its place) into the library; the copy's name in `files/`.

    The copy appears under its name only when all of it is on disk.

    Raises:
        OSError: no space, no permission, or the source is gone.
    """
    folder = folder_of(library)
    folder.mkdir(parents=True, exist_ok=True)
    name = sha256 + source.suffix.lower()
    target = folder / name
    if target.exists():
        return name
    # Made readable for the owner alone, as everything that tempfile makes: a decrypted copy stays private.
    handle, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            if readable_copy is None:
                with source.open("rb") as original:
                    shutil.copyfileobj(original, file, 1 << 20)
            else:
                file.write(readable_copy)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return name


def sha256_in(name: str) -> str:
    """The SHA-256 that a copy's name begins with."""
    return name.partition(".")[0]


def drop(library: Path, name: str) -> None:
    """Remove the copy of this name, if it is there. Call inside a write transaction."""
    (folder_of(library) / name).unlink(missing_ok=True)


def drop_all_but(library: Path, needed: Container[str]) -> None:
    """Remove copies that are not `needed`, and what a killed process left half done. Call inside a write transaction."""
    folder = folder_of(library)
    if not folder.is_dir():
        return
    for name in os.listdir(folder):  # a path for each would take thrice the time
        if name not in needed:
            (folder / name).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make new names in `folder` durable; Windows cannot and need not."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
