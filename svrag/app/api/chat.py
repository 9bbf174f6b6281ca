"""OpenAI's chat completions, answered from the library: programs made for them need no other change than the address.

The last message of the user is the question, what was said before it the conversation. System messages and sampling
options have no effect: what is answered, and from what, is decided here.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from svrag.app.api.asking import finished, steps, while_connected
from svrag.app.api.errors import OPENAI, OpenAIFailure, openai_failure, status_of
from svrag.app.api.questions import EVENT_STREAM
from svrag.app.api.schemas import CitationOut
from svrag.app.api.service import ERRORS, MISSING, NO_MODEL, Asking, Served, Service, line_of
from svrag.app.streaming import Finished, Piece, Step
from svrag.app.users import User
from svrag.errors import SvragError
from svrag.generation.answer import Answer
from svrag.generation.conversation import Turn
from svrag.text import shortened


def _told(responses: Mapping[int | str, Mapping[str, object]]) -> dict[int | str, dict[str, Any]]:
    """Described errors, as OpenAI's protocol has them."""
    return {status: {**response, "model": OpenAIFailure} for status, response in responses.items()}


router = APIRouter(prefix=OPENAI, responses=_told({**ERRORS, **NO_MODEL}), tags=["chat completions"])
MODEL = "svrag"
_EVENT = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
_LONGEST_QUESTION = 4000
_LONGEST_NAME = 100


class PartIn(BaseModel):
    """A part of a message; only texts can be asked."""

    type: str
    text: str = ""


class MessageIn(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[str, StringConstraints(max_length=100_000)] | list[PartIn] | None = None

    def words(self) -> str:
        """What is said."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.type == "text")


class ChatIn(BaseModel):
    """The fields that are read; others are taken, as clients send them, and have no effect."""

    model: Annotated[str, StringConstraints(max_length=200)] = MODEL
    messages: Annotated[list[MessageIn], Field(min_length=1, max_length=500)]
    stream: bool = False


class MessageOut(BaseModel):
    """`citations` is svrag's own: what each [n] of the content stands for."""

    role: Literal["assistant"] = "assistant"
    content: str
    citations: tuple[CitationOut, ...]


class ChoiceOut(BaseModel):
    index: Literal[0] = 0
    message: MessageOut
    finish_reason: Literal["stop"] = "stop"


class ChatOut(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    choices: tuple[ChoiceOut]


class DeltaOut(BaseModel):
    role: Literal["assistant"] | None = None
    content: str | None = None
    citations: tuple[CitationOut, ...] | None = None


class PieceChoiceOut(BaseModel):
    index: Literal[0] = 0
    delta: DeltaOut
    finish_reason: Literal["stop"] | None = None


class ChunkOut(BaseModel):
    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str = MODEL
    choices: tuple[PieceChoiceOut]


class ModelOut(BaseModel):
    model_config = ConfigDict(protected_namespaces=())
    id: str = MODEL
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = MODEL


class ModelsOut(BaseModel):
    object: Literal["list"] = "list"
    data: tuple[ModelOut] = (ModelOut(),)


@router.get("/models")
async def list_models() -> ModelsOut:
    """The one model there is: the library."""
    return ModelsOut()


@router.get("/models/{model}", responses=_told(MISSING))
async def get_model(model: str) -> ModelOut:
    """That model, by its name."""
    if model != MODEL:
        raise HTTPException(404, f"no such model: the one there is, is called {MODEL}")
    return ModelOut()


@router.post(
    "/chat/completions",
    response_model=ChatOut,
    responses={200: {"content": {EVENT_STREAM: {"schema": _EVENT}}, "description": "The answer"}},
)
async def complete(service: Served, user: Asking, request: ChatIn, connection: Request) -> ChatOut | StreamingResponse:
    """Answer the last question from the documents; sources stand below the answer and in `citations`."""
    question, history = _conversation(request.messages)
    name, created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())
    if not request.stream:
        coming = finished(service, user, question, history=history)
        answer = (await while_connected(connection.receive, coming)).answer
        citations = tuple(CitationOut.model_validate(citation) for citation in answer.citations)
        message = MessageOut(content=answer.text + _sources(answer), citations=citations)
        return ChatOut(id=name, created=created, choices=(ChoiceOut(message=message),))
    pieces = steps(service, user, question, history=history)
    await anext(pieces)  # an error before the evidence is a status, as everywhere
    return StreamingResponse(_chunks(service, user, name, created, pieces), media_type=EVENT_STREAM)


async def _chunks(
    service: Service, user: User, name: str, created: int, coming: AsyncIterator[Step]
) -> AsyncIterator[str]:
    def chunk(delta: DeltaOut, finish: Literal["stop"] | None = None) -> str:
        choice = PieceChoiceOut(delta=delta, finish_reason=finish)
        made = ChunkOut(id=name, created=created, choices=(choice,))
        return f"data: {made.model_dump_json(exclude_none=finish is None)}\n\n"

    yield chunk(DeltaOut(role="assistant", content=""))
    try:
        async for step in coming:
            match step:
                case Piece(text):
                    yield chunk(DeltaOut(content=text))
                case Finished(_, answer):
                    citations = tuple(CitationOut.model_validate(citation) for citation in answer.citations)
                    yield chunk(DeltaOut(content=_sources(answer), citations=citations))
        yield chunk(DeltaOut(), "stop")
    except SvragError as error:
        yield f"data: {openai_failure(status_of(error), line_of(error, user)).model_dump_json()}\n\n"
    yield "data: [DONE]\n\n"


def _conversation(messages: Sequence[MessageIn]) -> tuple[str, list[Turn]]:
    """The question, and what was asked and answered before it."""
    said = [(message.role, message.words()) for message in messages if message.role in ("user", "assistant")]
    if not said or said[-1][0] != "user":
        raise HTTPException(400, "the last message must be the user's: it is the question")
    question = said.pop()[1]
    if len(question) > _LONGEST_QUESTION:
        raise HTTPException(400, f"the question is too long: {_LONGEST_QUESTION} characters at most")
    turns: list[Turn] = []
    asked = ""
    for role, words in said:
        if role == "user":
            asked = words
        elif asked:
            turns.append(Turn(asked, words))
            asked = ""
    return question, turns


def _sources(answer: Answer) -> str:
    """The citations as lines below the answer, for clients that show text alone."""
    lines = []
    for citation in sorted(answer.citations, key=lambda citation: citation.n):
        element = citation.element
        label = f", {element.label}" if element.label and element.type != "page" else ""
        lines.append(f"[{citation.n}] {shortened(citation.document_name, _LONGEST_NAME)}, page {element.page}{label}")
    return "\n\n" + "\n".join(lines) if lines else ""
