from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.api.client import client_of, service_of

pytest.importorskip("fastapi", reason="the web app is not installed")

from svrag.app.api.misfits import AS_JSON

QUESTION = "How long was the kiln fired?"


@pytest.fixture(scope="module")
def client(library_folder: Path) -> Iterator[Any]:
    with service_of() as service, client_of(service, folder=library_folder) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "sent", "line"),
    [
        ("/api/ask", {"content": b'{"question": x}', "headers": {"Content-Type": "application/json"}}, "is not JSON"),
        ("/api/ask", {"content": b'{"question": "x"}'}, AS_JSON),
        ("/api/ask", {}, AS_JSON),
        ("/api/ask", {"json": []}, "the body must be an object in braces"),
        ("/api/ask", {"json": {}}, "question is missing"),
        ("/api/ask", {"json": {"question": ""}}, "question must not be empty"),
        ("/api/ask", {"json": {"question": "x" * 5000}}, "question is too long: 4000 characters at most"),
        ("/api/ask", {"json": {"question": "x", "k": "many"}}, "k must be a whole number"),
        ("/api/ask", {"json": {"question": "x", "k": 0}}, "k must be 1 or more"),
        ("/api/ask", {"json": {"question": "x", "retriever": "x"}}, "retriever is not known here"),
        ("/api/ask", {"json": {"question": "x", "documents": ["a"]}}, "documents[0] must be an id of the list of"),
        ("/api/ask", {"json": {"question": "x", "history": [{"question": "x"}]}}, "history[0].answer is missing"),
        ("/api/documents", {"data": {"files": "x"}}, "files[0] must be a file: send it in a form"),
        ("/api/documents", {}, "files is missing: send it in a form"),
        ("/v1/chat/completions", {"json": {"messages": [{"role": "pirate"}]}}, "messages[0].role must be 'system', "),
    ],
)
def test_what_does_not_fit_is_said_in_plain_words(client: Any, path: str, sent: dict[str, Any], line: str) -> None:
    reply = client.post(path, **sent)
    assert reply.status_code == 422
    said = reply.json()["error"]["message"] if path.startswith("/v1") else reply.json()["detail"]
    assert line in said
    assert not re.search(r"\n|class|Input|String|Value|\^", said)


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/api/documents/kiln.pdf", "documents"), ("/api/elements/x", "elements"), ("/api/jobs/x", "jobs")],
)
def test_a_wrong_id_is_told_without_its_pattern(client: Any, path: str, kind: str) -> None:
    detail = client.get(path).json()["detail"]
    assert re.fullmatch(rf"\w+_id must be an id of the (list of )?{kind}.*", detail)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/documents/000000000000", "DELETE, GET, HEAD, PATCH"),
        ("PUT", "/api/documents", "GET, HEAD, POST"),
        ("GET", "/api/ask", "POST"),
        ("HEAD", "/api/ask", "POST"),
        ("DELETE", "/mcp", "POST"),
        ("POST", "/api/health", "GET, HEAD"),
    ],
)
def test_what_is_not_possible_says_what_is(client: Any, method: str, path: str, allowed: str) -> None:
    reply = client.request(method, path)
    assert (reply.status_code, reply.headers["allow"]) == (405, allowed)
    assert method == "HEAD" or allowed in reply.json()["detail"]


@pytest.mark.parametrize("path", ["/api/health", "/api/documents", "/v1/models", "/api/metrics"])
def test_a_head_is_a_get_without_its_body(client: Any, path: str) -> None:
    head, got = client.head(path), client.get(path)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]
    assert path == "/api/metrics" or head.headers["content-length"] == got.headers["content-length"]


def test_programs_made_for_openai_learn_the_reason(client: Any) -> None:
    body = {"messages": [{"role": "assistant", "content": "Hello"}]}
    for reply, status in (
        (client.post("/v1/chat/completions", json=body), 400),
        (client.post("/v1/chat/completions", json={}), 422),
        (client.get("/v1/models/other"), 404),
        (client.get("/v1/nothing"), 404),
        (client.delete("/v1/models"), 405),
    ):
        assert reply.status_code == status
        error = reply.json()["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        assert error["type"] == "invalid_request_error"
        assert error["message"]
    assert client.get("/v1/models/svrag").json() == client.get("/v1/models").json()["data"][0]


def test_the_package_openai_reads_it(client: Any) -> None:
    openai = pytest.importorskip("openai", reason="it is not installed")
    httpx = pytest.importorskip("httpx", reason="it is not installed")

    def answer(request: Any) -> Any:
        kept = {name: request.headers[name] for name in ("content-type",) if name in request.headers}
        reply = client.request(request.method, request.url.path, content=request.content, headers=kept)
        return httpx.Response(reply.status_code, headers=dict(reply.headers), content=reply.content)

    http = httpx.Client(transport=httpx.MockTransport(answer))
    asked = openai.OpenAI(api_key="any", base_url="http://svrag.example/v1", http_client=http, max_retries=0)
    assert asked.models.retrieve("svrag").id == "svrag"
    with pytest.raises(openai.NotFoundError) as missing:
        asked.models.retrieve("other")
    assert missing.value.code == "not_found"
    with pytest.raises(openai.BadRequestError, match="the last message must be the user's") as refused:
        asked.chat.completions.create(model="svrag", messages=[{"role": "assistant", "content": "Hello"}])
    assert refused.value.type == "invalid_request_error"
    said = asked.chat.completions.create(model="svrag", messages=[{"role": "user", "content": QUESTION}])
    assert "nine hours" in said.choices[0].message.content
