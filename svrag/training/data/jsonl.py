"""A table in JSONL: one object a line. Where lines begin is kept in memory, lines are read when they are asked for."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from svrag.errors import InputError
from svrag.training.data.tables import NOTHING


class JsonLines:
    """A `Table`. Blank lines are no rows.

    Raises:
        InputError: the file cannot be read, is empty, or its first line is no object.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts, self._lines = array("q"), array("q")
        try:
            with path.open("rb") as file:
                at = 0
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        self._starts.append(at)
                        self._lines.append(number)
                    at += len(line)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        if not self._starts:
            raise InputError(f"{path} is empty: each line must be a JSON object")
        self.columns = tuple(self._read(0))

    def __len__(self) -> int:
        return len(self._starts)

    def row(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        row = self._read(number)
        return {column: row.get(column) for column in columns}

    def values(self, column: str) -> list[Any]:
        return [row.get(column) for row in self._all()]

    def filled(self, columns: Sequence[str]) -> list[int]:
        return [
            number
            for number, row in enumerate(self._all())
            if not any(_stripped(row.get(column)) in NOTHING for column in columns)
        ]

    def _read(self, number: int) -> dict[str, Any]:
        try:
            with self.path.open("rb") as file:
                file.seek(self._starts[number])
                return self._parsed(file.readline(), number)
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror}") from None

    def _all(self) -> Iterator[dict[str, Any]]:
        with self.path.open("rb") as file:
            number = 0
            for line in file:
                if line.strip():
                    yield self._parsed(line, number)
                    number += 1

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        where = f"{self.path}, line {self._lines[number]}"
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise InputError(f"{where}: no text in UTF-8") from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not valid JSON ({error})") from None
        if not isinstance(row, dict):
            raise InputError(f'{where}: must be a JSON object like {{"query": ...}}, not {type(row).__name__}')
        return row


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value
