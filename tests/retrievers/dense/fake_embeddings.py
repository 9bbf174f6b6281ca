"""An OpenAI-compatible embeddings server on a loopback port that answers as told and keeps what it was asked."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np

from tests.loopback import served


@dataclass
class FakeEmbeddings:
    """What to answer, and what was asked.

    Attributes:
        answers: sent instead of vectors, one for each request while there are some: status, body, headers.
        delays: seconds before each answer, while there are some.
        dimension: of the vectors.
    """

    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    dimension: int = 8
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    base_url: str = ""

    def vector(self, text: str) -> list[float]:
        """Of no particular length: words as random directions, added."""
        made = [np.random.default_rng(zlib.crc32(w.encode())).normal(size=self.dimension) for w in text.split()]
        return [float(value) for value in np.sum(made, axis=0)]


@contextmanager
def fake_embeddings() -> Iterator[FakeEmbeddings]:
    fake = FakeEmbeddings()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.requests.append(request)
            fake.keys.append(self.headers.get("Authorization"))
            fake.paths.append(self.path)
            if fake.delays:
                time.sleep(fake.delays.pop(0))
            vectors = [
                {"object": "embedding", "index": i, "embedding": fake.vector(text)}
                for i, text in enumerate(request["input"])
            ]
            tokens = sum(len(text.split()) for text in request["input"])
            usual = {"data": vectors[::-1], "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
            status, body, headers = fake.answers.pop(0) if fake.answers else (200, usual, {})
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it did not wait

    with served(Handler) as address:
        fake.base_url = f"{address}/v1"
        yield fake
