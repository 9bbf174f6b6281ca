from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the web app is not installed")

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from svrag.app import login
from svrag.app.access import Access, user_of
from svrag.app.api.metrics import Metrics
from svrag.app.guard import Guard
from svrag.app.limits import Limits, Rate
from svrag.app.users import Users

SCRIPT = "window.config = {};"
PAGE = f"<html><script>{SCRIPT}</script><script src='/x.js'></script><p>Words</p></html>"


async def who(request: Request) -> Response:
    return JSONResponse({"name": user_of(request.scope).name, "bytes": len(await request.body())})


async def page(request: Request) -> Response:
    return HTMLResponse(PAGE)


METHODS = ["GET", "POST", "DELETE"]
INNER = Starlette(routes=[Route("/", page), Route("/{path:path}", who, methods=METHODS)])


@pytest.fixture
def client(tmp_path: Path) -> Callable[..., TestClient]:
    def make(base: str = "http://127.0.0.1:7860", host: str = "127.0.0.1", **limits: Any) -> TestClient:
        app = Guard(INNER, INNER, Access(tmp_path), Limits(**limits), Metrics(), host=host)
        return TestClient(app, base_url=base, follow_redirects=False)

    return make


def policy(response: Any) -> dict[str, str]:
    """The content-security policy by directive."""
    directives = (part.strip().partition(" ") for part in response.headers["content-security-policy"].split(";"))
    return {name: values for name, _, values in directives}


def test_alone_on_this_machine_nobody_is_asked_and_no_other_name_is_answered(
    client: Callable[..., TestClient],
) -> None:
    for base in ("http://127.0.0.1:7860", "http://localhost:7860", "http://[::1]:7860"):
        assert client(base).get("/api/documents").json()["name"] == ""
    for base in ("http://evil.example:7860", "http://127.0.0.1.evil.example", "http://192.168.1.7:7860"):
        for path in ("/", "/api/documents", "/api/health", "/gradio_api/queue/join"):
            assert client(base).get(path).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:7860"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_other_sites_cannot_send_anything(
    client: Callable[..., TestClient], headers: dict[str, str], status: int
) -> None:
    for path in ("/api/documents", "/v1/chat/completions", "/mcp", "/gradio_api/upload"):
        assert client().post(path, headers=headers).status_code == status
        assert client().delete(path, headers=headers).status_code == status


