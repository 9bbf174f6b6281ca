"""Batches with topics in given shares, and batches of at most so many tokens.

Both keep to the rule of `svrag.training.order`: a stream of examples that depends on the seed and the place in it alone,
cut into batches of all processes together, so that a run can be resumed, and is the same for any number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from svrag.errors import InputError
from svrag.training.batch import Example
from svrag.training.config import TopicGroup
from svrag.training.models.trainable import Trainable

_PERIOD = 1000  # places after which groups come in the same order again


class TopicStream:
    """An endless stream in which each group of topics has its share of any stretch, give or take one or two examples.

    Each group's examples come one permutation after another. Examples of topics in no group never come.

    Args:
        topics: of each example.

    Raises:
        InputError: a group has no example, a topic is in two groups, or no group has a share.
    """

    def __init__(self, topics: Sequence[object], groups: Sequence[TopicGroup], seed: int) -> None:
        named = [topic for group in groups for topic in group.topics]
        if len(set(named)) < len(named):
            raise InputError(f"batches.groups: a topic is in two groups, {', '.join(named)}")
        self._rows = [np.flatnonzero([topic in group.topics for topic in topics]) for group in groups]
        for group, rows in zip(groups, self._rows, strict=True):
            if not len(rows):
                there = ", ".join(sorted({str(topic) for topic in topics})[:12])
                raise InputError(f"batches.groups: no row is of {', '.join(group.topics)}; there are {there}")
        shares = np.array([group.share for group in groups])
        if not shares.sum():
            raise InputError("batches.groups: every share is 0: nothing would be drawn")
        self._groups = _evenly(shares / shares.sum())
        # How often each group has come before each place of a period, and in a whole one.
        came = np.cumsum(self._groups[:, None] == np.arange(len(groups)), axis=0)
        self._before, self._whole = np.vstack([np.zeros_like(came[:1]), came[:-1]]), came[-1]
        self._seed = seed
        self._permutations: dict[int, tuple[int, np.ndarray]] = {}

    def __call__(self, place: int) -> int:
        """The number of the example at a place of the stream."""
        cycle, within = divmod(place, _PERIOD)
        group = int(self._groups[within])
        turn = int(cycle * self._whole[group] + self._before[within, group])
        rows = self._rows[group]
        epoch, number = divmod(turn, len(rows))
        if self._permutations.get(group, (-1,))[0] != epoch:
            drawn = np.random.default_rng([self._seed, group, epoch]).permutation(rows)
            self._permutations[group] = epoch, drawn
        return int(self._permutations[group][1][number])


class TokenBatches(Sampler[list[int]]):
    """The batches of one process where those of all processes together hold at most so many tokens of documents.

    What is padding counts: tokens are the documents of the batch times the longest of them. Each process takes as even a
    part as there is. A batch has one example of each process at least, however long they are.

    Args:
        stream: the number of the example at a place.
        sizes: of an example: its documents, and the tokens of the longest.
        tokens: of a batch of all processes.
        most: examples of a batch of all processes.
        batches: how many are made.
    """

    def __init__(
        self,
        stream: Callable[[int], int],
        sizes: Callable[[int], tuple[int, int]],
        *,
        tokens: int,
        most: int,
        processes: int,
        process: int,
        batches: int,
    ) -> None:
        self._stream, self._sizes, self._tokens, self._most = stream, sizes, tokens, most
        self._processes, self._process, self._batches = processes, process, batches

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[list[int]]:
        place = 0
        for _ in range(self._batches):
            chosen: list[int] = []
            documents = longest = 0
            while len(chosen) < self._most:
                number = self._stream(place)
                count, length = self._sizes(number)
                documents, longest = documents + count, max(longest, length)
                if len(chosen) >= self._processes and documents * longest > self._tokens:
                    break
                chosen.append(number)
                place += 1
            bounds = [len(chosen) * rank // self._processes for rank in (self._process, self._process + 1)]
            yield chosen[bounds[0] : bounds[1]]


class Sizes:
    """Documents of an example and tokens of the longest, as the model reads them; kept once they are known.

    Raises:
        InputError: a document is a picture.
    """

    def __init__(self, examples: Sequence[Example], trainable: Trainable) -> None:
        self._examples, self._trainable = examples, trainable
        self._known: dict[int, tuple[int, int]] = {}

    def __call__(self, number: int) -> tuple[int, int]:
        if number not in self._known:
            documents = self._examples[number].documents
            if any(document.picture for document in documents):
                raise InputError("batches.tokens counts tokens of texts, but the data have pictures: leave it out")
            made = self._trainable.prepare(documents, query=False)
            self._known[number] = len(documents), made["attention_mask"].shape[1]
        return self._known[number]


def _evenly(shares: np.ndarray) -> np.ndarray:
    """(_PERIOD,) numbers of groups: at each place the one comes that is furthest behind its share."""
    credit, order = np.zeros(len(shares)), []
    for _ in range(_PERIOD):
        credit += shares
        order.append(int(np.argmax(credit)))
        credit[order[-1]] -= 1
    return np.array(order)
