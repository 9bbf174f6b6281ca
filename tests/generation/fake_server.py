"""An OpenAI-compatible server on a loopback port that answers as told and keeps what it was asked."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.loopback import served


@dataclass
class Respond:
    """One response to a chat request.

    Attributes:
        pieces: the answer as streamed, piece by piece.
        raw: sent instead of the stream that `pieces` make, byte for byte.
        finish: the finish_reason; None sends no end at all.
        hang_up: close the connection in the middle of the body.
    """

    pieces: tuple[str, ...] = ()
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    finish: str | None = "stop"
    hang_up: bool = False
    delay: float = 0.0


def error(status: int, message: str, **headers: str) -> Respond:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Respond(status=status, body={"error": {"message": message, "type": "x"}}, headers=named)


class FakeServer:
    """Answers chat requests with `responses` in turn, the last one for ever."""

    def __init__(self) -> None:
        self.responses: list[Respond] = [Respond(("Hello",))]
        self.models: list[str | dict[str, Any]] | None = ["tiny"]
        self.tokens: int | None = None  # what /tokenize says; None: there is no such path
        self.requests: list[dict[str, Any]] = []
        self.authorizations: list[str | None] = []
        self.paths: list[str] = []
        self.sent_pieces = 0
        self.client_gone = threading.Event()
        self.base_url = ""

    def next_response(self) -> Respond:
        return self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]

    def user_text(self, request: int = -1) -> str:
        """All text of the user message of a request."""
        content = self.requests[request]["messages"][-1]["content"]
        if isinstance(content, str):
            return content
        return "\n".join(part["text"] for part in content if part["type"] == "text")

    def images(self, request: int = -1) -> list[str]:
        content = self.requests[request]["messages"][-1]["content"]
        if isinstance(content, str):
            return []
        return [part["image_url"]["url"] for part in content if part["type"] == "image_url"]


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    fake = FakeServer()
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def send_json(self, status: int, body: Any, headers: dict[str, str]) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            fake.paths.append(self.path)
            if fake.models is None:
                self.send_json(404, {"detail": "Not Found"}, {})
            else:
                listed = [{"id": model} if isinstance(model, str) else model for model in fake.models]
                self.send_json(200, {"object": "list", "data": listed}, {})

        def do_POST(self) -> None:
            fake.paths.append(self.path)
            fake.authorizations.append(self.headers.get("Authorization"))
            fake.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if self.path == "/tokenize":
                self.send_json(404 if fake.tokens is None else 200, {"count": fake.tokens}, {})
                return
            respond = fake.next_response()
            if respond.delay and self.gone_within(respond.delay):
                fake.client_gone.set()
                return
            try:
                self.respond(respond)
            except (BrokenPipeError, ConnectionResetError):
                fake.client_gone.set()

        def gone_within(self, seconds: float) -> bool:
            """Whether the client closed the connection while a slow model had still written nothing."""
            end = time.monotonic() + seconds
            while time.monotonic() < end and not done.wait(0.01):
                if select.select([self.connection], [], [], 0)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                    return True
            return False

        def respond(self, respond: Respond) -> None:
            if respond.status != 200 or respond.body is not None:
                self.send_json(respond.status, respond.body if respond.body is not None else {}, respond.headers)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            if respond.hang_up:  # promises more than it sends
                self.send_header("Content-Length", "100000")
            self.end_headers()
            self.close_connection = True
            if respond.raw is not None:
                self.wfile.write(respond.raw)
                return
            for piece in respond.pieces:
                self.event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
                fake.sent_pieces += 1
            if respond.hang_up or respond.finish is None:
                return
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": respond.finish}]})
            self.event({"choices": [], "usage": {"total_tokens": 7}})
            self.wfile.write(b"data: [DONE]\n\n")

        def event(self, value: Any) -> None:
            self.wfile.write(b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n")
            self.wfile.flush()

    with served(Handler) as address:
        fake.base_url = f"{address}/v1"
        try:
            yield fake
        finally:
            done.set()
