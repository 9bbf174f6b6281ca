"""Search and ask, the answer whole or as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from svrag.app.api.asking import finished, steps, while_connected
from svrag.app.api.schemas import AnswerOut, AskIn, AskOut, Error, SearchIn, SearchOut
from svrag.app.api.service import ERRORS, NO_MODEL, Asking, Served, Service, line_of
from svrag.app.streaming import Finished, Found, Piece, Step
from svrag.app.users import User
from svrag.errors import SvragError
from svrag.generation.conversation import Turn
from svrag.library.store import Library
from svrag.search.engine import search
from svrag.search.result import SearchResult

router = APIRouter(prefix="/api", responses={**ERRORS, **NO_MODEL}, tags=["questions"])
EVENT_STREAM = "text/event-stream"
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["evidence", "piece", "answer", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}


class _PieceOut(BaseModel):
    text: str


@router.post("/search")
async def search_documents(service: Served, user: Asking, request: SearchIn) -> SearchOut:
    """The figures, tables, paragraphs and pages that bear most on a question, best first."""

    def work(library: Library) -> SearchResult:
        return search(
            library,
            request.question,
            k=request.k,
            documents=request.documents,
            retriever=service.retriever,
            encoder=service.encoder,
        )

    return SearchOut.model_validate(await service.quick.run(user.folder, work))


@router.post("/ask")
async def ask_documents(service: Served, user: Asking, request: AskIn, connection: Request) -> AskOut:
    """Answer a question from the documents, with citations. Closing the connection stops the answer."""
    history = [Turn(turn.question, turn.answer) for turn in request.history]
    coming = finished(service, user, request.question, k=request.k, documents=request.documents, history=history)
    return _answered(await while_connected(connection.receive, coming))


@router.post(
    "/ask/stream",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {EVENT_STREAM: {"schema": _EVENT}},
            "description": "Events: `evidence` (a search result), `piece` (more text, not yet checked), then `answer` "
            "(answer and search result; put its text in the place of the pieces) or `error`.",
        }
    },
)
async def ask_in_pieces(service: Served, user: Asking, request: AskIn) -> StreamingResponse:
    """Answer a question as server-sent events. Closing the connection stops the answer."""
    history = [Turn(turn.question, turn.answer) for turn in request.history]
    coming = steps(service, user, request.question, k=request.k, documents=request.documents, history=history)
    first = await anext(coming)  # an error before the first step is a status, as everywhere
    return StreamingResponse(_events(service, user, first, coming), media_type=EVENT_STREAM)


async def _events(service: Service, user: User, first: Step, coming: AsyncIterator[Step]) -> AsyncIterator[str]:
    yield _event(first)
    try:
        async for step in coming:
            yield _event(step)
    except SvragError as error:
        yield _written("error", Error(detail=line_of(error, user)))


def _event(step: Step) -> str:
    match step:
        case Found(result):
            return _written("evidence", SearchOut.model_validate(result))
        case Piece(text):
            return _written("piece", _PieceOut(text=text))
        case Finished():
            return _written("answer", _answered(step))


def _answered(step: Finished) -> AskOut:
    return AskOut(answer=AnswerOut.model_validate(step.answer), search=SearchOut.model_validate(step.result))


def _written(name: str, data: BaseModel) -> str:
    return f"event: {name}\ndata: {data.model_dump_json()}\n\n"
