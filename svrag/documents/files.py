"""Which files are documents, and who they are: suffixes, folders, hashes. Opens nothing but to hash it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from svrag.errors import InputError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
SUFFIXES = IMAGE_SUFFIXES | {".pdf"}
ID_DIGITS = 12


def find_documents(paths: Sequence[Path]) -> list[Path]:
    """The documents that `paths` name, folders searched through; in order, each once.

    Raises:
        InputError: a path that does not exist, a file of another kind, or a folder without documents.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(
                p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file() and not _hidden(p, path)
            )
            if not inside:
                raise InputError(f"no documents in the folder {path}: svrag reads {_kinds()}")
            found.update(dict.fromkeys(inside))
        elif not path.exists():
            raise InputError(f"no such file: {path}")
        elif path.suffix.lower() not in SUFFIXES:
            raise InputError(f"{path} is not a document: svrag reads {_kinds()}")
        else:
            found[path] = None
    return list(found)


def sha256_of(path: Path) -> str:
    """64 hex digits over the file's bytes.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _hidden(path: Path, root: Path) -> bool:
    """Inside a folder or under a name that begins with a dot, such as a library or an editor's leavings."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _kinds() -> str:
    return ", ".join(sorted(suffix[1:].upper() for suffix in SUFFIXES - {".jpeg", ".tiff"}))
