"""Tables on disk whose rows are read when they are asked for: JSONL, parquet, Hugging Face datasets.

Knows rows and columns; what they mean as training data: svrag.training.data.files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from svrag.errors import InputError

NOTHING: tuple[object, ...] = (None, "", [])
"""Values that say that a row has none; text of spaces only is one too."""


class Table(Protocol):
    """Rows by number, from 0."""

    path: Path
    columns: tuple[str, ...]

    def __len__(self) -> int: ...

    def row(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        """The values of some columns; pictures as bytes or {"bytes": ..., "path": ...}.

        Raises:
            InputError: the row cannot be read.
        """
        ...

    def values(self, column: str) -> list[Any]:
        """Of all rows.

        Raises:
            InputError: a row cannot be read.
        """
        ...

    def filled(self, columns: Sequence[str]) -> list[int]:
        """Numbers of the rows that have a value in each of these columns.

        Raises:
            InputError: a row cannot be read.
        """
        ...


def open_table(path: Path, split: str | None = None) -> Table:
    """The table in a file or folder.

    Args:
        path: *.jsonl, *.parquet, a folder that `Dataset.save_to_disk` wrote, or one of parquet files as on the Hub.
        split: of a folder with several.

    Raises:
        InputError: nothing there, nothing that can be read, no such split, or a split must be named.
    """
    if not path.exists():
        raise InputError(f"there is no {path}")
    if path.is_dir():
        from svrag.training.data.arrow import open_folder

        return open_folder(path, split)
    if path.suffix not in (".jsonl", ".parquet"):
        raise InputError(f"{path} is no *.jsonl and no *.parquet: write the data in one of these")
    if split is not None:
        raise InputError(f"{path} is one file and has no splits: leave split {split} out")
    if path.suffix == ".jsonl":
        from svrag.training.data.jsonl import JsonLines

        return JsonLines(path)
    from svrag.training.data.arrow import open_parquet

    return open_parquet([path], path)
