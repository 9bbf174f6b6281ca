"""Rows of a question, several documents, and what a teacher scored them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from svrag.errors import InputError
from svrag.training.batch import Example, Item
from svrag.training.config import ListData
from svrag.training.data.documents import Documents


def scored_list(data: ListData, row: Mapping[str, Any], documents: Documents, where: str) -> Example:
    """The documents in the row's order; their relevance is the teacher's scores as they are.

    Raises:
        InputError: a document cannot be read, or there is not one score, a number, for each.
    """
    items = documents.items(row[data.documents], where)
    scores = row[data.scores]
    if not isinstance(scores, list) or not all(_is_number(score) for score in scores):
        raise InputError(f"{where}: {data.scores} must be a list of numbers")
    if len(scores) != len(items):
        raise InputError(f"{where}: {len(scores)} in {data.scores} for {len(items)} documents")
    if len(items) < 2:
        raise InputError(f"{where}: one document only: there is nothing to learn from its score")
    return Example(Item(text=row[data.query]), tuple(items[: data.most]), tuple(map(float, scores[: data.most])))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
