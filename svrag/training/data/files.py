"""Questions and documents in files, as examples: pairs with negatives, triplets, scored lists.

Examples are made when they are asked for; only where rows begin is kept in memory. Rows without a question or without a
document are left out, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from svrag.errors import InputError
from svrag.training.batch import Example
from svrag.training.config import FileData, ListData, PairData, TripletData
from svrag.training.data.documents import Documents, check_columns
from svrag.training.data.lists import scored_list
from svrag.training.data.pairs import pair
from svrag.training.data.tables import open_table
from svrag.training.data.triplets import triplet

_COLUMNS = {"pairs": ("document",), "triplets": ("positive", "negative"), "lists": ("documents", "scores")}
_LOOKED_AT = 20  # rows, for documents that are not what they were said to be


class FileExamples(Sequence[Example]):
    """
    Attributes:
        skipped: rows without a question or without a document.

    Raises:
        InputError: the file cannot be read, lacks a column, or has no row that can be used.
    """

    def __init__(self, data: FileData) -> None:
        self._data = data
        self._table = open_table(data.path, data.split)
        needed = [data.query, *_needed(data)]
        _check_kind(data, self._table.columns, needed)
        check_columns(self._table.columns, [*needed, *_asked_for(data)], data.path)
        self._columns = [*needed, *(name for name in _possible(data) if name in self._table.columns)]
        self._documents = Documents(data)
        self._rows = self._table.filled(needed)
        self.skipped = len(self._table) - len(self._rows)
        if not self._rows:
            raise InputError(f"{data.path} has no row with {' and '.join(needed)}")
        first = [self._table.row(number, needed) for number in self._rows[:_LOOKED_AT]]
        self._documents.check_strings([row[name] for row in first for name in needed[1:]], str(data.path))
        self._rows = self._rows[: data.limit]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...

    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        """
        Raises:
            InputError: the row holds something else than its columns should.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = self._rows[index]
        row, where = self._table.row(number, self._columns), self._where(number)
        if not isinstance(row[self._data.query], str):
            raise InputError(f"{where}: {self._data.query} must be text, not {row[self._data.query]!r}")
        match self._data:
            case PairData():
                return pair(self._data, row, self._documents, where)
            case TripletData():
                return triplet(self._data, row, self._documents, where)
            case ListData():
                return scored_list(self._data, row, self._documents, where)
        raise AssertionError(self._data)

    def values(self, column: str) -> list[object]:
        """Of another column, for each example.

        Raises:
            InputError: there is no such column.
        """
        check_columns(self._table.columns, [column], self._data.path)
        every = self._table.values(column)
        return [every[number] for number in self._rows]

    def _where(self, number: int) -> str:
        return f"{self._data.path}, row {number + 1}"


def examples_of(data: FileData) -> FileExamples:
    """The examples in a file.

    Raises:
        InputError: the file cannot be read, lacks a column, or has no row that can be used.
    """
    return FileExamples(data)


def document_columns(data: FileData) -> list[str]:
    """Where documents are, or their ids."""
    match data:
        case PairData():
            return [data.document, data.negatives]
        case TripletData():
            return [data.positive, data.negative]
        case ListData():
            return [data.documents]
    raise AssertionError(data)


def _needed(data: FileData) -> list[str]:
    """Columns without which a row is no example."""
    match data:
        case PairData():
            return [data.document]
        case TripletData():
            return [data.positive, data.negative]
        case ListData():
            return [data.documents, data.scores]
    raise AssertionError(data)


def _check_kind(data: FileData, there: Sequence[str], needed: Sequence[str]) -> None:
    """
    Raises:
        InputError: columns are not there, but those of another kind are: as `svrag train mine` and `score` write them.
    """
    missing = [name for name in needed if name not in there]
    for kind, columns in _COLUMNS.items():
        if missing and {data.query, *columns} <= set(there):
            raise InputError(
                f"{data.path} has no column {missing[0]}, but those of kind {kind}: "
                f"--set 'data.train={{kind: {kind}, path: {data.path}}}'"
            )


def _possible(data: FileData) -> list[str]:
    """Columns that need not be there, nor filled."""
    return [data.negatives] if isinstance(data, PairData) else []


def _asked_for(data: FileData) -> list[str]:
    """Of those, the ones that are named otherwise than by default: they were meant to be there."""
    if isinstance(data, PairData) and data.negatives != PairData.model_fields["negatives"].default:
        return [data.negatives]
    return []
