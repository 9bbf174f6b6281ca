from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from svrag.errors import ServerError
from svrag.generation import ask as module
from svrag.generation.ask import ask
from svrag.generation.background import NOTHING_ELSE
from svrag.generation.chat import ServerChat
from svrag.generation.conversation import Turn
from svrag.generation.generator import ModelGenerator
from svrag.generation.quote import QuoteGenerator
from svrag.search.result import SearchResult
from tests.generation.evidence import POTTERY, hits


@dataclass(frozen=True)
class Stored:
    id: str
    source: Path


class Shelf:
    """As much of a library as `ask` touches itself."""

    def stored(self, document_id: str) -> Stored:
        return Stored(document_id, Path(f"/files/{document_id}.pdf"))


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `search` was called with; it finds the pottery."""
    calls: list[dict[str, Any]] = []

    def search(library: object, question: str, **rest: Any) -> SearchResult:
        calls.append({"question": question, **rest})
        return SearchResult(question, tuple(hits(*POTTERY)), (), rest["retriever"], 0.01)

    monkeypatch.setattr(module, "search", search)
    monkeypatch.setattr(module, "background", lambda *rest: NOTHING_ELSE)
    return calls


def test_retrieves_then_answers(searched: list[dict[str, Any]]) -> None:
    question = "What is the mean weight of the bowls?"
    result, answer = ask(
        Shelf(),  # type: ignore[arg-type]
        question,
        k=4,
        documents=["d0"],
        retriever="dense",
        encoder="models/e5",
        generator=QuoteGenerator(),
    )
    (call,) = searched
    assert call.items() >= {
        "question": question, "k": 4, "documents": ["d0"], "retriever": "dense", "encoder": "models/e5",
    }.items()  # fmt: skip
    assert len(result.hits) == 4
    assert "318 grams" in answer.text
    assert answer.seconds >= 0


def test_sources_are_the_files_of_the_documents_found(searched: list[dict[str, Any]]) -> None:
    given: dict[str, Path] = {}

    class Recorder(QuoteGenerator):
        def answer(self, question: str, hits: Any, *, sources: Any, **rest: Any) -> Any:
            given.update(sources)
            return super().answer(question, hits, sources=sources, **rest)

    ask(Shelf(), "How many bowls?", generator=Recorder())  # type: ignore[arg-type]
    assert given == {"d0": Path("/files/d0.pdf")}


def test_the_evidence_is_there_when_the_server_is_not(searched: list[dict[str, Any]]) -> None:
    seen: list[SearchResult] = []
    away = ModelGenerator(lambda: ServerChat("http://127.0.0.1:9/v1", "tiny"), "openai")
    with pytest.raises(ServerError):
        ask(Shelf(), "How many bowls?", generator=away, on_result=seen.append)  # type: ignore[arg-type]
    assert len(seen[0].hits) == 4


def test_a_follow_up_is_searched_for_with_what_it_leaves_unsaid(searched: list[dict[str, Any]]) -> None:
    history = [Turn("What is the mean weight of the bowls?", "318 grams [1]")]
    result, answer = ask(
        Shelf(),  # type: ignore[arg-type]
        "And in 2014?",
        generator=QuoteGenerator(),
        history=history,
    )
    (call,) = searched
    assert "mean weight of the bowls" in call["question"]
    assert "2014" in call["question"]
    assert answer.question == "And in 2014?"
    assert call["question"] == result.question
    assert any(call["question"] in note for note in answer.notes)
    assert "290 grams" in answer.text


def test_a_question_that_stands_alone_is_asked_as_it_is(searched: list[dict[str, Any]]) -> None:
    question = "How many bowls broke in the South kiln?"
    _, answer = ask(
        Shelf(),  # type: ignore[arg-type]
        question,
        generator=QuoteGenerator(),
        history=[Turn("What is the mean weight of the bowls?", "318 grams [1]")],
    )
    assert searched[0]["question"] == question
    assert answer.notes == ()
