"""What a model looked at on a page, for the whole question or one of its words; the words are made of its tokens."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from svrag.search.explain import Explanation


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the question and which of the model's tokens it is made of."""

    text: str
    tokens: tuple[int, ...]


def words_of(explanation: Explanation) -> tuple[Word, ...]:
    """The words of the question that have tokens of their own.

    Tokens that cannot be found in the question, as when a letter is several of them, stand for themselves.
    """
    asked = explanation.asked()
    pieces = ["".join(word.split()) for word in explanation.words]
    start = "".join(pieces).lower().find("".join(explanation.question.split()).lower())
    if start < 0:
        return tuple(Word(pieces[i], (i,)) for i in asked if pieces[i])
    ends = list(itertools.accumulate(map(len, pieces)))
    found = []
    for text in explanation.question.split():
        own = tuple(i for i in asked if start < ends[i] <= start + len(text))
        if own:
            found.append(Word(text.strip(".,;:!?\"'()[]") or text, own))
        start += len(text)
    return tuple(found)


def heat_address(explanation: Explanation, word: Word | None) -> str:
    """The page with what was looked at for `word`, or for the whole question, as a data: address."""
    from svrag.app.pictures import data_address
    from svrag.search.drawing import heat

    return data_address(heat(explanation, tokens=word.tokens if word else None))
