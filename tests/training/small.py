"""A late-interaction model of two towers and a few hundred weights, and batches for it of questions that are computed.

Documents of odd numbers are pictures and go through weights that texts do not use; lengths differ; some documents
belong to several questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from svrag.training.batch import Batch, Chunk, TokenBatch


class Small(nn.Module):
    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.pixels = nn.Embedding(30, 12), nn.Linear(5, 12)
        self.place = nn.Parameter(torch.randn(12))
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(12, 12)
        self.text_head, self.picture_head = nn.Linear(12, 8), nn.Linear(12, 8)

    def forward(
        self, mask: Tensor, place: Tensor, words: Tensor | None = None, pixels: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        first = self.words(words) if words is not None else self.pixels(pixels)
        first = self.dropout(first) + self.place * place[:, :, None]
        around = (first * mask[:, :, None]).sum(1, keepdim=True) / mask.sum(1)[:, None, None]
        hidden = self.dropout(self.hidden(first + around).tanh())
        head = self.text_head if words is not None else self.picture_head
        return normalize(head(hidden), dim=-1), mask


def encoder(model: nn.Module) -> Callable[[Chunk], TokenBatch]:
    return lambda chunk: TokenBatch(*model(**chunk.inputs))


@dataclass(frozen=True, slots=True)
class Question:
    number: int
    documents: tuple[int, ...]
    relevance: tuple[float, ...]


def questions(count: int) -> list[Question]:
    """Of 3 to 5 documents out of few: neighbours share some. The first is relevant, others more or less."""
    made = []
    for number in range(count):
        random = Random(number)
        documents = (
            2 * number,
            *random.sample([n for n in range(2 * count) if n != 2 * number], random.randint(2, 4)),
        )
        relevance = (1.0, *(random.choice([0.0, 0.0, 0.05, 0.6]) for _ in documents[1:]))
        made.append(Question(number, documents, relevance))
    return made


def batch_of(some: Sequence[Question], chunk: int, *, placeless: bool) -> Batch:
    """Chunks of at most so many; each distinct document once. Questions of even numbers have a place."""
    numbers = list(dict.fromkeys(number for question in some for number in question.documents))
    most = max(len(question.documents) for question in some)
    pool = torch.full((len(some), most), -1)
    relevance = torch.zeros(len(some), most)
    for i, question in enumerate(some):
        for j, (number, value) in enumerate(zip(question.documents, question.relevance, strict=True)):
            pool[i, j], relevance[i, j] = numbers.index(number), value
    asked = [1000 + question.number for question in some]
    placed = [i for i, number in enumerate(asked) if number % 2 == 0]
    return Batch(
        _chunks(asked, range(len(asked)), chunk, text=True, place=True),
        (
            *_chunks(numbers, [i for i, n in enumerate(numbers) if n % 2 == 0], chunk, text=True, place=True),
            *_chunks(numbers, [i for i, n in enumerate(numbers) if n % 2], chunk, text=False, place=True),
        ),
        _chunks(asked, placed if placeless else [], chunk, text=True, place=False),
        pool,
        relevance,
        torch.tensor(asked),
        torch.tensor(numbers),
    )


def _chunks(numbers: Sequence[int], rows: Sequence[int], size: int, *, text: bool, place: bool) -> tuple[Chunk, ...]:
    parts = [list(rows[start : start + size]) for start in range(0, len(rows), size)]
    return tuple(_chunk([numbers[row] for row in part], part, text=text, place=place) for part in parts)


def _chunk(numbers: Sequence[int], rows: list[int], *, text: bool, place: bool) -> Chunk:
    lengths = [Random(number).randint(1, 20) for number in numbers]
    shape = (len(numbers), max(lengths))
    inputs = {"mask": torch.zeros(shape, dtype=torch.bool), "place": torch.zeros(shape)}
    content = torch.zeros(shape, dtype=torch.int64) if text else torch.zeros(*shape, 5)
    for i, (number, length) in enumerate(zip(numbers, lengths, strict=True)):
        made = torch.Generator().manual_seed(number)
        inputs["mask"][i, :length] = True
        inputs["place"][i] = float(place and number % 2 == 0)
        content[i, :length] = (
            torch.randint(0, 30, (length,), generator=made) if text else torch.randn(length, 5, generator=made)
        )
    return Chunk({**inputs, "words" if text else "pixels": content}, torch.tensor(rows))


def gradient_of(model: nn.Module) -> Tensor:
    """Of all weights, one after the other."""
    return torch.cat([(w.grad if w.grad is not None else torch.zeros_like(w)).flatten() for w in model.parameters()])


def difference(one: Tensor, other: Tensor) -> float:
    """Relative error."""
    return float((one - other).norm() / other.norm())
