"""From scores of positions in documents to ranked elements and pages: what all retrievers with vectors share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from svrag.library.store import Library, StoredDocument
from svrag.search.fusion import Rankings
from svrag.search.lexical import Ranked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Scored = Iterable[tuple[int, NDArray[np.int32], NDArray[np.float32]]]
    """Of some documents, by their number among all: positions, each once, and their scores."""


def best_per_position(
    positions: NDArray[np.int32], scores: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For each position, ascending as they come, the greatest of its scores."""
    import numpy as np

    first = np.flatnonzero(np.diff(positions, prepend=-1))
    return positions[first], np.maximum.reduceat(scores, first)


def ranked_places(
    library: Library, documents: Sequence[StoredDocument], scored: Scored, *, limit: int | None, said: str
) -> Rankings:
    """Elements (by id) and pages (by document id and number); of each the `limit` best, or all.

    Args:
        said: the reason that is given, before the score.
    """
    import numpy as np

    scores: list[NDArray[np.float32]] = []
    positions: list[NDArray[np.int32]] = []
    owners: list[NDArray[np.int32]] = []
    for number, place, score in scored:
        pages = place >= documents[number].elements
        for some in (np.flatnonzero(~pages), np.flatnonzero(pages)):
            kept = some[_best(score[some], limit)]
            scores.append(score[kept])
            positions.append(place[kept])
            owners.append(np.full(len(kept), number, dtype=np.int32))
    if not scores:
        return {}, {}
    return _named(
        library, documents, np.concatenate(scores), np.concatenate(positions), np.concatenate(owners), limit, said
    )


def _best(scores: NDArray[np.float32], count: int | None) -> NDArray[np.intp]:
    """Where the `count` greatest are, in no order; all without it."""
    import numpy as np

    if count is None or len(scores) <= count:
        return np.arange(len(scores))
    return np.argpartition(-scores, count)[:count]


def _named(
    library: Library,
    documents: Sequence[StoredDocument],
    scores: NDArray[np.float32],
    positions: NDArray[np.int32],
    owners: NDArray[np.int32],
    limit: int | None,
    said: str,
) -> Rankings:
    """Positions as ids of elements and numbers of pages."""
    import numpy as np

    def ranked(score: np.float32) -> Ranked:
        return Ranked(float(score), (f"{said} ({score:.2f})",))

    first_page = np.array([document.elements for document in documents], dtype=np.int32)[owners]
    pages: dict[tuple[str, int], Ranked] = {}
    of_pages = np.flatnonzero(positions >= first_page)
    for i in of_pages[_best(scores[of_pages], limit)]:
        document = documents[owners[i]]
        pages[document.id, int(positions[i]) - document.elements + 1] = ranked(scores[i])
    elements: dict[str, Ranked] = {}
    of_elements = np.flatnonzero(positions < first_page)
    chosen = of_elements[_best(scores[of_elements], limit)]
    for owner in np.unique(owners[chosen]):
        own = chosen[owners[chosen] == owner]
        ids = library.ids_at(documents[owner].id, positions[own].tolist())
        for i in own:
            if int(positions[i]) in ids:  # removed by another process meanwhile
                elements[ids[int(positions[i])]] = ranked(scores[i])
    return elements, pages
