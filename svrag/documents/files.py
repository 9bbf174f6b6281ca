"""Which files are documents, and who they are: suffixes, folders, hashes. Opens nothing but to hash it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from svrag.errors import InputError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
SUFFIXES = IMAGE_SUFFIXES | {".pdf"}
ID_DIGITS = 12


def find_documents(path: Path) -> list[Path]:
    """The document at `path`, or all in that folder, by name.

    Raises:
        InputError: there is nothing, a file of another kind, or a folder without documents.
    """
    try:
        path.stat()
    except OSError as error:
        address = (
            " (addresses are not fetched: download it first)" if str(path).startswith(("http:/", "https:/")) else ""
        )
        said = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise InputError(f"{said}: {path}{address}") from None
    if path.is_dir():
        inside = sorted(
            p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file() and not _hidden(p, path)
        )
        if not inside:
            raise InputError(f"no documents in the folder {path}: svrag reads {_kinds()}")
        return inside
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path} is not a document: svrag reads {_kinds()}")
    if not path.is_file():
        raise InputError(f"{path} is a pipe or a device: name a file")
    return [path]


def check_name(path: Path) -> None:
    """Raises:
    InputError: it is not UTF-8, and neither a library nor a reader of PDFs could take it.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"{path} has a name that is not UTF-8: rename it") from None


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
