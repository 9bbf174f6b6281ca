"""Gradio's scripts and styles from memory, compressed once: a page asks for some sixty, one wave after another.

Their names carry a digest of what is in them, so a browser may keep them for good. What is no such file is left to
Gradio. Nobody gets here whom `svrag.app.guard` did not let in.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/assets/"
_KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_LEVEL = 6
_KEEP = b"private, max-age=31536000, immutable"


def _folder() -> Path:
    spec = find_spec("gradio")  # where it is, not it itself
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "templates" / "frontend" / "assets"


FOLDER = _folder()


@dataclass(frozen=True, slots=True)
class _Asset:
    kind: str
    plain: bytes
    packed: bytes


class Assets:
    """An ASGI application: the scripts and styles of `FOLDER` under `PREFIX`; all else goes on to `rest`."""

    def __init__(self, rest: ASGIApp) -> None:
        self._rest = rest
        self._names = frozenset(path.name for path in FOLDER.glob("*") if path.suffix in _KINDS)
        self._read: dict[str, _Asset] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        name = path.removeprefix(PREFIX) if path.startswith(PREFIX) else ""
        if name not in self._names or scope["method"] != "GET":
            await self._rest(scope, receive, send)
            return
        asset = self._asset(name)
        packs = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        body = asset.packed if packs else asset.plain
        headers = [
            (b"content-type", asset.kind.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", _KEEP),
            (b"vary", b"accept-encoding"),
            *([(b"content-encoding", b"gzip")] if packs else []),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _asset(self, name: str) -> _Asset:
        known = self._read.get(name)
        if known is None:
            path = FOLDER / name
            plain = path.read_bytes()
            known = self._read[name] = _Asset(_KINDS[path.suffix], plain, gzip.compress(plain, _LEVEL))
        return known
