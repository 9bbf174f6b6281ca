"""A question in a thread that keeps its library open, step by step as `svrag.app.streaming` has them, for the event loop.

Whoever stops taking the steps stops the answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import HTTPException

from svrag.app.api.service import Service
from svrag.app.streaming import Finished, Found, Piece, Step
from svrag.app.users import User
from svrag.generation.ask import ask
from svrag.generation.conversation import Turn
from svrag.library.store import Library

if TYPE_CHECKING:
    from starlette.types import Receive

_T = TypeVar("_T")
_LEFT = 499  # what servers write down for a client that has closed the connection; nobody reads the reply


async def steps(
    service: Service,
    user: User,
    question: str,
    *,
    k: int | None = None,
    documents: Sequence[str] | None = None,
    history: Sequence[Turn] = (),
) -> AsyncIterator[Step]:
    """The evidence, the pieces of the answer, the checked answer.

    Raises:
        SvragError: as `ask` does, after the steps before it.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[Step | BaseException] = asyncio.Queue()
    stop = threading.Event()

    def put(step: Step | BaseException) -> None:
        loop.call_soon_threadsafe(ready.put_nowait, step)

    def work(library: Library) -> None:
        result, answer = ask(
            library,
            question,
            k=k or service.k,
            documents=documents,
            history=history,
            retriever=service.retriever,
            encoder=service.encoder,
            generator=service.generator,
            on_result=lambda result: put(Found(result)),
            on_token=lambda text: put(Piece(text)),
            should_stop=lambda: stop.is_set() or service.ended.is_set(),
        )
        put(Finished(result, answer))

    async def run() -> None:
        try:
            await service.answers.run(user.folder, work)
        except BaseException as error:  # whatever it is belongs to whoever waits for the steps
            ready.put_nowait(error)

    running = asyncio.create_task(run())
    try:
        while True:
            step = await ready.get()
            if isinstance(step, BaseException):
                raise step
            yield step
            if isinstance(step, Finished):
                return
    finally:
        if not running.done():  # it ends at the next piece
            stop.set()


async def finished(
    service: Service,
    user: User,
    question: str,
    *,
    k: int | None = None,
    documents: Sequence[str] | None = None,
    history: Sequence[Turn] = (),
) -> Finished:
    """The end alone, for whoever does not read along.

    Raises:
        SvragError: as `ask` does.
    """
    async for step in steps(service, user, question, k=k, documents=documents, history=history):
        if isinstance(step, Finished):
            return step
    raise AssertionError("an answer has an end")


async def while_connected(receive: Receive, work: Coroutine[Any, Any, _T]) -> _T:
    """What `work` gives; it is cancelled when the client closes the connection, and what it stops with it.

    Args:
        receive: of the request, whose body has been read.

    Raises:
        HTTPException: the client has left.
    """

    async def left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(left())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(_LEFT, "the client has left")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
