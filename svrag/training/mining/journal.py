"""A file of rows that is only added to, so that work that was stopped goes on where it was.

Rows are JSONL with the number of the row they were made of. Beside them, NAME.settings.json says what they were made
with: rows made with other settings are not mixed. A parquet file is written from the rows once all are there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from svrag.errors import InputError
from svrag.output import unwritable

ROW = "row"
"""Column of the number of the row, from 0, that a row was made of."""


class Journal:
    """The rows in `out`, *.jsonl, or in the JSONL file beside it where it is *.parquet.

    Args:
        settings: what rows depend on.

    Raises:
        InputError: the name ends otherwise, it cannot be written, or its rows were made with other settings.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        if out.suffix not in (".jsonl", ".parquet"):
            raise InputError(f"{out} is no *.jsonl and no *.parquet: name the file to write so")
        self.out, self._rows = out, out.with_suffix(".jsonl")
        said = out.with_suffix(".settings.json")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            if self._rows.exists() and self._rows.stat().st_size:
                _check(self._rows, said, settings)
                self.done = self._read()
            else:
                said.write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
                self._rows.touch()
                self.done = set()
        except OSError as error:
            raise unwritable(out, error) from None

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """All of them or, where that goes wrong, an unfinished line that the next start takes away.

        Raises:
            InputError: it cannot be written.
        """
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        try:
            with self._rows.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(f"cannot write {self._rows}: {error.strerror}; the same command goes on") from None
        self.done.update(row[ROW] for row in rows)

    def finish(self) -> None:
        """Writes the parquet file, where one was asked for.

        Raises:
            InputError: it cannot be written, or there is no row.
        """
        if self.out == self._rows:
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = [json.loads(line) for line in self._rows.read_text("utf-8").splitlines()]
        if not rows:
            raise InputError(f"{self.out}: there is no row to write")
        made = self.out.with_name(f".{self.out.name}")
        try:
            pq.write_table(pa.Table.from_pylist(rows), made)
            os.replace(made, self.out)
        except OSError as error:
            raise unwritable(self.out, error) from None

    def _read(self) -> set[int]:
        """Numbers of the rows that are there; what comes after the last whole line is taken away."""
        with self._rows.open("rb+") as file:
            whole = file.read()
            end = whole.rfind(b"\n") + 1
            file.truncate(end)
        try:
            return {int(json.loads(line)[ROW]) for line in whole[:end].splitlines()}
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{self._rows} holds lines that were not written by this command: name another") from None


def _check(rows: Path, said: Path, settings: Mapping[str, Any]) -> None:
    try:
        before = json.loads(said.read_text("utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{rows} is there, but not {said.name}, which says how it was made: name another") from None
    for key in settings:
        if before.get(key) != settings[key]:
            raise InputError(
                f"{rows} was made with {key} = {before.get(key)}, now it is {settings[key]}: set it back, or name "
                "another file"
            )
