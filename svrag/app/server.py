"""The page over HTTP. Only the page and what it uploads is served; nothing is fetched from elsewhere or reported.

Browsers are told to load nothing from other hosts, so that not even a document that slipped markup in could call out.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import gradio as gr
import uvicorn
from fastapi import FastAPI

from svrag.app import style

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_UPLOAD = "500mb"
_HEADERS = (
    (b"content-security-policy", b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def run(page: gr.Blocks, listener: socket.socket, *, on_end: Callable[[], None]) -> None:
    """Serve `page` on `listener` until interrupted; `on_end` is called at the beginning of the end."""
    app = gr.mount_gradio_app(
        FastAPI(openapi_url=None),
        page,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=LARGEST_UPLOAD,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        theme=style.theme(),
        css=style.CSS,
        head=style.HEAD,
    )
    config = uvicorn.Config(_guarded(app), log_level="warning", timeout_graceful_shutdown=1)
    _Server(config, on_end).run([listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends open pages without a traceback for each: they hold a connection for as long as they are open."""
        self._on_end()
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


def _guarded(app: ASGIApp) -> ASGIApp:
    """`app` with headers on every response that keep the browser to this server."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        await app(scope, receive, send_with_headers)

    return guarded
