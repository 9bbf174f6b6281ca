"""`svrag serve`: checks what the web app needs, takes the address, and hands over to the server."""

from __future__ import annotations

import errno
import socket
import sys
import threading
import webbrowser
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from svrag.app.access import Access, check_may_listen, user_of
from svrag.app.importing import import_gradio
from svrag.app.jobs import Jobs
from svrag.app.limits import Limits
from svrag.app.uploads import unread
from svrag.app.warm import Warm
from svrag.documents.drawers import drawers
from svrag.errors import InputError
from svrag.generation.answer import Generator
from svrag.library.store import Library
from svrag.settings import Settings

if TYPE_CHECKING:
    from gradio import Request

_QUICK = 4  # threads for what needs a core
_WAITING = 32  # for answers that wait for a model


def serve(
    settings: Settings,
    answering: AbstractContextManager[Generator],
    *,
    insecure: bool = False,
    open_browser: bool = False,
) -> None:
    """Serve the app and its interface for the library of `settings` until interrupted.

    The library is made when it is not there. Where the folder has accounts, each user has a library of their own.

    Args:
        settings: `port` 0 takes any free one; the address is printed.
        answering: who answers, for as long as there are questions; entered when all else is known to work.
        insecure: let others in without accounts.

    Raises:
        InputError: Gradio is not installed, the address cannot be listened on, or others could reach it unasked.
        LibraryError: the library cannot be opened.
    """
    folder = settings.library_folder()
    access = Access(folder)
    check_may_listen(settings.host, access, insecure=insecure)
    try:
        import_gradio()
        from svrag.app.api.metrics import Metrics
        from svrag.app.api.service import Service
        from svrag.app.layout import page_of
        from svrag.app.server import run, served
        from svrag.app.web import WebApp
    except ModuleNotFoundError as error:
        raise InputError(f'the web app needs {error.name}: pip install "svrag[server]"') from None

    if not access.by_account:
        Library.open(folder).close()
    with (
        _listening(settings.host, settings.port) as listener,
        answering as generator,
        nullcontext() if generator.name == "quote" else drawers(),  # quoting takes no pictures
    ):
        if not settings.generator.startswith(generator.name):  # a server that was started beside this one answers
            settings = replace(settings, generator=generator.name)
        limits = Limits(settings.upload_mb, settings.document_pages, settings.requests_per_minute)
        service = Service(
            jobs=Jobs(workers=settings.workers or None, most_pages=limits.pages),
            quick=Warm(_QUICK),
            answers=Warm(_QUICK if generator.name == "quote" else _WAITING),
            limits=limits,
            metrics=Metrics(),
            ended=threading.Event(),
            generator=generator,
            retriever=settings.retriever,
            encoder=settings.encoder,
            k=settings.k,
        )
        page = WebApp(
            folder,
            settings.retriever,
            generator,
            settings.k,
            settings.encoder,
            jobs=service.jobs,
            loader=service.loader,
            settings=settings,
            free=not access.by_account and not insecure,
            accounts=access.by_account,
            folder_of=_folder_of,
        )

        def end() -> None:
            service.ended.set()
            if names := page.end():
                print(f"svrag: {unread(names)}", file=sys.stderr, flush=True)
            service.loader.close()
            service.quick.close()
            service.answers.close()

        address = _address(settings.host, listener.getsockname()[1])
        whose = f"the libraries of {len(access.users.all())} users" if access.by_account else "the library"
        print(f"svrag: {address} shows {whose} in {folder}; Ctrl+C ends it", flush=True)
        if insecure and not access.by_account:
            print("svrag: --insecure: whoever can reach this machine can read and change the library", flush=True)
        app = served(page_of(page), service, access, host=settings.host)
        if open_browser:
            webbrowser.open(address)  # the listener holds the request until the server is there
        run(app, listener, on_end=end, trusted_proxies=settings.trusted_proxies)


def _folder_of(request: Request) -> Path:
    """Whose library a request of the page is about."""
    assert request.request is not None
    return user_of(request.request.scope).folder


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"port {port} is in use: choose another one with --port") from None
        raise InputError(f"cannot listen on {host}, port {port}: {error.strerror}") from None


def _address(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
