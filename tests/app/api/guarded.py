"""The guarded interface with two users, without a page and without a socket."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from svrag.app.access import Access
from svrag.app.limits import Limits
from svrag.app.users import Users
from svrag.library.ingest import add_paths
from svrag.library.store import Library
from tests.app.api.client import service_of
from tests.documents_made import write_paper

if TYPE_CHECKING:
    from starlette.types import ASGIApp


@dataclass(frozen=True)
class Guarded:
    """The application and the headers of two users."""

    app: ASGIApp
    anna: dict[str, str]
    ben: dict[str, str]


@contextmanager
def guarded(folder: Path, library: Path, *, rate: int = 0) -> Iterator[Guarded]:
    """Anna has a copy of `library`; Ben has one document of his own."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from svrag.app.api.application import application
    from svrag.app.guard import Guard

    async def words(request: Request) -> PlainTextResponse:
        return PlainTextResponse("the page")

    users = Users(folder)
    headers = [{"Authorization": f"Bearer {users.add(name)}"} for name in ("anna", "ben")]
    shutil.rmtree(users.library("anna"))
    shutil.copytree(library, users.library("anna"))
    with Library.open(users.library("ben")) as own:
        lines = ("The celadon bowls were fired in Longquan for 31 hours.",)
        add_paths(own, [write_paper(folder / "bowls.pdf", lines=lines)], workers=1)
    with service_of() as service:
        limits = Limits(rate=rate)
        page = Starlette(routes=[Route("/{path:path}", words)])
        app = Guard(page, application(service), Access(folder), limits, service.metrics, host="0.0.0.0")
        yield Guarded(app, *headers)
