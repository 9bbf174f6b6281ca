from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from svrag.app.access import keep_user
from svrag.app.users import User
from svrag.errors import ServerError
from svrag.generation.answer import Answer
from svrag.generation.conversation import Turn
from svrag.library.store import Library
from svrag.search.engine import search
from svrag.search.result import Hit
from tests.app.api.client import client_of, service_of
from tests.patience import PATIENCE, until

pytest.importorskip("fastapi", reason="the web app is not installed")

QUESTION = "How long was the kiln fired?"


@pytest.fixture(scope="module")
def client(library_folder: Path) -> Iterator[Any]:
    with service_of() as service, client_of(service, folder=library_folder) as client:
        yield client


def events(text: str) -> list[tuple[str, Any]]:
    """Server-sent events as (name, data)."""
    found = []
    for block in text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        found.append((name[7:], json.loads(data[6:])))
    return found


def test_search_is_the_search_of_the_library(client: Any, library_folder: Path) -> None:
    sent = client.post("/api/search", json={"question": QUESTION, "k": 3}).json()
    with Library.open(library_folder) as library:
        found = search(library, QUESTION, k=3)
    assert [hit["element"]["id"] for hit in sent["hits"]] == [hit.element.id for hit in found.hits]
    assert [hit["score"] for hit in sent["hits"]] == [hit.score for hit in found.hits]
    assert [(page["document_id"], page["page"]) for page in sent["pages"]] == [
        (page.document_id, page.page) for page in found.pages
    ]


def test_an_answer_cites_its_evidence(client: Any) -> None:
    sent = client.post("/api/ask", json={"question": QUESTION}).json()
    answer = sent["answer"]
    assert "nine hours" in answer["text"]
    assert answer["answerable"] is True
    assert answer["citations"][0]["document_name"] == "kiln.pdf"
    assert "nine hours" in answer["citations"][0]["quote"]
    assert answer["citations"][0]["element"]["id"] in [hit["element"]["id"] for hit in sent["search"]["hits"]]
    assert len(sent["search"]["hits"]) == 5


def test_only_the_documents_that_are_named_are_asked(client: Any) -> None:
    turned = next(one["id"] for one in client.get("/api/documents").json() if one["name"] == "turned.pdf")
    for path in ("/api/search", "/api/ask"):
        sent = client.post(path, json={"question": "kiln or lantern", "documents": [turned]}).json()
        hits = sent.get("search", sent)["hits"]
        assert {hit["document_name"] for hit in hits} == {"turned.pdf"}
        reply = client.post(path, json={"question": "kiln", "documents": ["000000000000"]})
        assert reply.status_code == 400


def test_a_stream_has_the_evidence_the_pieces_and_the_answer(client: Any) -> None:
    reply = client.post("/api/ask/stream", json={"question": QUESTION})
    assert reply.headers["content-type"].startswith("text/event-stream")
    (first, evidence), *pieces, (last, asked) = events(reply.text)
    assert (first, last) == ("evidence", "answer")
    assert {name for name, _ in pieces} == {"piece"}
    assert "".join(piece["text"] for _, piece in pieces) == asked["answer"]["text"]
    assert asked["search"] == evidence
    whole = client.post("/api/ask", json={"question": QUESTION}).json()
    assert whole["answer"]["text"] == asked["answer"]["text"]


def test_a_document_with_markup_and_line_ends_stays_data(client: Any) -> None:
    reply = client.post("/api/ask/stream", json={"question": "How much cobalt does the glaze hold?"})
    name, asked = events(reply.text)[-1]
    assert name == "answer"
    assert "<script>window.attacked = 1</script>" in asked["answer"]["text"]


@pytest.mark.parametrize("path", ["/api/search", "/api/ask", "/api/ask/stream"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"question": "?!"}, 400),
        ({"question": ""}, 422),
        ({"question": "x" * 5000}, 422),
        ({"question": QUESTION, "k": 0}, 422),
        ({"question": QUESTION, "k": 10_000}, 422),
        ({"question": QUESTION, "documents": ["../x"]}, 422),
        ({"question": QUESTION, "retriever": "/etc"}, 422),
        ({}, 422),
        ([], 422),
    ],
)
def test_a_question_that_cannot_be_asked_is_one_line(client: Any, path: str, body: Any, status: int) -> None:
    reply = client.post(path, json=body)
    assert reply.status_code == status
    assert reply.json().keys() == {"detail"}
    assert "\n" not in reply.json()["detail"]


class Failing:
    """Writes one word, then its server is away."""

    name = "failing"

    def standalone(self, question: str, history: Sequence[Turn]) -> str:
        return f"{history[-1].question} {question}"

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
        if on_token is not None:
            on_token("Nine")
        raise ServerError(f"the model is away: {question}")


