"""Rows of a question, what answers it, and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from svrag.errors import InputError
from svrag.training.batch import Example, Item
from svrag.training.config import TripletData
from svrag.training.data.documents import Documents


def triplet(data: TripletData, row: Mapping[str, Any], documents: Documents, where: str) -> Example:
    """The one that answers, with relevance 1, and the other, with 0.

    Raises:
        InputError: a document cannot be read, or there are several.
    """
    both = [documents.items(row[column], where) for column in (data.positive, data.negative)]
    for column, items in zip((data.positive, data.negative), both, strict=True):
        if len(items) != 1:
            raise InputError(
                f"{where}: {len(items)} documents in {column}, not one: several are for data of kind pairs"
            )
    return Example(Item(text=row[data.query]), (both[0][0], both[1][0]), (1.0, 0.0))
