"""One document as a pool of elements for a multi-vector model to rank: how the element-graph project measures.

Every element but the headings is a candidate, read by itself: figures, tables and equations as pictures where the model
reads those, else by their words, all else as text; what is too long for the model is cut, and a place is told to models
that make something of it. A figure without an element for its caption is read with that. Elements that the model can
read nothing of score 0, and get what propagation moves to them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from svrag.documents.model import Element
from svrag.graph.model import ElementGraph
from svrag.graph.places import places_of
from svrag.graph.propagation import Transition, diffusion, pagerank
from svrag.library.units import PAGE_DPI
from svrag.retrievers.elements.exchanged import VISUAL
from svrag.retrievers.multivector.encoder import MultiVectorEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from svrag.library.store import Library, StoredDocument

_PICTURES_AT_ONCE = 8  # bounds what is in memory
_PUBLISHED_CUT = 50  # candidates among which the published propagation moves scores

PLAIN = ""
"""The variant without propagation."""

Moves = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class Pool:
    """The candidates of one document, in its order, with their token vectors.

    Attributes:
        vectors: (tokens, dimension) of all that have some, one after another.
        starts, read: where each of those begins, and which candidates they are.
    """

    elements: tuple[Element, ...]
    graph: ElementGraph
    vectors: NDArray[np.float32]
    starts: NDArray[np.int64]
    read: NDArray[np.int64]

    def scores(self, query: NDArray[np.float32]) -> NDArray[np.float64]:
        """MaxSim with the token vectors of a question, (tokens, dimension) -> (candidates,)."""
        scores = np.zeros(len(self.elements))
        if len(self.read):
            best = np.maximum.reduceat(query @ self.vectors.T, self.starts, axis=1)
            scores[self.read] = best.sum(axis=0, dtype=np.float64)
        return scores


def read_pool(library: Library, document: StoredDocument, encoder: MultiVectorEncoder) -> Pool:
    """The pool of a document in the library, encoded.

    Raises:
        InputError: the library's copy of the file cannot be drawn.
        LibraryError: the library cannot be read.
    """
    elements = [element for element in library.elements_of(document.id) if element.type != "page"]
    pictures = {e.id: partial(_picture, document, e) for e in elements if e.type in VISUAL}
    return encoded(elements, library.graph(document.id), pictures, encoder)


def encoded(
    elements: Sequence[Element],
    graph: ElementGraph,
    pictures: Mapping[str, Callable[[], Image]],
    encoder: MultiVectorEncoder,
) -> Pool:
    """The pool of all but the headings among the `elements` of a graph.

    Args:
        pictures: what opens an element's picture, by the element's id.

    Raises:
        InputError: a picture cannot be read.
    """
    places = places_of(graph)
    elements = [element for element in elements if element.type != "section_header"]
    captioned = {element.target_id for element in elements if element.type == "caption"}
    drawn = [n for n, e in enumerate(elements) if encoder.reads_pictures and e.id in pictures]
    texts = {n: _words(e, captioned) for n, e in enumerate(elements) if n not in set(drawn)}
    written = [n for n, text in texts.items() if text.strip()]
    tokens = dict(
        zip(
            written,
            encoder.passages([texts[n] for n in written], places=[places[elements[n].id] for n in written]),
            strict=True,
        )
    )
    for start in range(0, len(drawn), _PICTURES_AT_ONCE):
        some = drawn[start : start + _PICTURES_AT_ONCE]
        opened = [pictures[elements[n].id]() for n in some]
        tokens |= zip(some, encoder.pictures(opened, places=[places[elements[n].id] for n in some]), strict=True)
    read = sorted(n for n, made in tokens.items() if len(made.vectors))
    lengths = [len(tokens[n].vectors) for n in read]
    return Pool(
        tuple(elements),
        graph,
        np.concatenate([tokens[n].vectors for n in read]) if read else np.zeros((0, encoder.dimension), np.float32),
        np.cumsum([0, *lengths[:-1]], dtype=np.int64),
        np.array(read, dtype=np.int64),
    )


def variants(pool: Pool) -> dict[str, Moves]:
    """The ways of moving scores, by name: each weighting over the whole document, PageRank, and the published cut."""
    ids = [element.id for element in pool.elements]
    whole = Transition(pool.graph, ids)

    def diffused(transition: Transition) -> Moves:
        return lambda scores: diffusion(transition, scores)

    def ranked(share: float) -> Moves:
        return lambda scores: pagerank(whole, scores, share=share)

    ways: dict[str, Moves] = {PLAIN: lambda scores: scores}
    for weighting in ("uniform", "base", "base+role", "base+visual"):
        ways[f"diffusion, {weighting}"] = diffused(Transition(pool.graph, ids, weighting))
    ways["diffusion, full"] = diffused(whole)
    for share in (0.15, 0.5, 0.85):
        ways[f"PageRank {share}"] = ranked(share)
    ways[f"diffusion, full, best {_PUBLISHED_CUT}"] = lambda scores: _cut(pool.graph, ids, scores)
    return ways


VARIANTS = (
    PLAIN,
    *(f"diffusion, {weighting}" for weighting in ("uniform", "base", "base+role", "base+visual", "full")),
    *(f"PageRank {share}" for share in (0.15, 0.5, 0.85)),
    f"diffusion, full, best {_PUBLISHED_CUT}",
)
"""Names of `variants`, in their order."""


def best_first(scores: NDArray[np.float64]) -> list[int]:
    """Numbers of all candidates; of equal ones the first in the document comes first."""
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    return order


def _cut(graph: ElementGraph, ids: Sequence[str], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The published diffusion: scores move among the best alone, and all others stay behind those."""
    order = best_first(scores)
    best, rest = order[:_PUBLISHED_CUT], order[_PUBLISHED_CUT:]
    moved = diffusion(Transition(graph, [ids[n] for n in best], keep=False), scores[best])
    behind = scores.copy()
    behind[best] = moved
    if rest:
        behind[rest] -= max(0.0, float(scores[rest].max() - moved.min())) + 1.0
    return behind


def _words(element: Element, captioned: set[str]) -> str:
    caption = "" if element.id in captioned else element.caption
    return "\n".join(filter(None, (caption, element.text)))


def _picture(document: StoredDocument, element: Element) -> Image:
    from PIL.Image import open as open_picture

    from svrag.documents.rendering import crop

    with open_picture(io.BytesIO(crop(document.source, element.page, element.box, dpi=PAGE_DPI))) as picture:
        return picture.convert("RGB")
