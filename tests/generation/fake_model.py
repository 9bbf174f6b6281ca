"""A chat model in memory that answers as told and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from svrag.generation.generator import ModelGenerator
from svrag.generation.model import ChatRequest, Limits, Picture, Refused, Reply, Text


@dataclass
class FakeModel:
    """Replies with `replies` in turn, the last one for ever; an exception among them is raised.

    Attributes:
        count_of: tokens of a request; None: it does not count.
        pieces: characters of the reply told at once.
    """

    replies: list[Reply | Exception] = field(default_factory=lambda: [Reply("Yes [1].", "stop")])
    limit: Limits = field(default_factory=Limits)
    count_of: Callable[[ChatRequest], int] | None = None
    pieces: int = 3
    requests: list[ChatRequest] = field(default_factory=list)
    opened: int = 0
    name: str = "fake"

    def limits(self) -> Limits:
        return self.limit

    def count(self, request: ChatRequest) -> int | None:
        return None if self.count_of is None else self.count_of(request)

    def chat(
        self,
        request: ChatRequest,
        *,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Reply:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        for at in range(0, len(reply.text), self.pieces):
            if on_token is not None:
                on_token(reply.text[at : at + self.pieces])
        return reply

    def __enter__(self) -> Self:
        self.opened += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.opened -= 1

    def generator(self, **settings: int) -> ModelGenerator:
        return ModelGenerator(lambda: self, "fake", **settings)

    def text(self, request: int = -1) -> str:
        """All text of the last message of a request."""
        return "\n".join(part.text for part in self.requests[request].messages[-1].parts if isinstance(part, Text))

    def pictures(self, request: int = -1) -> list[bytes]:
        return [part.data for part in self.requests[request].messages[-1].parts if isinstance(part, Picture)]


def says(text: str) -> FakeModel:
    return FakeModel([Reply(text, "stop")])


def too_long() -> Refused:
    return Refused("length", "the context is full")
