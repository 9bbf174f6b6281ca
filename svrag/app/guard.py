"""What stands before the page and the interface: who asks, from which site, how often, how much; headers on every reply.

A browser is told to load nothing from elsewhere and to run no script but those of the page as it was sent, so that not
even a document that slipped markup in could do or report anything.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from svrag.app.access import COOKIE, LOOPBACK, Access, keep_user
from svrag.app.api.errors import told
from svrag.app.api.metrics import Metrics
from svrag.app.assets import PREFIX as ASSETS
from svrag.app.first import with_first_screen
from svrag.app.limits import Limits, Rate
from svrag.app.login import LOGIN, LOGOUT, Login

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

INTERFACE = ("/api", "/v1", "/mcp")
_OPEN = "/api/health"  # asked without a key
_QUESTION = "/gradio_api/queue/join"  # of the page
_FETCHED = ("/gradio_api/file=http", "/gradio_api/proxy=")  # Gradio would load these from other hosts
_UPLOADS = ("/api/documents", "/gradio_api")
_LARGEST_REQUEST = 2_000_000  # bytes, of what is no upload
_LEVEL = 5  # of gzip: a page of 106 kB becomes 14 kB in a millisecond or two
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.S)
# Gradio draws with styles of its own and makes functions of the text of scripts; pictures are data: addresses.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'{scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; media-src 'self' data: blob:; "
    "worker-src 'self' blob:; manifest-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS = (
    (b"referrer-policy", b"same-origin"),  # with none at all, a form's Origin would be "null" and be refused here
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """An ASGI application around those of the page and the interface.

    Args:
        host: that the server listens on: without accounts, one on loopback answers to no other name, since a site could
            give its own name this machine's address.
    """

    def __init__(
        self, page: ASGIApp, interface: ASGIApp, access: Access, limits: Limits, metrics: Metrics, *, host: str
    ) -> None:
        self._page = page
        self._interface = interface
        self._access = access
        self._limits = limits
        self._metrics = metrics
        self._login = Login(access)
        self._only_loopback = host in LOOPBACK and not access.by_account
        self._rate = Rate(0 if self._only_loopback else limits.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._page(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks over web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        started = time.perf_counter()
        status = 500
        path: str = scope["path"]
        whole = not _within(path, INTERFACE)
        packs = scope["method"] == "GET" and "gzip" in Headers(scope=scope).get("accept-encoding", "")
        if whole and scope["method"] == "GET" and not path.startswith(ASSETS):  # to be read, for its scripts
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]}
        held: Message | None = None
        body = bytearray()

        async def guarded(message: Message) -> None:
            nonlocal status, held
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = Headers(raw=message["headers"])
                if whole and headers.get("content-type", "").startswith("text/html"):
                    held = message
                    return
                policy = _PAGE_POLICY.format(scripts="") if whole else _POLICY
                await send(_with(message, policy))
            elif held is None:
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    start, held = held, None
                    page = with_first_screen(bytes(body)) if path == "/" and body else bytes(body)
                    start = _with(start, _policy_of(page))
                    sent = gzip.compress(page, _LEVEL) if packs else page
                    await send(_sized(start, len(sent), packed=packs) if body else start)
                    await send({"type": "http.response.body", "body": sent if body else b""})

        try:
            response = await self._refusal(scope, receive)
            if response is not None:
                await response(scope, receive, guarded)
            elif _within(path, INTERFACE):
                await self._interface(scope, self._counted(scope, receive), guarded)
            else:
                await self._page(scope, self._counted(scope, receive), guarded)
        finally:
            self._metrics.count(path, scope["method"], status, time.perf_counter() - started)

    async def _refusal(self, scope: Scope, receive: Receive) -> Response | None:
        """The reply to a request that goes no further; None, with the user noted on it, to one that does."""
        request = Request(scope, receive)
        path = request.url.path
        if self._only_loopback and (request.url.hostname or "") not in LOOPBACK:
            return told(path, 403, "this server answers on this machine alone: open http://127.0.0.1 with its port")
        if request.method not in _SAFE and not _same_site(request):
            return told(path, 403, "sent by another site's page: that is not allowed")
        if path.startswith(_FETCHED):
            return told(path, 404, "nothing is loaded from other hosts")
        if self._access.by_account and path == LOGIN:
            return await self._login.page(request)
        if self._access.by_account and path == LOGOUT and request.method == "POST":
            return self._login.out(request)
        key = _key(request)
        user = self._access.user(key=key, session="" if key else request.cookies.get(COOKIE, ""))
        if user is None:
            if path == _OPEN:
                return None
            if request.method == "GET" and not _within(path, INTERFACE) and not key and path == "/":
                return RedirectResponse(LOGIN, 303)
            return told(
                path, 401, "no key, or a wrong one: send Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"}
            )
        keep_user(scope, user)
        if (_within(path, INTERFACE) and path != _OPEN) or path.rstrip("/") == _QUESTION:
            client = request.client.host if request.client else ""
            if seconds := self._rate.wait(user.name or client):
                return told(path, 429, "too many requests: wait a moment", {"Retry-After": str(int(seconds) + 1)})
        most = self._most(path)
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or (most and int(length) > most):
            return told(path, 413, _too_large(most))
        return None

    def _most(self, path: str) -> int:
        return self._limits.upload_bytes if path.startswith(_UPLOADS) else _LARGEST_REQUEST

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """`receive`, which fails when more comes than is allowed, whatever was announced."""
        most = self._most(scope["path"])
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if most and seen > most:
                raise HTTPException(413, _too_large(most))
            return message

        return counted


def _within(path: str, prefixes: Iterable[str]) -> bool:
    return any(path == prefix or path.startswith(prefix + "/") for prefix in prefixes)


def _same_site(request: Request) -> bool:
    """Whether no page of another site sent this: browsers say where a page is from, programs do not."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower() != ""


def _key(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _too_large(most: int) -> str:
    return f"too large: at most {most / 1e6:g} MB are taken at once"


def _with(start: Message, policy: str) -> Message:
    own = {name for name, _ in _HEADERS} | {b"content-security-policy"}
    kept = [pair for pair in start["headers"] if pair[0].lower() not in own]
    return {**start, "headers": [*kept, (b"content-security-policy", policy.encode()), *_HEADERS]}


def _sized(start: Message, size: int, *, packed: bool) -> Message:
    """`start` of a reply whose body was made `size` bytes long, `packed` by gzip or not."""
    kept = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
    own = [(b"content-length", str(size).encode()), (b"vary", b"accept-encoding")]
    return {**start, "headers": [*kept, *own, *([(b"content-encoding", b"gzip")] if packed else [])]}


def _policy_of(page: bytes) -> str:
    """The policy that lets exactly the scripts run that stand in `page`."""
    hashes = {base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _SCRIPT.findall(page)}
    return _PAGE_POLICY.format(scripts="".join(f" 'sha256-{one}'" for one in sorted(hashes)))
