"""The page and the interface on one listener, behind the guard. Nothing is fetched from elsewhere or reported."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request

from svrag.app import style
from svrag.app.access import Access, user_of
from svrag.app.api.application import application
from svrag.app.api.service import Service
from svrag.app.assets import Assets
from svrag.app.guard import Guard

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_END_SECONDS = 1


def served(page: gr.Blocks, service: Service, access: Access, *, host: str) -> ASGIApp:
    """The whole server as one application."""
    interface = application(service)
    mounted = gr.mount_gradio_app(
        FastAPI(openapi_url=None),
        page,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=service.limits.upload_bytes or None,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        theme=style.theme(),
        css=style.CSS,
        head=style.HEAD,
        # The guard has let nobody else in; told to Gradio, what it keeps for one user is not given to another.
        auth_dependency=_name,
    )
    return Guard(Assets(mounted), interface, access, service.limits, service.metrics, host=host)


def run(app: ASGIApp, listener: socket.socket, *, on_end: Callable[[], None], trusted_proxies: str = "") -> None:
    """Serve `app` on `listener` until interrupted; `on_end` is called at the beginning of the end.

    Args:
        trusted_proxies: whose word counts on where a request is from and whether it came by TLS; commas between. Without
            any, nobody's: who is on this machine could say anything, and count as somebody else.
    """
    _Server(configured(app, trusted_proxies), on_end).run([listener])


def configured(app: ASGIApp, trusted_proxies: str) -> uvicorn.Config:
    """How `app` is served; see `run`."""
    return uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=_END_SECONDS,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends open pages without a traceback for each: they hold a connection for as long as they are open."""
        self._on_end()
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


def _name(request: Request) -> str:
    return user_of(request.scope).name or "reader"
