"""A question asked in a thread of its own, step by step: what was found, the answer as it is written, the end.

The library is opened in that thread, since it must not change threads, and a web server takes the steps in any.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from svrag.generation.answer import Answer, Generator
from svrag.generation.ask import ask
from svrag.generation.conversation import Turn
from svrag.library.store import Library
from svrag.search.result import SearchResult
from svrag.settings import DEFAULT_ENCODER


@dataclass(frozen=True, slots=True)
class Encoding:
    """A model reads a document of this name: `done` of `total` passages or pages."""

    document_name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Found:
    """The evidence, before the answer is written."""

    result: SearchResult


@dataclass(frozen=True, slots=True)
class Piece:
    """More of the answer, not yet checked."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer with its citations: put its text in the place of the pieces."""

    result: SearchResult
    answer: Answer


Step = Found | Piece | Finished


def ask_in_steps(
    folder: Path,
    question: str,
    *,
    k: int,
    documents: Sequence[str] | None,
    retriever: str,
    generator: Generator,
    stop: threading.Event,
    encoder: str = DEFAULT_ENCODER,
    history: Sequence[Turn] = (),
) -> Iterator[Step | Encoding]:
    """Ask the library in `folder`; what comes faster than it is taken is joined.

    Args:
        stop: set it to end the answer early; it is set when the iterator is closed.
        history: of the conversation, oldest first; see `ask`.

    Raises:
        SvragError: as `ask` does, after the steps before it.
    """
    steps: SimpleQueue[Step | Encoding | BaseException] = SimpleQueue()

    def work() -> None:
        try:
            with Library.open(folder, create=False) as library:
                result, answer = ask(
                    library,
                    question,
                    k=k,
                    documents=documents,
                    retriever=retriever,
                    encoder=encoder,
                    generator=generator,
                    history=history,
                    on_result=lambda result: steps.put(Found(result)),
                    on_token=lambda text: steps.put(Piece(text)),
                    should_stop=stop.is_set,
                    on_encoding=lambda name, done, total: steps.put(Encoding(name, done, total)),
                )
            steps.put(Finished(result, answer))
        except BaseException as error:  # whatever it is belongs to whoever waits for the steps
            steps.put(error)

    threading.Thread(target=work, name="svrag-ask", daemon=True).start()
    try:
        for step in _joined(steps):
            if isinstance(step, BaseException):
                raise step
            yield step
            if isinstance(step, Finished):
                return
    finally:
        stop.set()


def _joined(steps: SimpleQueue[Step | Encoding | BaseException]) -> Iterator[Step | Encoding | BaseException]:
    while True:
        step = steps.get()
        while isinstance(step, (Piece, Encoding)) and not steps.empty():
            following = steps.get()
            if isinstance(step, Piece) and isinstance(following, Piece):
                step = Piece(step.text + following.text)
            elif isinstance(step, Encoding) and isinstance(following, Encoding):
                step = following
            else:
                yield step
                step = following
        yield step
