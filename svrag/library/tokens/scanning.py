"""Which units a search is about, and their scores, read from where their vectors lie."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from svrag.library.tokens import codes
from svrag.library.tokens.identity import Precision
from svrag.library.tokens.manifest import TYPES, Manifest, Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray


def chosen(
    manifest: Manifest,
    documents: Collection[str] | None,
    types: Collection[str] | None,
    pages: Collection[tuple[str, int]] | None,
) -> NDArray[np.int64]:
    """The units in these documents, of these types and on these pages, in the order of the manifest."""
    units = np.arange(len(manifest.document))
    if documents is not None or pages is not None:
        names = set(documents) if documents is not None else {document for document, _ in pages or ()}
        numbers = sorted(manifest.number[name] for name in names if name in manifest.number)
        parts = [np.arange(manifest.firsts[number], manifest.firsts[number + 1]) for number in numbers]
        units = np.concatenate([np.empty(0, np.int64), *parts])
    if types is not None:
        wanted = np.array([name in types for name in TYPES])
        units = units[wanted[manifest.type[units]]]
    if pages is not None:
        places = [(manifest.number[name] << 32) + page for name, page in pages if name in manifest.number]
        units = units[np.isin((manifest.document[units] << 32) + manifest.page[units], np.array(places, np.int64))]
    return units


def scores(
    stage: Stage, units: NDArray[np.int64], query: NDArray[np.float32], precision: Precision
) -> NDArray[np.float32]:
    """MaxSim of `query` with each of `units`, which all are in `stage`."""
    made = np.empty(len(units), dtype=np.float32)
    for number, piece in enumerate(stage.pieces):
        own = _within(stage, units, number)
        first = stage.first[units[own]]
        made[own] = codes.scores(piece.rows[codes.CODES], first, first + stage.counts[units[own]], query, precision)
    return made


def exact_scores(
    stage: Stage, units: NDArray[np.int64], query: NDArray[np.float32], precision: Precision
) -> NDArray[np.float32]:
    """The same with the question unrounded, from the finest vectors that `precision` keeps: float16, or int8."""
    from svrag.retrievers.maxsim.scan import exact

    kind, numbers = (codes.HALVES, "<f2") if precision == "float16" else (codes.CODES, "i1")
    made = np.empty(len(units), dtype=np.float32)
    for number, piece in enumerate(stage.pieces):
        own = _within(stage, units, number)
        first = stage.first[units[own]]
        made[own] = exact(piece.rows[kind].view(numbers), first, query, ends=first + stage.counts[units[own]])
    return made


def _within(stage: Stage, units: NDArray[np.int64], number: int) -> slice | NDArray[np.int64]:
    """Which of `units` are in this piece."""
    own = np.flatnonzero(stage.piece[units] == number)
    return slice(None) if len(own) == len(units) else own
