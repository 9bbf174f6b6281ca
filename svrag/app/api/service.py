"""What the routes of the interface share: the parts of the server, who asks, and errors as status and one line."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from svrag.app.access import user_of
from svrag.app.api.metrics import Metrics
from svrag.app.api.schemas import Error
from svrag.app.jobs import Jobs
from svrag.app.limits import Limits
from svrag.app.users import User
from svrag.app.warm import Busy, Warm
from svrag.errors import InputError, LibraryError, ServerError, SvragError
from svrag.generation.answer import Generator
from svrag.library.store import Library, StoredDocument
from svrag.settings import DEFAULT_ENCODER

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """The parts of the server, made once.

    Attributes:
        quick: threads for what takes little time; `answers`: for what may wait for a model.
        ended: set when the program is about to end.
        k: pieces of evidence of an answer where the request does not say.
    """

    jobs: Jobs
    quick: Warm
    answers: Warm
    limits: Limits
    metrics: Metrics
    ended: threading.Event
    generator: Generator
    retriever: str
    encoder: str = DEFAULT_ENCODER
    k: int = 5


def _service(request: Request) -> Service:
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


def _user(request: Request) -> User:
    return user_of(request.scope)


Served = Annotated[Service, Depends(_service)]
Asking = Annotated[User, Depends(_user)]

ERRORS: dict[int | str, dict[str, object]] = {
    400: {"model": Error, "description": "The request cannot be done; the line says why"},
    401: {"model": Error, "description": "No key, or a wrong one"},
    403: {"model": Error, "description": "Sent by another site's page"},
    422: {"model": Error, "description": "The request does not fit this description"},
    429: {"model": Error, "description": "Too many requests; `Retry-After` says when to come again"},
    503: {"model": Error, "description": "The library cannot be read or written, or too much is asked at once"},
}
MISSING: dict[int | str, dict[str, object]] = {404: {"model": Error, "description": "There is no such thing"}}
NO_MODEL: dict[int | str, dict[str, object]] = {502: {"model": Error, "description": "A model's server failed"}}


def stored(library: Library, document_id: str) -> StoredDocument:
    """The document with this id.

    Raises:
        HTTPException: 404.
    """
    try:
        return library.stored(document_id)
    except InputError:
        raise HTTPException(404, f"no document {document_id}: GET /api/documents lists what is there") from None


async def explained(request: Request, error: Exception) -> JSONResponse:
    """An error of svrag as a status and one line that names no path of this server."""
    if isinstance(error, Busy):
        return JSONResponse({"detail": str(error)}, 503, {"Retry-After": "1"})
    if isinstance(error, InputError):
        return JSONResponse({"detail": line_of(error, user_of(request.scope))}, 400)
    if isinstance(error, ServerError):
        return JSONResponse({"detail": line_of(error, user_of(request.scope))}, 502)
    _log.error("%s", error)
    return JSONResponse({"detail": "the library cannot be used: the log of the server says why"}, 503)


def line_of(error: SvragError, user: User) -> str:
    """What to tell of an error: nothing of where the library lies."""
    if isinstance(error, LibraryError):
        _log.error("%s", error)
        return "the library cannot be used: the log of the server says why"
    line = str(error)
    for folder in (str(user.folder.absolute()), str(user.folder)):
        line = line.replace(folder + "/files/", "").replace(folder, "the library")
    return line


async def misfit(request: Request, error: Exception) -> JSONResponse:
    """A request that does not fit its description, as one line that repeats nothing of it but field names."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"detail": f"{where}: {first['msg']}"}, 422)
