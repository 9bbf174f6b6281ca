"""What the routes of the interface share: the parts of the server, who asks, and what may go wrong, in one line."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from svrag.app.access import user_of
from svrag.app.api.metrics import Metrics
from svrag.app.api.schemas import Error
from svrag.app.jobs import Jobs
from svrag.app.limits import Limits
from svrag.app.models import Loader
from svrag.app.users import User
from svrag.app.warm import Warm
from svrag.errors import InputError, LibraryError, SvragError
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
    loader: Loader = field(default_factory=Loader)


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
GONE: dict[int | str, dict[str, object]] = {
    410: {"model": Error, "description": "The document's file is not on the server any more"}
}
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


def line_of(error: SvragError, user: User) -> str:
    """What to tell of an error: nothing of where the library lies."""
    if isinstance(error, LibraryError):
        _log.error("%s", error)
        return "the library cannot be used: the log of the server says why"
    line = str(error)
    for folder in (str(user.folder.absolute()), str(user.folder)):
        line = line.replace(folder + "/files/", "").replace(folder, "the library")
    return line
