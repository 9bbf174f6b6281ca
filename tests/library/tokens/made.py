"""Token vectors for documents that tests make, and what a search in them must find, computed the long way."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from svrag.library.store import Library
from svrag.library.tokens.identity import IndexIdentity, IndexSettings, Unit
from svrag.library.tokens.index import Found
from tests.library.made import add, document

DIMENSION = 24
NEAR = 0.03
"""How far apart MaxSim may be with the question rounded and without: only the best of a search are scored so twice."""


def identity(
    name: str = "model", fingerprint: str = "f", dimension: int = DIMENSION, **settings: object
) -> IndexIdentity:
    return IndexIdentity(name, "r", fingerprint, dimension, IndexSettings(**settings))  # type: ignore[arg-type]


def normalised(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)


def draw(seed: int, count: int, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """Vectors around a few directions, as tokens of one element are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(3, dimension))
    return normalised(centres[rng.integers(0, 3, size=count)] + 0.5 * rng.normal(size=(count, dimension)))


def units(library: Library, document_id: str, seed: int = 0, longest: int = 12) -> list[Unit]:
    """Of every element of the document and every page, up to `longest` vectors."""
    rng = np.random.default_rng(seed)
    return [
        Unit(position, element.type, element.page, draw(seed * 10_000 + position, int(rng.integers(1, longest + 1))))
        for position, element in enumerate(library.elements_of(document_id))
    ]


def documents(library: Library, folder: Path, count: int) -> list[str]:
    """Ids of new documents of 16 elements and 2 pages each."""
    sentences = [f"Sentence {i}." for i in range(5)]
    return [add(library, folder, document(f"{number}.pdf", str(number), *sentences)).id for number in range(count)]


def by_hand(query: NDArray[np.float32], stored: dict[str, list[Unit]]) -> dict[tuple[str, int], float]:
    """MaxSim of every unit in float64, by document and position."""
    return {
        (document_id, unit.position): float((query.astype(np.float64) @ unit.vectors.T).max(axis=1).sum())
        for document_id, own in stored.items()
        for unit in own
        if len(unit.vectors)
    }


def scores(found: Found) -> dict[tuple[str, int], float]:
    keys: Iterable[tuple[str, int]] = zip(found.documents, found.positions.tolist(), strict=True)
    return dict(zip(keys, found.scores.tolist(), strict=True))
