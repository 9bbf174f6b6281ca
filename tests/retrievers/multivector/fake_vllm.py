"""A server on a loopback port that answers as vLLM's pooling endpoint does (0.32), with vectors made of the input."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.loopback import served


@dataclass
class FakeVllm:
    """What to answer, and what was asked.

    Attributes:
        model: served under this name.
        key: wanted as a bearer token, if any.
        reads_pictures: takes messages with pictures.
        tells_words: has /tokenize.
        length: of every vector.
        answer: sent instead of vectors: status and body.
    """

    model: str = "owner/col"
    key: str = ""
    reads_pictures: bool = True
    tells_words: bool = True
    length: float = 1.0
    answer: tuple[int, Any] | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def name(self) -> str:
        return f"vllm:{self.url}/{self.model}"


def vectors_of(text: str, length: float = 1.0) -> NDArray[np.float32]:
    """One vector of 8 numbers for each word, and one before and after them."""
    made = [np.random.default_rng(zlib.crc32(w.encode())).normal(size=8) for w in ("<s>", *text.split(), "</s>")]
    return np.stack([length * vector / np.linalg.norm(vector) for vector in made]).astype(np.float32)


@contextmanager
def fake_vllm(**options: Any) -> Iterator[FakeVllm]:
    fake = FakeVllm(**options)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.paths.append(self.path)
            fake.requests.append(request)
            status, body = self.answer(request)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def answer(self, request: dict[str, Any]) -> tuple[int, Any]:
            if fake.key and self.headers.get("Authorization") != f"Bearer {fake.key}":
                return 401, {"error": "Unauthorized"}
            if request.get("model") != fake.model:
                return 404, error(f"The model `{request.get('model')}` does not exist.", 404)
            if self.path == "/tokenize":
                words = ["<s>", *("Ġ" + word for word in request["prompt"].split()), "</s>"]
                told = {
                    "count": len(words),
                    "max_model_len": 512,
                    "tokens": list(range(len(words))),
                    "token_strs": words,
                }
                return (200, told) if fake.tells_words else (404, {"detail": "Not Found"})
            if self.path != "/pooling" or request.get("task") != "token_embed":
                return 400, error("Unsupported task", 400)
            if "messages" in request and not fake.reads_pictures:
                return 400, error("owner/col is not a multimodal model", 400)
            if fake.answer:
                return fake.answer
            texts = request.get("input") or [request["messages"][0]["content"][0]["image_url"]["url"]]
            made = [vectors_of(text, fake.length) for text in texts]
            if request.get("encoding_format") == "base64":
                assert (request["embed_dtype"], request["endianness"]) == ("float32", "little")
                data = [base64.b64encode(vectors.astype("<f4").tobytes()).decode() for vectors in made]
            else:
                data = [vectors.tolist() for vectors in made]
            entries = [{"index": i, "object": "pooling", "data": one} for i, one in enumerate(data)]
            usage = {"prompt_tokens": sum(map(len, made)), "total_tokens": sum(map(len, made))}
            return 200, {"id": "pool-1", "object": "list", "model": fake.model, "data": entries[::-1], "usage": usage}

    with served(Handler) as address:
        fake.url = address
        yield fake


def error(message: str, status: int) -> dict[str, Any]:
    return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": status}}
