"""The interface without a server: requests go straight to the application, as the user that is named."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svrag.app.access import keep_user
from svrag.app.jobs import Jobs
from svrag.app.limits import Limits
from svrag.app.users import User
from svrag.app.warm import Warm
from svrag.generation.answer import Generator
from svrag.generation.quote import QuoteGenerator

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from svrag.app.api.service import Service


@contextmanager
def service_of(generator: Generator | None = None, **changes: Any) -> Iterator[Service]:
    from svrag.app.api.metrics import Metrics
    from svrag.app.api.service import Service

    quick, answers = Warm(2), Warm(2)
    yield Service(
        jobs=Jobs(workers=1),
        quick=quick,
        answers=answers,
        limits=Limits(),
        metrics=Metrics(),
        ended=threading.Event(),
        generator=generator or QuoteGenerator(),
        retriever="lexical",
        **changes,
    )
    quick.close()
    answers.close()


@contextmanager
def client_of(service: Service, *, folder: Path, name: str = "") -> Iterator[TestClient]:
    """Requests of one user whose library is in `folder`."""
    from starlette.testclient import TestClient

    from svrag.app.api.application import application

    inner = application(service)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        keep_user(scope, User(name, folder))
        await inner(scope, receive, send)

    with TestClient(app) as client:
        yield client
