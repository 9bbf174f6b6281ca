"""A chat model behind a server that speaks OpenAI's protocol: vLLM, `transformers serve`, llama.cpp, SGLang, OpenAI.

Turns a `ChatRequest` into what such servers take, and their refusals into those that a smaller request answers
(`Refused`) and those that only a person can (`ServerError`). How bytes come and go is in wire.py.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from types import TracebackType
from typing import Self

from svrag.errors import ServerError
from svrag.generation.model import ChatRequest, Limits, Message, Picture, Refused, Reply, Text
from svrag.generation.wire import ChatServer, Offered, Refusal

# Their decoders cannot write what the schema does not allow. Others may take the parameter and not keep to it.
_FOLLOW_SCHEMAS = frozenset({"vllm", "sglang", "llamacpp"})
_COUNT_TOKENS = frozenset({"vllm"})

_TOO_LONG = re.compile(r"context.{0,9}(length|window|size)|too (long|many tokens)|maximum.{0,20}(length|tokens)", re.I)
_LENGTH = re.compile(r"(?:context|model).{0,30}?(?:length|window|size|len)\D{0,20}(\d{2,})", re.I)
_ABOUT_PICTURES = re.compile(r"image|vision|multi-?modal|mmproj|content.{0,40}string|string.{0,40}content", re.I)
_PICTURE_LIMIT = re.compile(r"at most (\d+) image", re.I)
_ABOUT_SCHEMAS = re.compile(r"response_format|json_?schema|structured|grammar|guided", re.I)
_BAD_PARAMETER = re.compile(r"unsupported.{0,40}'(max_tokens|temperature)'", re.I | re.S)
_LARGE_BODY = 413


class ServerChat:
    """One model of a server; a `ChatModel`.

    Args:
        base_url: such as http://localhost:8000/v1.
        model: its name there; "" takes the only one the server offers.
        api_key: sent to this server as a bearer token; appears in no message, log or repr.
        timeout: seconds to wait for the next piece of the answer.
        retry_seconds: wait before the second try of a busy server; doubles with each.

    Raises:
        InputError: `base_url` is missing or not http(s), or `api_key` cannot be sent.
    """

    def __init__(
        self,
        base_url: str,
        model: str = "",
        api_key: str = "",
        *,
        timeout: float = 180.0,
        retry_seconds: float = 1.0,
    ) -> None:
        self._server = ChatServer(base_url, api_key, timeout=timeout, retry_seconds=retry_seconds)
        self._model = model
        self._offered: Offered | None = None
        self._parameters: dict[str, str] = {"max_tokens": "max_tokens", "temperature": "temperature"}

    @property
    def name(self) -> str:
        """The model's name at the server; "the model" until that was asked."""
        return self._model or "the model"

    def limits(self) -> Limits:
        """What the server tells, asked once; how many pictures it takes, it says when it gets too many.

        Raises:
            ServerError: no model was named, and the server is away or does not offer exactly one.
        """
        offered = self._listed()
        return Limits(tokens=offered.tokens, structured=offered.owner in _FOLLOW_SCHEMAS)

    def count(self, request: ChatRequest) -> int | None:
        """Tokens of `request` where the server counts them (vLLM); None elsewhere.

        Raises:
            ServerError: as `limits`.
        """
        if self._listed().owner not in _COUNT_TOKENS:
            return None
        return self._server.count({"model": self._model, "messages": [_message(m) for m in request.messages]})

    def chat(
        self,
        request: ChatRequest,
        *,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Reply:
        """See `ChatModel`; `should_stop` is also asked from another thread, while the server is silent."""
        self._model = self._model or self._server.only_model()
        while True:
            try:
                return self._server.chat(self._body(request), on_token=on_token, should_stop=should_stop)
            except Refusal as refusal:
                if not self._without_parameter(refusal.message):
                    raise self._meaning(refusal, request) from None

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)

    def _listed(self) -> Offered:
        """The model as the server lists it.

        A model that was named need not be on a list: some servers have none, and what else is wrong, the chat tells.
        """
        if self._offered is None:
            self._model = self._model or self._server.only_model()
            try:
                listed = {offered.name: offered for offered in self._server.models()}
            except ServerError:
                listed = {}
            self._offered = listed.get(self._model, Offered(self._model))
        return self._offered

    def _body(self, request: ChatRequest) -> dict[str, object]:
        body: dict[str, object] = {"model": self._model, "messages": [_message(m) for m in request.messages]}
        for name, value in (("temperature", 0), ("max_tokens", request.max_tokens)):
            if sent_as := self._parameters.get(name):
                body[sent_as] = value
        if request.schema is not None:
            schema = {"name": "answer", "schema": dict(request.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def _without_parameter(self, message: str) -> bool:
        """Whether `message` complains about a parameter that can be named otherwise or left out; then it is."""
        bad = _BAD_PARAMETER.search(message)
        if bad is None or bad[1] not in self._parameters:
            return False
        if self._parameters[bad[1]] == "max_tokens" and "max_completion_tokens" in message:
            self._parameters["max_tokens"] = "max_completion_tokens"
        else:
            del self._parameters[bad[1]]
        return True

    def _meaning(self, refusal: Refusal, request: ChatRequest) -> Exception:
        said = refusal.message
        if refusal.status in (401, 403, 404, 429):
            return self._server.error_of(refusal, self._model)
        if refusal.status == _LARGE_BODY:
            return Refused("pictures" if request.pictures else "length", said or "the request has too many bytes")
        if _TOO_LONG.search(said):  # before pictures: such messages often explain how these count
            length = _LENGTH.search(said)
            return Refused("length", said, int(length[1]) if length else None)
        if request.schema is not None and _ABOUT_SCHEMAS.search(said):
            return Refused("schema", said)
        if request.pictures and _ABOUT_PICTURES.search(said):
            limit = _PICTURE_LIMIT.search(said)
            return Refused("pictures", said, int(limit[1]) if limit else None)
        return self._server.error_of(refusal, self._model)


def _message(message: Message) -> dict[str, object]:
    """`message` as servers take it; one of text alone as plain text, which each of them takes."""
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    if len(texts) == len(message.parts):
        return {"role": message.role, "content": "\n".join(texts)}
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: Text | Picture) -> dict[str, object]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    url = f"data:{part.mime};base64,{base64.b64encode(part.data).decode('ascii')}"
    return {"type": "image_url", "image_url": {"url": url}}
