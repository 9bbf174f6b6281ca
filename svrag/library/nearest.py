"""Vectors of a whole library in a FAISS index: a cache beside the database, which alone says what there is.

The index knows the entries of the database that it was made of by their numbers, which are never used again. So one that
is older than the library is no danger: what has gone since is passed over, what has come since is the caller's to look
at, and when that gets much the index is made anew. It is one file for each encoder, which appears under its name when
all of it is written; without it, or with a broken one, nothing is lost.

Products are exact, of the float16 numbers that the database holds. The index is in memory while the process lives: two
bytes for each number, half of what float32 would take.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svrag.library.store import Library
from svrag.library.vectors import Entry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "nearest"
_OLD = 0.1  # of the library's vectors: with more that are new or gone, the index is made anew
_POSITION_BITS = 32
_TEMPORARY = ".making-"
_ABANDONED = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Nearest:
    """An index over some entries of the database.

    Attributes:
        entries: their numbers.
        total: vectors in it.
    """

    entries: frozenset[int]
    total: int
    _index: Any

    def search(
        self, query: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """Entries, positions and products of the `k` closest vectors to `query` (dimension,), the closest first."""
        import numpy as np

        scores, ids = self._index.search(query[None], min(k, self.total))
        return ids[0] >> _POSITION_BITS, (ids[0] & (1 << _POSITION_BITS) - 1).astype(np.int32), scores[0]


def nearest(library: Library, encoder: str, live: Sequence[Entry]) -> Nearest | None:
    """The index of the encoder's vectors; made, or made anew, where it misses much.

    None where there is none and none can be made: FAISS is not installed, or the library cannot be written to.

    Args:
        live: the entries that there are.
    """
    try:
        import faiss  # noqa: F401
    except ModuleNotFoundError:
        return None
    path = _path(library, encoder)
    found = _read(path)
    if found is not None and _differing(found, live) <= _OLD * sum(entry.count for entry in live):
        return found
    if not os.access(library.folder, os.W_OK):
        return found
    _write(path, _made(library, encoder, live))
    _opened.cache_clear()
    return _read(path)


def forget(library: Library, encoder: str) -> None:
    """Remove the index of an encoder whose vectors are removed, if there is one.

    Raises:
        OSError: no permission.
    """
    _path(library, encoder).unlink(missing_ok=True)


def _path(library: Library, encoder: str) -> Path:
    return library.folder / FOLDER / f"{hashlib.sha256(encoder.encode()).hexdigest()[:32]}.faiss"


def _differing(found: Nearest, live: Sequence[Entry]) -> int:
    """Vectors that are in the index or in the library, not in both."""
    known = sum(entry.count for entry in live if entry.number in found.entries)
    return found.total - known + sum(entry.count for entry in live) - known


def _read(path: Path) -> Nearest | None:
    """The index in a file; None where there is none, or none that can be read."""
    try:
        return _opened(str(path), path.stat().st_mtime_ns)
    except (OSError, RuntimeError):  # FAISS raises the latter for a broken file
        return None


@functools.lru_cache(maxsize=2)
def _opened(path: str, changed: int) -> Nearest:
    """`changed` only tells files of one name apart."""
    import faiss
    import numpy as np

    index: Any = faiss.read_index(path)
    ids = faiss.vector_to_array(index.id_map)
    return Nearest(frozenset(np.unique(ids >> _POSITION_BITS).tolist()), len(ids), index)


def _made(library: Library, encoder: str, live: Sequence[Entry]) -> Any:
    """The index over `live`, read entry by entry; None of no vectors."""
    import faiss
    import numpy as np

    index = None
    for entry in live:
        made = library.vectors_of(encoder, entry.document_id)
        if made is None or len(made.positions) != entry.count or not entry.count:  # gone, or made anew meanwhile
            continue
        if index is None:
            exact = faiss.IndexScalarQuantizer(
                made.vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
            )
            index = faiss.IndexIDMap(exact)
        ids = (entry.number << _POSITION_BITS) + made.positions.astype(np.int64)
        index.add_with_ids(np.ascontiguousarray(made.vectors, dtype=np.float32), ids)
    return index


def _write(path: Path, index: Any) -> None:
    """Under its name when all of it is written. Where there is no space for it, it is done without."""
    import faiss

    if index is None:
        return
    with contextlib.suppress(OSError, RuntimeError):
        path.parent.mkdir(exist_ok=True)
        for left in path.parent.glob(f"{_TEMPORARY}*"):  # by processes that were killed
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink(missing_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
        os.close(handle)
        try:
            faiss.write_index(index, temporary)
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