def test_when_the_model_fails_the_evidence_was_still_there(library_folder: Path) -> None:
    with service_of(Failing()) as service, client_of(service, folder=library_folder) as client:
        assert client.post("/api/ask", json={"question": QUESTION}).status_code == 502
        found = events(client.post("/api/ask/stream", json={"question": QUESTION}).text)
        assert [name for name, _ in found] == ["evidence", "piece", "error"]
        assert found[-1][1]["detail"].startswith("the model is away")
        chunks = client.post(
            "/v1/chat/completions", json={"stream": True, "messages": [{"role": "user", "content": QUESTION}]}
        ).text
        assert '{"error":{"message":"the model is away' in chunks
        assert chunks.endswith("data: [DONE]\n\n")


class Endless:
    """Writes until it is told to stop."""

    name = "endless"

    def __init__(self) -> None:
        self.begun, self.stopped = threading.Event(), threading.Event()

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
        assert should_stop is not None
        self.begun.set()
        until(should_stop)
        self.stopped.set()
        raise ServerError(f"was stopped: {question}")


CALL = {"name": "ask", "arguments": {"question": QUESTION}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/ask", {"question": QUESTION}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}]}),
        ("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": CALL}),
    ],
)
def test_an_answer_is_stopped_when_the_client_leaves(library_folder: Path, path: str, body: Any) -> None:
    from svrag.app.api.application import application

    if path == "/mcp":
        pytest.importorskip("mcp", reason="MCP is not installed")
    generator = Endless()
    sent: list[Any] = []

    async def ask(app: Any) -> None:
        messages = iter([{"type": "http.request", "body": json.dumps(body).encode()}])

        async def receive() -> Any:
            if (message := next(messages, None)) is None:
                await asyncio.to_thread(generator.begun.wait, PATIENCE)
                return {"type": "http.disconnect"}
            return message

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"accept", b"application/json")],
        }
        keep_user(scope, User("", library_folder))
        await app(scope, receive, send)

    with service_of(generator) as service:
        asyncio.run(ask(application(service)))
        assert sent[0]["status"] == 499
        assert generator.stopped.wait(PATIENCE)


def test_what_was_said_before_is_handed_on(library_folder: Path) -> None:
    history = [{"question": "What is a kiln?", "answer": "An oven."}]
    with service_of(Failing()) as service, client_of(service, folder=library_folder) as client:
        asked = client.post("/api/ask", json={"question": "How long was it fired?", "history": history}).json()
        messages = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is a kiln?"},
            {"role": "assistant", "content": "An oven."},
            {"role": "user", "content": [{"type": "text", "text": "How long was it fired?"}]},
        ]
        chatted = client.post("/v1/chat/completions", json={"messages": messages}).json()
    assert (
        asked["detail"] == chatted["error"]["message"] == "the model is away: What is a kiln? How long was it fired?"
    )


def test_chat_completions_are_answered_from_the_library(client: Any) -> None:
    assert client.get("/v1/models").json()["data"][0]["id"] == "svrag"
    body = {"model": "svrag", "temperature": 0, "messages": [{"role": "user", "content": QUESTION}]}
    made = client.post("/v1/chat/completions", json=body).json()
    (choice,) = made["choices"]
    assert made["object"] == "chat.completion"
    assert choice["finish_reason"] == "stop"
    assert "nine hours" in choice["message"]["content"]
    assert "\n\n[1] kiln.pdf, page 1" in choice["message"]["content"]
    assert choice["message"]["citations"][0]["n"] == 1

    reply = client.post("/v1/chat/completions", json={**body, "stream": True})
    *lines, done = [line for line in reply.text.split("\n\n") if line]
    assert done == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: "))["choices"][0] for line in lines]
    assert chunks[0]["delta"]["role"] == "assistant"
    assert [chunk["finish_reason"] for chunk in chunks if chunk.get("finish_reason")] == ["stop"]
    streamed = "".join(chunk["delta"].get("content") or "" for chunk in chunks)
    assert streamed == choice["message"]["content"]


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([], 422),
        ([{"role": "assistant", "content": "Hello"}], 400),
        ([{"role": "user", "content": "x" * 5000}], 400),
        ([{"role": "user", "content": None}], 400),
        ([{"role": "pirate", "content": "Arr"}], 422),
    ],
)
def test_conversations_without_a_question_are_refused(client: Any, messages: Any, status: int) -> None:
    for stream in (False, True):
        reply = client.post("/v1/chat/completions", json={"messages": messages, "stream": stream})
        assert reply.status_code == status
        assert reply.json()["error"]["type"] == "invalid_request_error"
