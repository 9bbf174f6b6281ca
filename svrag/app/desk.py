"""Asking at the page: a conversation with follow-ups, each answer as it comes, stopped when its reader says so.

Nothing is decided here that the command line does not do the same way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from svrag.app import markup
from svrag.app.cards import cards_html
from svrag.app.evidence import cited_first, found
from svrag.app.exchange import Conversation, Exchange
from svrag.app.pictures import card_pictures
from svrag.app.streaming import Encoding, Finished, Found, Piece, ask_in_steps
from svrag.errors import SvragError
from svrag.generation.answer import Generator
from svrag.library.store import Library
from svrag.settings import DEFAULT_ENCODER

WORDS_ONLY = "lexical"


@dataclass(frozen=True, slots=True)
class Shown:
    """The conversation as HTML: exchanges before the one in focus, this one, its evidence, those after it.

    What is None stays as it is on the page.
    """

    conversation: Conversation
    before: str | None = None
    current: str | None = None
    cards: str | None = None
    after: str | None = None


@dataclass(frozen=True)
class Desk:
    """Answers for all sessions of a server."""

    encoder: str = DEFAULT_ENCODER
    _stops: dict[str, threading.Event] = field(default_factory=dict)

    def ask(
        self,
        folder: Path,
        session: str,
        conversation: Conversation,
        question: str,
        *,
        documents: Sequence[str],
        retriever: str,
        generator: Callable[[], Generator],
        k: int,
    ) -> Iterator[Shown]:
        """The conversation with `question`, as its answer comes. An error becomes the exchange's `failure`.

        Args:
            session: whose `stop` ends it.
            documents: ids to look in; none means all.
            generator: called once; a generator may be a model that is loaded then.
        """
        stop = self._stops[session] = threading.Event()
        history = conversation.history()
        now = conversation.asked(question.strip())
        turn = now.focus
        exchange = now.exchanges[-1]
        doing = "Looking for evidence…" if retriever == WORDS_ONLY else f"Looking for evidence with {retriever}…"
        yield replace(shown(now, []), current=markup.working_html(exchange.question, doing))
        try:
            with Library.open(folder, create=False) as library:
                if not library.documents():
                    raise SvragError("the library is empty: add a document first")
            steps = ask_in_steps(
                folder,
                exchange.question,
                k=k,
                documents=list(documents) or None,
                retriever=retriever,
                encoder=self.encoder,
                generator=generator(),
                stop=stop,
                history=history,
            )
            for step in steps:
                match step:
                    case Encoding(name, done, total):
                        said = f"{retriever} reads {name}: {done} of {total}"
                        yield Shown(now, current=markup.working_html(exchange.question, said))
                    case Found(result):
                        evidence = found(result)
                        with Library.open(folder, create=False) as library:
                            pictures = card_pictures(library, evidence)
                        exchange = replace(exchange, evidence=evidence, pictures=pictures, result=result)
                        yield Shown(now.latest(exchange), cards=cards_html(turn, evidence, pictures))
                    case Piece(piece):
                        exchange = replace(exchange, written=exchange.written + piece)
                        current = markup.writing_html(exchange.question, exchange.written)
                        yield Shown(now.latest(exchange), current=current)
                    case Finished(result, answer):
                        evidence = cited_first(result, answer)
                        exchange = replace(exchange, evidence=evidence, result=result, answer=answer)
                        yield Shown(
                            now.latest(exchange),
                            current=markup.exchange_html(turn, exchange),
                            cards=cards_html(turn, evidence, exchange.pictures),
                        )
        except SvragError as error:
            exchange = replace(exchange, failure=str(error))
            yield Shown(now.latest(exchange), current=markup.exchange_html(turn, exchange))
        finally:
            stop.set()
            if self._stops.get(session) is stop:
                del self._stops[session]

    def stop(self, session: str) -> None:
        """End the answer that this session is waiting for; what is written so far stays."""
        if stop := self._stops.get(session):
            stop.set()

    def end(self) -> None:
        """Cut short whatever is answered: the program is about to end."""
        for stop in list(self._stops.values()):
            stop.set()


def shown(conversation: Conversation, examples: Sequence[str], documents: int = 0) -> Shown:
    """The whole conversation; without one, what there is to do in a library of so many documents."""
    exchanges, focus = conversation.exchanges, conversation.focus
    if not exchanges:
        return Shown(conversation, "", markup.welcome_html(documents, examples), "", "")
    one: Exchange = exchanges[focus]
    return Shown(
        conversation,
        before=markup.compact_html(exchanges[:focus], 0),
        current=markup.exchange_html(focus, one),
        cards=cards_html(focus, one.evidence, one.pictures),
        after=markup.compact_html(exchanges[focus + 1 :], focus + 1),
    )