def test_with_accounts_a_key_or_a_login_is_needed(client: Callable[..., TestClient], tmp_path: Path) -> None:
    key = Users(tmp_path).add("anna", "correct horse")
    asked = client("http://svrag.example", host="0.0.0.0")
    for path in ("/api/documents", "/v1/models", "/mcp", "/gradio_api/info", "/assets/x.js", "/config"):
        refused = asked.get(path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
    assert asked.get("/api/documents", headers={"Authorization": f"Bearer {key}x"}).status_code == 401
    assert asked.get("/api/documents", headers={"Authorization": f"Basic {key}"}).status_code == 401
    assert asked.get("/api/documents", headers={"Authorization": f"Bearer {key}"}).json()["name"] == "anna"
    sent_on = asked.get("/")
    assert (sent_on.status_code, sent_on.headers["location"]) == (303, "/login")

    shown = asked.get("/login")
    assert shown.headers["referrer-policy"] == "same-origin", "no-referrer makes the form's Origin null"
    form = shown.text
    assert 'name="password"' in form
    assert "<script" not in form
    wrong = asked.post("/login", data={"name": '"><script>', "password": "no"})
    assert wrong.status_code == 401
    assert "<script>" not in wrong.text
    assert "set-cookie" not in wrong.headers
    right = asked.post("/login", data={"name": "anna", "password": "correct horse"})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert asked.get("/").status_code == 200
    assert asked.get("/api/documents").json()["name"] == "anna"
    assert asked.get("/api/documents", headers={"Authorization": "Bearer x"}).status_code == 401, (
        "a wrong key is wrong"
    )
    assert asked.post("/logout", headers={"Origin": "http://evil.example"}).status_code == 403
    assert asked.post("/logout").status_code == 303
    assert asked.get("/api/documents").status_code == 401


def test_health_is_told_to_everybody(tmp_path: Path) -> None:
    Users(tmp_path).add("anna")
    inner = Starlette(routes=[Route("/api/health", page)])
    guard = Guard(inner, inner, Access(tmp_path), Limits(), Metrics(), host="0.0.0.0")
    assert TestClient(guard).get("/api/health").status_code == 200


@pytest.fixture
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """For who counts tries to log in: each takes a while, more so on a busy machine."""
    monkeypatch.setattr(login, "Rate", functools.partial(Rate, clock=lambda: 0.0))


@pytest.mark.usefixtures("no_time_passes")
def test_passwords_cannot_be_tried_for_long(client: Callable[..., TestClient], tmp_path: Path) -> None:
    Users(tmp_path).add("anna", "correct horse")
    asked = client(host="0.0.0.0")
    tries = [asked.post("/login", data={"name": "anna", "password": f"horse {i}"}).status_code for i in range(12)]
    assert tries == [401] * 10 + [429] * 2
    assert asked.put("/login").status_code == 405


@pytest.mark.usefixtures("no_time_passes")
def test_who_tries_one_name_locks_out_no_other_and_many_names_are_tried_in_vain(
    client: Callable[..., TestClient], tmp_path: Path
) -> None:
    users = Users(tmp_path)
    users.add("anna")
    key = users.add("ben")
    asked = client(host="0.0.0.0")
    for i in range(11):
        last = asked.post("/login", data={"name": "anna", "password": f"horse {i}"}).status_code
    assert last == 429
    assert asked.post("/login", data={"name": "ben", "password": key}).status_code == 303
    tries = [asked.post("/login", data={"name": f"anna{i}"}).status_code for i in range(60)]
    assert (tries[0], tries[-1]) == (400, 429)


def test_where_a_request_says_that_it_is_from_counts_only_from_a_trusted_proxy() -> None:
    pytest.importorskip("gradio", reason="the web app is not installed")
    from svrag.app.server import configured

    async def whence(scope: Any, receive: Any, send: Any) -> None:
        await Response(f"{scope['client'][0]} {scope['scheme']}")(scope, receive, send)

    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    for proxies, said in (("", "127.0.0.1 http"), ("10.0.0.1", "127.0.0.1 http"), ("127.0.0.1", "203.0.113.7 https")):
        config = configured(whence, proxies)
        config.load()
        asked = TestClient(config.loaded_app, base_url="http://svrag.example", client=("127.0.0.1", 50000))
        assert asked.get("/", headers=headers).text == said


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"data": {"name": "anna"}},
        {"data": {"password": "x"}},
        {"data": {str(i): "x" for i in range(9)}},
        {"data": {"name": "x" * 20_000, "password": "x"}},
        {"files": {str(i): (None, "x") for i in range(6)}},
        {"files": {"name": ("a.txt", b"anna"), "password": (None, "x")}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"name=%ff&password=\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    ],
)
def test_what_is_no_login_gets_the_page_again_and_why(
    client: Callable[..., TestClient], tmp_path: Path, sent: dict[str, Any]
) -> None:
    Users(tmp_path).add("anna")
    reply = client(host="0.0.0.0").post("/login", **sent)
    assert reply.status_code == 400
    assert 'name="password"' in reply.text
    assert re.search(r'<p role="alert">[^<]+\.</p>', reply.text)


