"""Documents of token vectors, and MaxSim written down as it is defined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def vectors(rng: np.random.Generator, count: int, dimension: int) -> NDArray[np.float32]:
    """(count, dimension), of length 1, in all directions."""
    drawn = rng.standard_normal((count, dimension))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def clustered(rng: np.random.Generator, documents: int, length: int, dimension: int) -> NDArray[np.float32]:
    """(documents x length, dimension): tokens stand about a few common places, and a document's about fewer of them."""
    places = vectors(rng, 256, dimension)
    chosen = rng.integers(0, 256, (documents, 8))
    of_token = chosen[np.arange(documents)[:, None], rng.integers(0, 8, (documents, length))]
    drawn = places[of_token.reshape(-1)] + 0.6 * vectors(rng, documents * length, dimension)
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def starts_of(lengths: list[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *lengths], dtype=np.int64)


def maxsim(
    vectors: NDArray[np.floating], starts: NDArray[np.int64], query: NDArray[np.floating]
) -> NDArray[np.float64]:
    """By the definition, one document at a time, in float64."""
    scores = np.full(len(starts) - 1, -np.inf)
    for i in range(len(scores)):
        document = vectors[starts[i] : starts[i + 1]].astype(np.float64)
        if len(document):
            scores[i] = (query.astype(np.float64) @ document.T).max(axis=1).sum()
    return scores
