"""Many inputs through a model, some at a time and in any order; the results come back in the order of the inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from svrag.retrievers.multivector.encoder import Progress, Tokens

_Made = TypeVar("_Made")


def in_batches(
    sizes: Sequence[int], at_once: int, make: Callable[[list[int]], Sequence[_Made]], on_progress: Progress
) -> list[_Made]:
    """What `make` gives for each input.

    Args:
        sizes: of the inputs; those of similar size go together, so that little is computed for padding.
        make: told which inputs to take together, by their positions; returns one result for each.
    """
    order = sorted(range(len(sizes)), key=sizes.__getitem__)
    found: dict[int, _Made] = {}
    for start in range(0, len(order), at_once):
        some = order[start : start + at_once]
        found.update(zip(some, make(some), strict=True))
        on_progress(len(found), len(order))
    return [found[i] for i in range(len(sizes))]


def texts_in_batches(
    texts: Sequence[str],
    at_once: int,
    make: Callable[[list[int]], Sequence[Tokens]],
    dimension: int,
    on_progress: Progress,
) -> list[Tokens]:
    """The same for texts as documents; one without words has no tokens, whatever prompt would stand around it."""
    said = [i for i, text in enumerate(texts) if text.strip()]
    found = [Tokens(np.empty((0, dimension), dtype=np.float32), ())] * len(texts)
    sizes = [len(texts[i]) for i in said]
    made = in_batches(sizes, at_once, lambda some: make([said[i] for i in some]), on_progress)
    for i, tokens in zip(said, made, strict=True):
        found[i] = tokens
    return found
