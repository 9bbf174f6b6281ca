from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from svrag.graph.places import Place
from svrag.training.batch import Example, Item
from svrag.training.collate import Collator
from svrag.training.vectors import chunks_of
from tests.training.models.families import Stripes

PLACE = Place("caption", "method", 1.0, 0.5)
ONE, TWO, THREE = Item("one"), Item("number two", place=PLACE), Item(picture=Stripes(3))
EXAMPLES = [
    Example(Item("which?", place=PLACE), (TWO, ONE, THREE), (1.0, 0.0, 0.25)),
    Example(Item("why?"), (THREE, replace(TWO)), (1.0, 0.5)),
    Example(Item(picture=Stripes(9)), (ONE,), (1.0,)),
]


class Lengths:
    """A model whose inputs tell what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[Item], bool]] = []

    def prepare(self, items: Sequence[Item], *, query: bool) -> dict[str, Tensor]:
        self.asked.append((list(items), query))
        return {"lengths": torch.tensor([len(item.text) for item in items])}


def test_each_distinct_document_is_in_a_batch_once() -> None:
    batch = Collator(Lengths(), chunk=None, placeless=False)(EXAMPLES)  # type: ignore[arg-type]
    assert batch.document_numbers.tolist() == [item.number for item in (TWO, ONE, THREE)]
    assert batch.query_numbers.tolist() == [example.query.number for example in EXAMPLES]
    assert batch.pool.tolist() == [[0, 1, 2], [2, 0, -1], [1, -1, -1]]
    assert batch.relevance.tolist() == [[1.0, 0.0, 0.25], [1.0, 0.5, 0.0], [1.0, 0.0, 0.0]]
    assert batch.placeless == ()


def test_chunks_hold_each_row_once_items_of_one_kind_and_no_more_than_they_may() -> None:
    for chunk in (None, 1, 2):
        asked = Lengths()
        batch = Collator(asked, chunk=chunk, placeless=True)(EXAMPLES)  # type: ignore[arg-type]
        assert sorted(row for part in batch.queries for row in part.rows.tolist()) == [0, 1, 2]
        assert sorted(row for part in batch.documents for row in part.rows.tolist()) == [0, 1, 2]
        assert [row for part in batch.placeless for row in part.rows.tolist()] == [0]
        assert len(asked.asked) == len(chunks_of(batch))
        for (items, _), part in zip(asked.asked, chunks_of(batch), strict=True):
            assert len({item.picture is None for item in items}) == 1
            assert len(items) == len(part.rows) <= (chunk or 3)
        placeless = asked.asked[-1]
        assert placeless == ([Item("which?")], True)


def test_rows_are_those_of_their_items() -> None:
    asked = Lengths()
    batch = Collator(asked, chunk=None, placeless=False)(EXAMPLES)  # type: ignore[arg-type]
    documents = (TWO, ONE, THREE)
    for (items, query), part in zip(asked.asked, chunks_of(batch), strict=True):
        whole = [example.query for example in EXAMPLES] if query else documents
        assert [whole[row] for row in part.rows] == items


def test_a_batch_of_one_example() -> None:
    batch = Collator(Lengths(), chunk=4, placeless=True)(EXAMPLES[2:])  # type: ignore[arg-type]
    assert batch.pool.tolist() == [[0]]
    assert batch.placeless == ()
