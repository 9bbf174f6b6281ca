"""Which examples a process reads when: a pure function of the seed and the step, so that a run can be resumed or shared.

Examples come in an endless stream, one permutation of them all (or of groups of them) after another. A step takes the
next batch x accumulate x processes of it, the same ones however they are split, so each step has as many questions as
the next. Batch number a of a step is the same for all processes together as for one process that reads it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import Sampler


class Order(Sampler[list[int]]):
    """The batches of one process, from the first step to the last.

    Args:
        examples: how many there are, 1 or more.
        batch: examples of a batch of one process.
        accumulate: batches of a step.
        steps: how many are made.
        stream: the number of the example at a place, instead of one permutation after another.
    """

    def __init__(
        self,
        examples: int,
        *,
        batch: int,
        accumulate: int,
        processes: int,
        process: int,
        steps: int,
        seed: int,
        stream: Callable[[int], int] | None = None,
    ) -> None:
        self._stream = stream or Permutations(examples, seed)
        self._batch, self._processes, self._process = batch, processes, process
        self._batches = steps * accumulate

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[list[int]]:
        for number in range(self._batches):
            first = (number * self._processes + self._process) * self._batch
            yield [self._stream(place) for place in range(first, first + self._batch)]


class Permutations:
    """An endless stream of all examples: one permutation after another.

    Args:
        group: examples in a row that stay in a row; `examples` is a multiple of it.
    """

    def __init__(self, examples: int, seed: int, group: int = 1) -> None:
        self._examples, self._seed, self._group = examples, seed, group
        self._epoch, self._permutation = -1, np.empty(0, dtype=np.int64)

    def __call__(self, place: int) -> int:
        """The number of the example at a place of the stream."""
        epoch, within = divmod(place, self._examples)
        if epoch != self._epoch:
            groups = np.random.default_rng([self._seed, epoch]).permutation(self._examples // self._group)
            self._permutation = (groups[:, None] * self._group + np.arange(self._group)).ravel()
            self._epoch = epoch
        return int(self._permutation[within])
