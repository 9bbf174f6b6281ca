"""Nothing of one user's library is to be had by another, whatever they know of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.api.guarded import Guarded, guarded

pytest.importorskip("fastapi", reason="the web app is not installed")

import httpx
from starlette.testclient import TestClient

from tests.patience import PATIENCE

QUESTION = {"question": "How long were the kiln and the celadon bowls fired?"}


@pytest.fixture(scope="module")
def server(library_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("served"), library_folder) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Guarded) -> TestClient:
    return TestClient(server.app)


def test_each_lists_searches_and_asks_their_own(client: TestClient, server: Guarded) -> None:
    seen = {}
    for name, headers in (("anna", server.anna), ("ben", server.ben)):
        listed = {one["name"] for one in client.get("/api/documents", headers=headers).json()}
        searched = client.post("/api/search", headers=headers, json=QUESTION).json()
        asked = client.post("/api/ask", headers=headers, json=QUESTION).json()
        streamed = client.post("/api/ask/stream", headers=headers, json=QUESTION).text
        messages = [{"role": "user", "content": QUESTION["question"]}]
        chat = client.post("/v1/chat/completions", headers=headers, json={"messages": messages}).json()
        found = {hit["document_name"] for hit in searched["hits"]}
        cited = {one["document_name"] for one in asked["answer"]["citations"]}
        cited |= {one["document_name"] for one in chat["choices"][0]["message"]["citations"]}
        assert found | cited <= listed
        seen[name] = (listed, json.dumps([searched, asked, streamed, chat]))
    assert seen["anna"][0] & seen["ben"][0] == set()
    assert seen["ben"][0] == {"bowls.pdf"}
    assert "31 hours" in seen["ben"][1]
    assert "31 hours" not in seen["anna"][1]
    assert "nine hours" in seen["anna"][1]
    assert "nine hours" not in seen["ben"][1]


def test_known_ids_open_nothing(client: TestClient, server: Guarded) -> None:
    document = next(one for one in client.get("/api/documents", headers=server.anna).json() if one["pages"] == 2)
    path = f"/api/documents/{document['id']}"
    element = client.get(f"{path}/elements", headers=server.anna).json()[0]["id"]
    reads = [
        path,
        f"{path}/elements",
        f"{path}/graph",
        f"{path}/pages/1",
        f"{path}/pages/1/image",
        f"/api/elements/{element}",
        f"/api/elements/{element}/image",
    ]
    for address in reads:
        assert client.get(address, headers=server.anna).status_code == 200
        assert client.get(address, headers=server.ben).status_code == 404
        assert client.get(address).status_code == 401
    assert client.delete(path, headers=server.ben).status_code == 404
    assert client.patch(path, headers=server.ben, json={"name": "Mine"}).status_code == 404
    narrowed = {**QUESTION, "documents": [document["id"]]}
    assert client.post("/api/ask", headers=server.ben, json=narrowed).status_code == 400
    assert client.get(path, headers=server.anna).json() == document

    own = client.get("/api/documents", headers=server.ben).json()[0]["id"]
    drawn = client.get(f"/api/documents/{own}/pages/1/image?element={element}", headers=server.ben)
    assert drawn.status_code == 404, "another's element is not drawn"


def test_jobs_are_seen_by_who_began_them(client: TestClient, server: Guarded) -> None:
    files = [("files", ("notes.txt", b"words"))]
    job = client.post("/api/documents", headers=server.anna, files=files).json()["id"]
    assert job in {one["id"] for one in client.get("/api/jobs", headers=server.anna).json()}
    assert client.get("/api/jobs", headers=server.ben).json() == []
    assert client.get(f"/api/jobs/{job}", headers=server.ben).status_code == 404
    assert client.delete(f"/api/jobs/{job}", headers=server.ben).status_code == 404


def test_fifty_ask_at_once_and_each_is_answered(server: Guarded) -> None:
    async def one(client: httpx.AsyncClient, number: int) -> tuple[int, int, Any]:
        headers = (server.anna, server.ben)[number % 2]
        reply = await client.post("/api/ask", headers=headers, json=QUESTION)
        return number, reply.status_code, reply.json()

    async def all_of_them() -> list[tuple[int, int, Any]]:
        transport = httpx.ASGITransport(server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://svrag.example", timeout=PATIENCE) as client:
            return await asyncio.gather(*(one(client, number) for number in range(50)))

    for number, status, sent in asyncio.run(all_of_them()):
        assert status == 200
        assert ("nine hours" in sent["answer"]["text"], "31 hours" in sent["answer"]["text"]) == (
            number % 2 == 0,
            number % 2 == 1,
        )


@pytest.mark.parametrize(
    "path",
    [
        "/api/elements/../../../accounts.json",
        "/api/documents/..%2f..%2faccounts.json",
        "/api/..%2f..%2faccounts.json",
        "/v1/../users/accounts.json",
        "/api/docs/../../library.db",
        "//api/documents",
    ],
)
def test_no_path_leads_out(client: TestClient, server: Guarded, path: str) -> None:
    reply = client.get(path, headers=server.ben)
    assert reply.status_code in (404, 422) or reply.text == "the page"
    assert "password" not in reply.text
    assert "bowls" not in reply.text


def test_the_description_loads_nothing_and_hides_nothing(client: TestClient, server: Guarded) -> None:
    shown = client.get("/api/docs", headers=server.ben)
    described = client.get("/api/openapi.json", headers=server.ben).json()
    assert "<script" not in shown.text
    assert "http://" not in shown.text.replace("http://localhost", "")
    assert "https://" not in shown.text
    for path, operations in described["paths"].items():
        assert path in shown.text
        for operation in operations.values():
            assert operation["description"], path
    assert described["security"] == [{"key": []}]
