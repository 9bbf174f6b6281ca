"""A conversation as the page keeps it: questions, what was found for each, what was answered. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from svrag.app.evidence import Evidence
from svrag.app.pictures import CardPicture
from svrag.generation.answer import Answer
from svrag.generation.conversation import Turn
from svrag.search.result import SearchResult


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what came of it so far.

    Attributes:
        evidence: cited first, once there is an answer.
        pictures: of the evidence, by element id.
        written: the answer while it is written.
        failure: why there is no answer; "" when all is well.
    """

    question: str
    evidence: tuple[Evidence, ...] = ()
    pictures: Mapping[str, CardPicture] = field(default_factory=dict)
    result: SearchResult | None = None
    answer: Answer | None = None
    written: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Exchanges, oldest first; `focus` is the one whose evidence is spread out, -1 when there is none."""

    exchanges: tuple[Exchange, ...] = ()
    focus: int = -1

    def asked(self, question: str) -> Conversation:
        """With a new question, which gets the focus."""
        return Conversation((*self.exchanges, Exchange(question)), len(self.exchanges))

    def latest(self, exchange: Exchange) -> Conversation:
        """With `exchange` in the place of the newest one."""
        return replace(self, exchanges=(*self.exchanges[:-1], exchange))

    def focused(self, number: int) -> Conversation:
        return replace(self, focus=number) if 0 <= number < len(self.exchanges) else self

    def history(self) -> tuple[Turn, ...]:
        """What follow-up questions rest on: the answered questions."""
        return tuple(Turn(one.question, one.answer.text) for one in self.exchanges if one.answer is not None)

    def evidence(self, turn: int, index: int) -> Evidence | None:
        """Piece `index` of exchange `turn`, both from 0; None when there is none."""
        if not 0 <= turn < len(self.exchanges) or not 0 <= index < len(self.exchanges[turn].evidence):
            return None
        return self.exchanges[turn].evidence[index]
