"""Pieces of statements: lists of values, in batches that SQLite takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")
_MANY = 500  # values in one statement: below SQLite's limit on variables


def marks(values: Sequence[object]) -> str:
    """A question mark for each of `values`."""
    return ", ".join("?" * len(values))


def batches(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """`values` in order, as many at a time as one statement takes."""
    for i in range(0, len(values), _MANY):
        yield values[i : i + _MANY]


def within(documents: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """A condition on d.id, and its values; documents are few enough for one statement."""
    if documents is None:
        return "", ()
    return f"AND d.id IN ({marks(documents)})", tuple(documents)
