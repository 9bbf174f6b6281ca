"""From the data part of a recipe to the examples that are learnt from, and those that are held out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from svrag.errors import InputError
from svrag.training.batch import Example
from svrag.training.config import FileData, Recipe, TrainingData
from svrag.training.data.anchors import AnchorData, GraphDocument, split_documents
from svrag.training.data.files import FileExamples, examples_of
from svrag.training.data.graphs import graph_documents

_MOST_ANCHORS = 512  # that are held out: each ranks a pool


class Some(Sequence[Example]):
    """Some of many examples, which are read when they are asked for."""

    def __init__(self, all_: Sequence[Example], rows: Sequence[int]) -> None:
        self.all, self._rows = all_, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Example:  # type: ignore[override]  # nobody takes slices
        return self.all[self._rows[index]]

    def of_these(self, values: Sequence[object]) -> list[object]:
        """Of values for all examples, those of these."""
        return [values[row] for row in self._rows]


def skipped_rows(examples: Sequence[Example]) -> int:
    """Rows of a file that are no examples: without a question or a document."""
    if isinstance(examples, Some):
        return skipped_rows(examples.all)
    return examples.skipped if isinstance(examples, FileExamples) else 0


def topics_of(examples: Sequence[Example], column: str) -> list[object]:
    """What a column of the file says of each example.

    Raises:
        InputError: there is no such column.
    """
    if isinstance(examples, Some):
        return examples.of_these(topics_of(examples.all, column))
    if not isinstance(examples, FileExamples):
        raise InputError(f"batches.category: the examples are no rows of a file with a column {column}")
    return examples.values(column)


def datasets_of(
    recipe: Recipe, *, pictures: bool, per_step: int
) -> tuple[Sequence[Example], Sequence[Example] | None]:
    """What is learnt from, and what is held out; None where nothing is.

    Args:
        pictures: figures of graphs are read as pictures; else by their words.
        per_step: examples of a step, of all processes.

    Raises:
        InputError: files are missing or wrong, or too few to hold some out.
    """
    data, seed = recipe.data, recipe.optimisation.seed
    if isinstance(data.train, FileData):
        every = examples_of(data.train)
        if not data.held_out_share:
            return every, _held_out(recipe, pictures)
        order = np.random.default_rng(seed).permutation(len(every)).tolist()
        count = round(len(every) * data.held_out_share)
        if not 0 < count < len(every):
            raise InputError(f"data.held_out_share: {data.held_out_share} of {len(every)} rows leaves one side empty")
        return Some(every, order[count:]), Some(every, order[:count])
    documents = graph_documents(data.train, pictures=pictures)
    if not data.held_out_share:
        return _anchors(recipe, documents, per_step), _held_out(recipe, pictures)
    kept, apart = split_documents(documents, data.held_out_share, seed)
    return _anchors(recipe, kept, per_step), _some_anchors(recipe, apart)


def _held_out(recipe: Recipe, pictures: bool) -> Sequence[Example] | None:
    data: TrainingData | None = recipe.data.held_out
    if data is None:
        return None
    if isinstance(data, FileData):
        return examples_of(data)
    return _some_anchors(recipe, graph_documents(data, pictures=pictures))


def _anchors(recipe: Recipe, documents: Sequence[GraphDocument], per_step: int) -> AnchorData:
    """As many as the steps take, or once as many as there are anchors; whole groups."""
    steps, seed, group = recipe.optimisation.steps, recipe.optimisation.seed, recipe.sampler.group
    length = steps * per_step if steps else _count(recipe, documents)
    return AnchorData(documents, recipe.sampler, seed, math.ceil(length / group) * group)


def _some_anchors(recipe: Recipe, documents: Sequence[GraphDocument]) -> AnchorData:
    length = min(_MOST_ANCHORS, _count(recipe, documents))
    alone = recipe.sampler.model_copy(update={"group": 1})  # what is measured does not depend on how it is learnt
    return AnchorData(documents, alone, recipe.optimisation.seed, length)


def _count(recipe: Recipe, documents: Sequence[GraphDocument]) -> int:
    return sum(AnchorData(documents, recipe.sampler, recipe.optimisation.seed, 1).counts().values())
