"""Files that someone asked for (--json, --out): whether they can be written, told before anything that takes long."""

from __future__ import annotations

from pathlib import Path

from svrag.errors import InputError


def check_folder_of(path: Path) -> None:
    """Raises:
    InputError: there is no folder for the file.
    """
    if not path.absolute().parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")


def unwritable(path: Path, error: OSError) -> InputError:
    """What is said when writing failed all the same."""
    return InputError(f"cannot write {path}: {error.strerror}")


def write_text(path: Path, text: str) -> None:
    """Raises:
    InputError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from None
