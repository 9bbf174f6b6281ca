"""A chat model as generators see it, wherever it runs: messages in, text out, piece by piece. Knows nothing of evidence.

Implementations: `chat.py` (a server that speaks OpenAI's protocol), `transformers.py` and `vllm.py` (in this process),
`sv_rag.py` (the retriever's own backbone).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """PNG or JPEG bytes."""

    data: bytes

    @property
    def mime(self) -> Literal["image/png", "image/jpeg"]:
        """What the bytes are."""
        return "image/jpeg" if self.data.startswith(b"\xff\xd8") else "image/png"


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    parts: tuple[Text | Picture, ...]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is asked of a model; decoding is greedy.

    Attributes:
        max_tokens: the longest reply.
        schema: JSON schema that the reply must fit; only for models whose `Limits.structured` is true.
    """

    messages: tuple[Message, ...]
    max_tokens: int = 1024
    schema: Mapping[str, object] | None = None

    @property
    def pictures(self) -> int:
        """How many there are in all messages."""
        return sum(isinstance(part, Picture) for message in self.messages for part in message.parts)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model takes at most; None where it does not tell.

    Attributes:
        tokens: of the request and the reply together.
        pictures: of a request; 0 for a model that reads text alone.
        structured: whether `ChatRequest.schema` is followed for certain.
    """

    tokens: int | None = None
    pictures: int | None = None
    structured: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model wrote.

    Attributes:
        text: without the thoughts that some models write first.
        finish: its reason for ending ("stop", "length", ...; "done" when it gave none); "" when it broke off.
        stopped: ended by `should_stop`.
    """

    text: str
    finish: str = ""
    stopped: bool = False


class Refused(Exception):
    """A model will not take a request that a smaller one could replace.

    Attributes:
        what: "length" (too many tokens), "pictures" (too many, or any), "schema" (no structured output).
        most: the limit it told, in tokens or pictures; None when it did not tell.
    """

    def __init__(self, what: Literal["length", "pictures", "schema"], message: str, most: int | None = None) -> None:
        super().__init__(message)
        self.what = what
        self.most = most


class ChatModel(Protocol):
    """A model that answers; a context manager, since servers have connections. Safe to use in one thread at a time."""

    @property
    def name(self) -> str:
        """Of the model, for people."""

    def limits(self) -> Limits:
        """What it takes; may ask a server, once.

        Raises:
            ServerError: the server is away.
        """

    def count(self, request: ChatRequest) -> int | None:
        """Tokens of `request` as the model's own processor counts them, pictures included; None: cannot be told."""

    def chat(
        self,
        request: ChatRequest,
        *,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Reply:
        """Answer `request`, telling each piece of text as it comes; `should_stop` is asked between pieces.

        Raises:
            Refused: it is too much for the model; nothing was told to `on_token`.
            ServerError: a server is away, refuses or answers nonsense; one line says what to do.
            InputError: the model cannot be loaded.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
