"""Units as they are written: pooled where that pays, shortened to codes, and the few numbers that are kept of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from svrag.library.tokens import codes
from svrag.library.tokens.identity import IndexIdentity, IndexSettings, Unit
from svrag.library.tokens.manifest import TYPES
from svrag.retrievers.maxsim.pooling import pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONG_UNIT = 256
"""An element of more tokens than this is pooled like a page. Shorter ones are kept as they are: they have few tokens
that say the same, and take little room: with all elements of real documents pooled by 2, recall@10 against no pooling
was .89, with the long ones alone .98 (benchmarks/token_store.py)."""

_AT_ONCE = 8192  # vectors that are shortened in one go


@dataclass(frozen=True, slots=True)
class Written:
    """What is stored of a document.

    Attributes:
        data: rows for each kind of file.
        counts, positions, pages, types: as the columns of token_documents.
    """

    units: int
    data: dict[str, bytes]
    counts: bytes
    positions: bytes
    pages: bytes
    types: bytes


def written(units: Iterable[Unit], identity: IndexIdentity) -> Written:
    """Take `units` as they come; their vectors are forgotten as soon as they are shortened.

    Raises:
        ValueError: vectors of another dimension.
    """
    kept: list[tuple[int, int, int, int]] = []
    pending: list[NDArray[np.float32]] = []
    parts: list[dict[str, bytes]] = []

    def shorten() -> None:
        together = np.concatenate([np.empty((0, identity.dimension), np.float32), *pending])
        parts.append(codes.encode(together, identity.settings.precision, 0))
        pending.clear()

    waiting = 0
    for unit in units:
        if unit.vectors.ndim != 2 or unit.vectors.shape[1] != identity.dimension:
            raise ValueError(f"vectors of shape {unit.vectors.shape} for an index of dimension {identity.dimension}")
        vectors = _pooled(unit, identity.settings)
        if not len(vectors):
            continue
        kept.append((len(vectors), unit.position, unit.page, TYPES.index(unit.type)))
        pending.append(vectors)
        waiting += len(vectors)
        if waiting >= _AT_ONCE:
            shorten()
            waiting = 0
    shorten()
    columns = np.array(kept, dtype=np.int64).reshape(-1, 4).T
    return Written(
        len(kept),
        {kind: b"".join(part[kind] for part in parts) for kind in parts[0]},
        columns[0].astype("<u4").tobytes(),
        columns[1].astype("<u4").tobytes(),
        columns[2].astype("<u4").tobytes(),
        columns[3].astype("u1").tobytes(),
    )


def _pooled(unit: Unit, settings: IndexSettings) -> NDArray[np.float32]:
    if settings.pool_factor > 1 and (unit.type == "page" or len(unit.vectors) > LONG_UNIT):
        return pool(unit.vectors, settings.pool_factor, settings.pool_method)
    return unit.vectors
