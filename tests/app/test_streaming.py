from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from svrag.app import streaming
from svrag.app.streaming import Encoding, Finished, Found, Piece, Step, ask_in_steps
from svrag.errors import InputError, LibraryError, ServerError
from svrag.generation.answer import Answer
from svrag.generation.quote import QuoteGenerator
from svrag.search.result import Hit
from tests.patience import PATIENCE


class Writer:
    """Writes `pieces`, one after each permission; fails after them when told to."""

    name = "writer"

    def __init__(self, *pieces: str, error: Exception | None = None) -> None:
        self.pieces = pieces
        self.error = error
        self.may_write = threading.Semaphore(0)
        self.stopped = threading.Event()

    def answer(
        self,
        question: str,
        hits: Sequence[Hit],
        *,
        sources: Mapping[str, Path],
        background: object = None,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Answer:
        assert on_token is not None
        assert should_stop is not None
        written = ""
        for piece in self.pieces:
            self.may_write.acquire(timeout=PATIENCE)
            if should_stop():
                self.stopped.set()
                break
            on_token(piece)
            written += piece
        if self.error is not None:
            raise self.error
        return Answer(question, written, True, (), self.name)


def steps_of(
    folder: Path, writer: Writer | QuoteGenerator, stop: threading.Event | None = None
) -> Iterator[Step | Encoding]:
    return ask_in_steps(
        folder,
        "How long was the kiln fired?",
        k=3,
        documents=None,
        retriever="lexical",
        generator=writer,
        stop=stop or threading.Event(),
    )


def ask(folder: Path, writer: Writer | QuoteGenerator, stop: threading.Event | None = None) -> list[Step | Encoding]:
    return list(steps_of(folder, writer, stop))


def test_evidence_comes_first_then_the_words_then_the_checked_answer(library_folder: Path) -> None:
    first, *pieces, last = ask(library_folder, QuoteGenerator())
    assert isinstance(first, Found)
    assert isinstance(last, Finished)
    assert len(first.result.hits) == 3
    assert last.result == first.result
    assert "nine hours" in last.answer.text
    assert "".join(piece.text for piece in pieces if isinstance(piece, Piece)) == last.answer.text


def test_words_that_pile_up_are_joined_in_order(library_folder: Path) -> None:
    words = [f"{i} " for i in range(200)]
    writer = Writer(*words)
    writer.may_write.release(len(words))
    steps = ask(library_folder, writer)
    pieces = [step for step in steps if isinstance(step, Piece)]
    assert "".join(piece.text for piece in pieces) == "".join(words)
    assert [type(step) for step in steps] == [Found, *[Piece] * len(pieces), Finished]


def test_words_come_while_the_answer_is_written(library_folder: Path) -> None:
    writer = Writer("Nine ", "hours.")
    steps = iter(steps_of(library_folder, writer))
    assert isinstance(next(steps), Found)
    writer.may_write.release()
    assert next(steps) == Piece("Nine ")
    writer.may_write.release()
    assert next(steps) == Piece("hours.")
    assert next(steps).answer.text == "Nine hours."
    assert list(steps) == []


def test_an_error_comes_after_what_was_there_before_it(library_folder: Path) -> None:
    writer = Writer("Nine", error=ServerError("the server is away"))
    writer.may_write.release()
    seen: list[Step | Encoding] = []
    with pytest.raises(ServerError, match="the server is away"):
        seen.extend(steps_of(library_folder, writer))
    assert [type(step) for step in seen] == [Found, Piece]


def test_a_defect_is_not_swallowed(library_folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        ask(library_folder, Writer(error=ZeroDivisionError()))


def test_stopping_keeps_what_was_written(library_folder: Path) -> None:
    writer, stop = Writer("Nine ", "hours."), threading.Event()
    writer.may_write.release()
    seen: list[Step | Encoding] = []
    for step in steps_of(library_folder, writer, stop):
        seen.append(step)
        if isinstance(step, Piece):
            stop.set()
            writer.may_write.release()
    assert isinstance(seen[-1], Finished)
    assert seen[-1].answer.text == "Nine "


def test_who_goes_away_stops_the_writer(library_folder: Path) -> None:
    writer = Writer("Nine ", "hours.")
    steps = iter(steps_of(library_folder, writer))
    next(steps)
    steps.close()
    writer.may_write.release(2)
    assert writer.stopped.wait(PATIENCE)


def test_bad_questions_and_libraries_are_errors_for_people(library_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="no library"):
        ask(tmp_path, QuoteGenerator())
    with pytest.raises(InputError, match="no words"):
        list(
            ask_in_steps(
                library_folder,
                "?!",
                k=3,
                documents=None,
                retriever="lexical",
                generator=QuoteGenerator(),
                stop=threading.Event(),
            )
        )


def test_it_says_how_far_a_model_is_with_reading(library_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = threading.Semaphore(0)

    def reads_first(*arguments: Any, on_encoding: Callable[[str, int, int], None], **named: Any) -> Any:
        on_encoding("kiln.pdf", 1, 9)
        assert may_go_on.acquire(timeout=PATIENCE)
        for done in range(2, 10):
            on_encoding("kiln.pdf", done, 9)
        return ask_library(*arguments, **named)

    ask_library = streaming.ask
    monkeypatch.setattr(streaming, "ask", reads_first)
    steps = steps_of(library_folder, QuoteGenerator())
    assert next(steps) == Encoding("kiln.pdf", 1, 9)
    may_go_on.release()
    *reading, found = _until_found(steps)
    assert reading[-1] == Encoding("kiln.pdf", 9, 9)
    assert isinstance(found, Found)


def _until_found(steps: Iterator[Step | Encoding]) -> list[Step | Encoding]:
    seen = [next(steps)]
    while not isinstance(seen[-1], Found):
        seen.append(next(steps))
    return seen
