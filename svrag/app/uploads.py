"""What people are told about their files: one line on each, which never says where the server keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of a file: `name` is "" when the line is not about one."""

    name: str
    text: str
    failed: bool = False


def without_folders(message: str, files: Sequence[Path]) -> str:
    """`message` with the names of `files` in place of their paths on the server."""
    for file in files:
        message = message.replace(str(file), file.name)
    return message


def unread(names: Sequence[str]) -> str:
    """What is said at the end of the program of files that were handed over and not read."""
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"stopped before these were read: {shown}: add them again"
