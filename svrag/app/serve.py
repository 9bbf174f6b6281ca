"""`svrag serve`: checks what the web app needs, takes the address, and hands over to the server."""

from __future__ import annotations

import errno
import os
import socket
import webbrowser
from pathlib import Path

from svrag.errors import InputError
from svrag.generation.answer import Generator
from svrag.library.store import Library
from svrag.settings import DEFAULT_ENCODER

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    folder: Path,
    *,
    host: str,
    port: int,
    retriever: str,
    generator: Generator,
    k: int = 5,
    encoder: str = DEFAULT_ENCODER,
    open_browser: bool = False,
) -> None:
    """Serve the app for the library in `folder`, made when it is not there, until interrupted.

    Args:
        port: 0 takes any free one; the address is printed.
        k: pieces of evidence to begin with; the page has a slider.
        encoder: of the dense retriever, if that is used.

    Raises:
        InputError: Gradio is not installed, or the address cannot be listened on.
        LibraryError: the library cannot be opened.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it when it is imported
    try:
        from svrag.app.server import run
        from svrag.app.web import WebApp
    except ModuleNotFoundError as error:
        raise InputError(f'the web app needs {error.name}: pip install "svrag[server]"') from None

    Library.open(folder).close()
    with _listening(host, port) as listener:
        app = WebApp(folder, retriever, generator, k, encoder)
        address = _address(host, listener.getsockname()[1])
        print(f"svrag: {address} shows the library in {folder}; Ctrl+C ends it", flush=True)
        if host not in _LOOPBACK:
            print("svrag: whoever can reach this machine can read and change the library", flush=True)
        if open_browser:
            webbrowser.open(address)  # the listener holds the request until the server is there
        run(app.blocks(), listener, on_end=app.end)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"port {port} is in use: choose another one with --port") from None
        raise InputError(f"cannot listen on {host}, port {port}: {error.strerror}") from None


def _address(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
