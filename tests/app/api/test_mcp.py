from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.api.client import client_of, service_of
from tests.app.api.guarded import Guarded, guarded

pytest.importorskip("fastapi", reason="the web app is not installed")
pytest.importorskip("mcp", reason="MCP is not installed")

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

QUESTION = {"question": "How long was the kiln fired?"}


@pytest.fixture(scope="module")
def server(library_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("served"), library_folder) as server:
        yield server


def talk(
    server: Guarded, headers: dict[str, str], talking: Callable[[Client], Awaitable[Any]], mode: str = "auto"
) -> Any:
    """What `talking` gives, with an MCP client of the user with these headers."""

    async def run() -> Any:
        transport = httpx2.ASGITransport(server.app)
        async with (
            httpx2.AsyncClient(transport=transport, headers=headers) as http,
            Client(streamable_http_client("http://svrag.example/mcp", http_client=http), mode=mode) as client,
        ):
            return await talking(client)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_client_finds_the_tools_and_asks(server: Guarded, mode: str) -> None:
    async def talking(client: Client) -> Any:
        tools = (await client.list_tools()).tools
        return {tool.name: tool for tool in tools}, await client.call_tool("ask", QUESTION)

    tools, answer = talk(server, server.anna, talking, mode)
    assert set(tools) == {"list_documents", "search", "ask"}
    assert tools["ask"].input_schema["required"] == ["question"]
    assert not answer.is_error
    assert "nine hours" in answer.content[0].text
    assert "[1] kiln.pdf, page 1" in answer.content[0].text
    assert answer.structured_content["citations"][0]["document_name"] == "kiln.pdf"


def test_documents_and_search_are_the_users_own(server: Guarded) -> None:
    async def talking(client: Client) -> Any:
        return await client.call_tool("list_documents", {}), await client.call_tool("search", {**QUESTION, "k": 2})

    names = {}
    for name, headers in (("anna", server.anna), ("ben", server.ben)):
        listed, found = talk(server, headers, talking)
        names[name] = {one["name"] for one in listed.structured_content["documents"]}
        assert {hit["document_name"] for hit in found.structured_content["hits"]} <= names[name]
        assert all(one in listed.content[0].text for one in names[name])
    assert len(names["anna"]) == 3
    assert names["ben"] == {"bowls.pdf"}


@pytest.mark.parametrize(
    ("tool", "arguments", "line"),
    [
        ("ask", {"question": "?!"}, "no words"),
        ("ask", {}, "question is missing"),
        ("search", {**QUESTION, "k": 0}, "k must be 1 or more"),
        ("search", {**QUESTION, "documents": ["000000000000"]}, "unknown document"),
        ("search", {**QUESTION, "documents": ["kiln.pdf"]}, "documents[0] must be an id of the list of documents"),
        ("read_file", {"path": "/etc/passwd"}, "no tool 'read_file'"),
    ],
)
def test_what_cannot_be_done_is_one_line(server: Guarded, tool: str, arguments: dict[str, Any], line: str) -> None:
    async def talking(client: Client) -> Any:
        return await client.session.call_tool(tool, arguments)

    reply = talk(server, server.ben, talking)
    assert reply.is_error
    assert line in reply.content[0].text
    assert "\n" not in reply.content[0].text


@pytest.mark.parametrize("body", [b"{x", b"{}", b"[]", b'"x"', b'{"jsonrpc": "2.0", "id": 1}', b""])
@pytest.mark.parametrize("version", [{}, {"mcp-protocol-version": "2026-07-28"}])
def test_what_is_no_message_is_told_in_one_line(server: Guarded, body: bytes, version: dict[str, str]) -> None:
    headers = {"Accept": "application/json", "Content-Type": "application/json", **version, **server.anna}

    async def posted() -> Any:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(server.app)) as http:
            return await http.post("http://svrag.example/mcp", content=body, headers=headers)

    reply = asyncio.run(posted())
    assert reply.status_code == 400
    line = reply.json()["error"]["message"]
    assert "\n" not in line
    assert "http" not in line


def test_without_a_key_there_is_nothing(server: Guarded) -> None:
    async def posted() -> int:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(server.app)) as http:
            return (await http.post("http://svrag.example/mcp", json={})).status_code

    assert asyncio.run(posted()) == 401


def test_without_the_package_a_line_says_how_to_get_it(library_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'mcp'", name="mcp")

    monkeypatch.setattr(importlib, "import_module", missing)
    with service_of() as service, client_of(service, folder=library_folder) as client:
        reply = client.post("/mcp", json={})
    assert reply.status_code == 501
    assert 'pip install "svrag[mcp]"' in reply.json()["detail"]
