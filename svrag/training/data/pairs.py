"""Rows of a question and what answers it, with negatives where there are some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from svrag.errors import InputError
from svrag.training.batch import Example, Item
from svrag.training.config import PairData
from svrag.training.data.documents import Documents


def pair(data: PairData, row: Mapping[str, Any], documents: Documents, where: str) -> Example:
    """Documents that answer first, with relevance 1; then the negatives, with 0.

    Raises:
        InputError: a document cannot be read, or none answers.
    """
    positives = documents.items(row[data.document], where)
    if not positives:
        raise InputError(f"{where}: nothing in {data.document}")
    negatives = documents.items(row.get(data.negatives), where)[: data.most_negatives]
    relevance = (1.0,) * len(positives) + (0.0,) * len(negatives)
    return Example(Item(text=row[data.query]), (*positives, *negatives), relevance)