def test_each_user_has_so_many_requests_a_minute(client: Callable[..., TestClient], tmp_path: Path) -> None:
    users = Users(tmp_path)
    anna, ben = ({"Authorization": f"Bearer {users.add(name)}"} for name in ("anna", "ben"))
    asked = client(host="0.0.0.0", rate=3)
    assert [asked.get("/api/x", headers=anna).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = asked.post("/gradio_api/queue/join", headers=anna)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 21
    assert asked.get("/assets/x.js", headers=anna).status_code == 200, "what belongs to the page is not counted"
    assert asked.get("/api/x", headers=ben).status_code == 200


def test_without_accounts_the_address_is_counted_and_this_machine_is_not(client: Callable[..., TestClient]) -> None:
    reached = client("http://svrag.example", host="0.0.0.0", rate=2)
    assert [reached.get("/api/x").status_code for _ in range(3)] == [200, 200, 429]
    alone = client(rate=2)
    assert {alone.get("/api/x").status_code for _ in range(9)} == {200}


def test_what_is_too_large_is_refused_announced_or_not(client: Callable[..., TestClient]) -> None:
    asked = client(upload_mb=3)
    for path, most in (("/api/documents", 3_000_000), ("/gradio_api/upload", 3_000_000), ("/api/ask", 2_000_000)):
        assert asked.post(path, content=bytes(most)).json()["bytes"] == most
        assert asked.post(path, content=bytes(most + 1)).status_code == 413

        def pieces(most: int = most) -> Any:
            yield bytes(most)
            yield b"x"

        assert asked.post(path, content=pieces()).status_code == 413
    assert asked.get("/api/documents", headers={"Content-Length": "-1"}).status_code == 413


def test_the_page_runs_its_own_scripts_and_no_others(client: Callable[..., TestClient]) -> None:
    sent = client().get("/")
    assert sent.text == PAGE
    allowed = policy(sent)
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert allowed["script-src"] == f"'self' 'unsafe-eval' 'sha256-{digest}'"
    assert allowed["default-src"] == "'none'"
    assert allowed["frame-ancestors"] == "'none'"
    addresses = re.findall(r"https?:|\*|://", sent.headers["content-security-policy"])
    assert addresses == [], "no other host"


@pytest.mark.parametrize(("takes", "encoding"), [("gzip, br", "gzip"), ("identity", None)])
def test_the_page_is_packed_for_who_takes_it_and_stays_the_same(
    client: Callable[..., TestClient], takes: str, encoding: str | None
) -> None:
    response = client().get("/", headers={"Accept-Encoding": takes})
    assert response.text == PAGE
    assert response.headers.get("content-encoding") == encoding
    with client().stream("GET", "/", headers={"Accept-Encoding": takes}) as raw:
        assert len(b"".join(raw.iter_raw())) == int(raw.headers["content-length"])
    assert client().head("/").headers.get("content-encoding") is None


def test_the_interface_may_load_nothing(client: Callable[..., TestClient]) -> None:
    for path in ("/api/documents", "/v1/models", "/api/docs"):
        sent = client().get(path)
        allowed = policy(sent)
        assert allowed["default-src"] == "'none'"
        assert "script-src" not in allowed
        assert sent.headers["x-content-type-options"] == "nosniff"


def test_the_server_fetches_nothing_for_anybody(client: Callable[..., TestClient]) -> None:
    for path in ("/gradio_api/file=http://evil.example/x", "/gradio_api/proxy=http://evil.example/x"):
        assert client().get(path).status_code == 404


def test_a_web_socket_is_closed(client: Callable[..., TestClient]) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/api/documents"):
        pass


def test_requests_are_counted_without_names(tmp_path: Path) -> None:
    metrics = Metrics()
    asked = TestClient(Guard(INNER, INNER, Access(tmp_path), Limits(), metrics, host="127.0.0.1"), "http://127.0.0.1")
    asked.get("/api/ask/stream")
    asked.get("/api/documents/secret")
    asked.get("/secret")
    asked.request("BREW", "/secret")
    text = metrics.text(jobs_running=2)
    assert "secret" not in text
    assert "BREW" not in text
    assert 'svrag_requests_total{part="/api/ask",method="GET",status="200"} 1' in text
    assert 'svrag_requests_total{part="page",method="other",status="405"} 1' in text
    assert 'svrag_request_seconds_bucket{part="/api",le="+Inf"} 1' in text
    assert text.endswith("svrag_jobs_running 2\n")
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) svrag_.+|svrag_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.e+-]+', line)
