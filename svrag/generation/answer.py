"""The answer as data, and what every generator promises. No text is written here.

An answer refers to its evidence as [1], [2], ...; `Answer.citations` says what each number stands for. Square brackets
around numbers mean nothing else in `Answer.text`: reference marks of the documents themselves are written ⟦1⟧ or
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from svrag.documents.model import Element
from svrag.generation.background import NOTHING_ELSE, Background
from svrag.generation.conversation import Turn
from svrag.search.result import Hit

NOT_FOUND = "Not found in the documents."
"""The whole text of an answer when the evidence does not hold one."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A piece of evidence an answer rests on.

    Attributes:
        n: its number in the answer's text.
        score: the retriever's score of the element.
        quote: the sentence or table row of the element the answer rests on, as it stands there (white space aside);
            for a figure that was seen only as a picture, its caption; "" when the element has no words.
    """

    n: int
    element: Element
    document_name: str
    score: float
    quote: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a generator made of a question and its evidence.

    Attributes:
        text: the answer, with [n] after what it takes from citation n.
        answerable: False when the evidence does not hold the answer; the text then begins with `NOT_FOUND`, or is
            empty when it was stopped before the first word.
        citations: by number, the cited ones only; all evidence given when the text cites nothing (see `notes`).
        generator: name of the generator.
        removed_citations: citations the text held that were not in the evidence; they are gone from it.
        unsupported: numbers of the text, as written, that do not stand in what they cite: computed, seen only in a
            picture, or made up.
        seconds: time taken to write it.
        short: the words of `text` that are the answer itself, where the generator says which; "" otherwise.
        notes: what a reader should know ("the server takes no pictures: ..."), one line each.
    """

    question: str
    text: str
    answerable: bool
    citations: tuple[Citation, ...]
    generator: str
    removed_citations: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    short: str = ""


class Generator(Protocol):
    """Whoever writes answers."""

    @property
    def name(self) -> str:
        """What `--generator` calls it."""

    def answer(
        self,
        question: str,
        hits: Sequence[Hit],
        *,
        sources: Mapping[str, Path],
        background: Background = NOTHING_ELSE,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Answer:
        """Answer `question` from `hits`, best first.

        Args:
            sources: the file of each document by its id, for pictures; a missing one means no pictures of it.
            background: what is known beside the hits.
            on_token: gets the text piece by piece while it is written, before citations are checked: show it as it
                comes, and put `Answer.text` in its place at the end.
            should_stop: asked between pieces; when true, the text so far is the answer, with a note.

        Raises:
            InputError: the question has no words.
            ServerError: a model server is away, refuses or answers nonsense.
        """

    def standalone(self, question: str, history: Sequence[Turn]) -> str:
        """`question` with what it takes from `history` (at least one turn, oldest first) put in, so that it can be
        searched for and answered alone; as it is where nothing is missing.

        Raises:
            InputError: the model cannot be loaded.
            ServerError: a model server is away.
        """
