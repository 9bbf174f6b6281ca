"""Token pooling: token vectors that are alike become one, their mean brought back to length 1.

Clavié, Chaffin, Adams, "Reducing the Footprint of Multi-Vector Retrieval with Minimal Performance Impact via Token
Pooling" (arXiv 2409.14683): half or a third of the vectors do nearly as well, chosen by Ward's clustering best. No
token is protected: PyLate keeps the first one, ColBERT's [CLS], as it is; what is stored here comes from models with
other prompts, and a mark that says nothing joins the tokens it is like. Models can be trained for it
(svrag.training.pooling, which takes the same clusters).
"""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from svrag.errors import InputError

Method = Literal["span", "hierarchical", "kmeans", "rough"]

COARSE_FACTOR = 8
"""Of the vectors that candidates are chosen by."""

_AT_ONCE = 2048  # tokens: of longer inputs parts of this length are pooled each by itself, as room grows with n²
_ROUNDS = 8  # of rough k-means


def pooled_counts(counts: NDArray[np.int64], factor: int) -> NDArray[np.int64]:
    """How many vectors are left of so many: a `factor`-th, rounded down, but one at least of any."""
    return np.minimum(counts, np.maximum(1, counts // factor))


def pool(vectors: NDArray[np.float32], factor: int, method: Method = "hierarchical") -> NDArray[np.float32]:
    """(max(1, n // factor), d) vectors of length 1 in place of `vectors` (n, d) of length 1; in the order of the first
    token of each. The same vectors always give the same.

    Args:
        factor: from 1 to 1024.
        method: "span": neighbours in the text; "hierarchical": Ward's clustering, which merges the two clusters whose
            union is least spread, until so few are left; "kmeans": k-means from greedy k-means++; "rough": a few rounds
            of spherical k-means from tokens at even distances, for vectors that only choose candidates.

    Raises:
        ValueError: another factor.
        InputError: k-means needs torch, which is not installed.
    """
    if not 1 <= factor <= _AT_ONCE // 2:
        raise ValueError(f"pooling by {factor}: the factor is from 1 to {_AT_ONCE // 2}")
    count = len(vectors)
    wanted = min(count, max(1, count // factor))
    if wanted == count:
        return vectors
    if count > _AT_ONCE:
        parts = -(-count // _AT_ONCE)
        bounds = itertools.pairwise(count * i // parts for i in range(parts + 1))
        return np.concatenate([_pool(vectors[a:b], b // factor - a // factor, method) for a, b in bounds])
    return _pool(vectors, wanted, method)


def clusters(vectors: NDArray[np.float32], wanted: int, method: Method) -> NDArray[np.int64]:
    """The cluster of each of (n, d) vectors of length 1, (n,) from 0 to `wanted` - 1; none is empty.

    Raises:
        InputError: k-means needs torch, which is not installed.
    """
    match method:
        case "span":
            return np.arange(len(vectors)) * wanted // len(vectors)
        case "hierarchical":
            return _ward(vectors, wanted)
        case "rough":
            return _rough(vectors, wanted)
        case "kmeans":
            return _kmeans(vectors, wanted)


def _pool(vectors: NDArray[np.float32], wanted: int, method: Method) -> NDArray[np.float32]:
    count = len(vectors)
    labels = clusters(vectors, wanted, method)
    first = np.full(wanted, count)
    np.minimum.at(first, labels, np.arange(count))
    member = np.zeros((wanted, count), dtype=np.float32)
    member[np.argsort(np.argsort(first))[labels], np.arange(count)] = 1
    return _normalised(member @ vectors)


def _ward(vectors: NDArray[np.float32], wanted: int) -> NDArray[np.int64]:
    """The cluster of each vector, by nearest-neighbour chains (Murtagh 1983): Ward's tree in O(n²), cut at `wanted`.

    On vectors of length 1 the squared distance is 2 - 2 cosine.
    """
    count = len(vectors)
    distance = 1.0 - vectors @ vectors.T  # half the squared distance
    np.fill_diagonal(distance, np.inf)
    size = np.ones(count, dtype=np.float32)
    alive = np.ones(count, dtype=bool)
    merges: list[tuple[float, int, int]] = []
    chain: list[int] = []
    for _ in range(count - 1):
        if not chain:
            chain.append(int(np.argmax(alive)))
        while True:
            top = chain[-1]
            nearest = int(np.argmin(distance[top]))
            # A tie with the one before ends the chain; any other choice could go round for ever.
            if len(chain) > 1 and distance[top, chain[-2]] <= distance[top, nearest]:
                nearest = chain[-2]
                break
            chain.append(nearest)
        del chain[-2:]
        kept, gone = min(top, nearest), max(top, nearest)
        between = distance[kept, gone]
        merges.append((float(between), kept, gone))
        # Lance and Williams' formula for Ward's criterion.
        a, b = size[kept], size[gone]
        updated = ((a + size) * distance[kept] + (b + size) * distance[gone] - size * between) / (a + b + size)
        alive[gone] = False
        size[kept] = a + b
        updated[~alive] = np.inf
        updated[kept] = np.inf
        distance[kept] = distance[:, kept] = updated
        distance[gone] = distance[:, gone] = np.inf
    merges.sort()
    parent = np.arange(count)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = int(parent[parent[i]])
        return i

    for _, a_token, b_token in merges[: count - wanted]:
        parent[root(b_token)] = root(a_token)
    _, labels = np.unique([root(i) for i in range(count)], return_inverse=True)
    return np.asarray(labels, dtype=np.int64)


def _kmeans(vectors: NDArray[np.float32], wanted: int) -> NDArray[np.int64]:
    try:
        import torch

        from svrag.retrievers.maxsim.kmeans import kmeans
    except ModuleNotFoundError:
        raise InputError('pooling by kmeans needs torch: pip install "svrag[models]", or pool by span') from None
    tokens = torch.from_numpy(np.ascontiguousarray(vectors))[None]
    labels = kmeans(tokens, torch.ones(1, len(vectors), dtype=torch.bool), torch.tensor([wanted]))
    return np.asarray(labels[0].numpy(), dtype=np.int64)


def _rough(vectors: NDArray[np.float32], wanted: int) -> NDArray[np.int64]:
    count = len(vectors)
    centres = vectors[np.arange(wanted) * count // wanted]
    labels = np.full(count, -1, dtype=np.int64)
    for _ in range(_ROUNDS):
        cosines = vectors @ centres.T
        chosen = np.argmax(cosines, axis=1)
        chosen = fill_empty(chosen, cosines[np.arange(count), chosen], wanted)
        if np.array_equal(chosen, labels):
            break
        labels = chosen
        member = np.zeros((wanted, count), dtype=np.float32)
        member[labels, np.arange(count)] = 1
        centres = _normalised(member @ vectors)
    return labels


def fill_empty(labels: NDArray[np.int64], fit: NDArray[np.float32], wanted: int) -> NDArray[np.int64]:
    """Each empty cluster gets the vector that fits its own worst, out of a cluster of several.

    Args:
        fit: of each vector to its cluster.
    """
    labels = labels.copy()
    sizes = np.bincount(labels, minlength=wanted)
    empty = np.flatnonzero(sizes == 0)
    for token in np.argsort(fit, kind="stable"):
        if not len(empty):
            break
        if sizes[labels[token]] > 1:
            sizes[labels[token]] -= 1
            labels[token], empty = empty[0], empty[1:]
    return labels


def _normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(np.einsum("td,td->t", vectors, vectors))
    return np.asarray(vectors / np.maximum(lengths, 1e-12)[:, None], dtype=np.float32)
