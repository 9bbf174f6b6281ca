"""A connection to a server that speaks OpenAI's protocol: one completion, retried and streamed; what models it offers.

Each way it can fail becomes a clear line. What a request means, and which of its refusals a smaller request could
answer, is in chat.py.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn

import httpx

from svrag.errors import ServerError
from svrag.generation.model import Reply
from svrag.generation.thoughts import Visible, without_thoughts
from svrag.retrievers.servers import BUSY, checked_address, checked_key, client, retry_after, shown

_TRIES = 3
_LONGEST_WAIT = 20.0  # seconds; a server that asks for more is not worth waiting for
_MESSAGE_CHARACTERS = 300
_EVENT_BYTES = 4_000_000
_ANSWER_CHARACTERS = 50_000  # a model that repeats itself for ever is cut here
_MODELS_LISTED = 10
_NO_MODEL = re.compile(r"\bmodel\b.{0,80}(not found|not exist|not a valid|unknown)|(invalid|unknown) model", re.I)
_STOP_SECONDS = 0.05  # how long a server may go on after it was to stop


class Refusal(Exception):
    """The server says no to a request: its status and its own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Offered:
    """A model as a server lists it.

    Attributes:
        owner: the program or company that serves it ("vllm", ...); "" when it is not told.
        tokens: the longest request and reply together, where the server tells it (vLLM, SGLang).
    """

    name: str
    owner: str = ""
    tokens: int | None = None


class ChatServer:
    """A connection to one server; use as a context manager. The address and the key are checked ones."""

    def __init__(self, base_url: str, api_key: str, *, timeout: float, retry_seconds: float) -> None:
        url = checked_address(base_url)
        self._key = checked_key(api_key)
        self._url = str(url)
        self._shown = shown(url)
        self._retry_seconds = retry_seconds
        self._timeout = timeout
        self._client = client(url, self._key, timeout=timeout)
        self._socket: socket.socket | None = None  # of the last connection made

    def __enter__(self) -> ChatServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def only_model(self) -> str:
        """The name of the model when the server offers exactly one.

        Raises:
            ServerError: it offers none or several; they are listed.
        """
        names = [model.name for model in self.models()]
        if len(names) == 1:
            return names[0]
        raise ServerError(f"{self._shown} offers {_listed(names)}: say which with SVRAG_OPENAI_MODEL")

    def models(self) -> list[Offered]:
        """What the server offers, by name.

        Raises:
            ServerError: it is away, wants another key, or lists no models.
        """
        try:
            response = self._client.get(f"{self._url}/models", timeout=10.0, extensions=self._watched())
        except httpx.HTTPError as error:
            raise self._away(error) from None
        if response.status_code in (401, 403):
            raise self.error_of(Refusal(response.status_code, ""), "")
        try:
            found = response.json()["data"]
            longest = {str(model["id"]): _count(model.get("max_model_len")) for model in found}
            return sorted(
                (
                    # An adapter that vLLM serves tells no length: it is that of the model it belongs to.
                    Offered(name, str(model.get("owned_by") or ""), longest[name] or longest.get(model.get("parent")))
                    for name, model in ((str(model["id"]), model) for model in found)
                ),
                key=lambda model: model.name,
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ServerError(f"{self._shown}/models lists no models: name one with SVRAG_OPENAI_MODEL") from None

    def count(self, request: Mapping[str, object]) -> int | None:
        """Tokens of the messages of `request`, as vLLM's /tokenize counts them; None where a server does not tell."""
        address = f"{self._url.removesuffix('/v1')}/tokenize"
        try:
            response = self._client.post(address, json=request, timeout=30.0, extensions=self._watched())
            return _count(response.json()["count"]) if response.status_code == 200 else None
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None

    def chat(
        self,
        request: Mapping[str, object],
        *,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Reply:
        """Send `request`, streamed, and gather the answer; a busy server is tried again.

        Args:
            should_stop: asked between pieces and, from another thread, while the server is silent. The connection is
                then closed, so that the server stops its work.

        Raises:
            Refusal: the server will not take this request, or stays busy; `error_of` makes a line of it.
            ServerError: it is away, or sends something else than an answer.
        """
        for attempt in range(_TRIES):
            try:
                with self._stopping(should_stop) as stopped:
                    return self._chat_once(request, on_token, should_stop, stopped)
            except _Busy as busy:
                wait = max(busy.wait, self._retry_seconds * 2**attempt)
                if attempt == _TRIES - 1:
                    raise Refusal(busy.status, busy.message) from None
                if wait > _LONGEST_WAIT:
                    raise Refusal(busy.status, f"it asks to wait {wait:.0f} s. {busy.message}".strip()) from None
                if _slept_or_stopped(wait, should_stop):
                    return Reply("", stopped=True)
            except _Dropped as dropped:
                if attempt:
                    raise self._away(dropped.error) from None
            except httpx.HTTPError as error:
                raise self._away(error) from None
        raise AssertionError("the last try returns or raises")

    def error_of(self, refusal: Refusal, model: str) -> ServerError:
        """A refusal as one line for the user: what is wrong and what to do next."""
        status, said = refusal.status, f": {refusal.message}" if refusal.message else ""
        if status in (401, 403):
            wrong = "refuses the key" if self._key else "wants a key"
            return ServerError(f"{self._shown} {wrong} ({status}): set SVRAG_OPENAI_API_KEY")
        if status == 404 or _NO_MODEL.search(refusal.message):
            try:
                models = [offered.name for offered in self.models()]
            except ServerError:
                return ServerError(f"nothing answers chat requests at {self._shown} (404): it should end in /v1")
            if model not in models:
                return ServerError(
                    f"{self._shown} has no model {model!r}, it offers {_listed(models)}: set SVRAG_OPENAI_MODEL"
                )
        if status == 429:
            return ServerError(f"{self._shown} is over its limit (429), try again later{said}")
        if status >= 500:
            return ServerError(f"{self._shown} failed ({status}), try again or look at its log{said}")
        return ServerError(f"{self._shown} refuses the request ({status}){said}")

    def _chat_once(
        self,
        request: Mapping[str, object],
        on_token: Callable[[str], None] | None,
        should_stop: Callable[[], bool] | None,
        stopped: threading.Event,
    ) -> Reply:
        pieces: list[str] = []
        characters, finish, began = 0, "", False
        visible = Visible()
        try:
            with self._client.stream(
                "POST",
                f"{self._url}/chat/completions",
                json={**request, "stream": True},
                extensions=self._watched(),
            ) as response:
                began = True
                if response.status_code != 200:
                    response.read()
                    self._refuse(response)
                for piece, ending in self._pieces(response):
                    pieces.append(piece)
                    finish = finish or ending
                    characters += len(piece)
                    shown = visible.feed(piece)
                    if shown and on_token is not None:
                        on_token(shown)
                    if characters > _ANSWER_CHARACTERS:
                        finish = "length"
                        break
                    if should_stop is not None and should_stop():
                        stopped.set()
                        break
        except (httpx.HTTPError, ServerError, Refusal) as error:
            if not visible.shown and not stopped.is_set():
                if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError) and not began:
                    raise _Dropped(error) from None
                raise
            finish = ""  # an answer is on the screen already: keep it, and let the reader know
        written = "".join(pieces)
        text = without_thoughts(written)
        if not text.strip():
            if stopped.is_set():
                return Reply("", stopped=True)
            why = ", its length limit went into thinking" if written.strip() or finish == "length" else ""
            raise ServerError(f"the model at {self._shown} answered nothing{why}: ask again or use another model")
        return Reply(text, finish, stopped.is_set())

    def _refuse(self, response: httpx.Response) -> NoReturn:
        message = self._message_of(response.content)
        if response.status_code in BUSY:
            raise _Busy(response.status_code, message, retry_after(response.headers.get("Retry-After", "")))
        raise Refusal(response.status_code, message)

    @contextmanager
    def _stopping(self, should_stop: Callable[[], bool] | None) -> Iterator[threading.Event]:
        """While inside, asks `should_stop` again and again; ends the connection and sets the event when it says so.

        A model may read for a minute before it writes: a reader who gives up need not wait for its first word.
        """
        stopped, done = threading.Event(), threading.Event()

        def watch(should_stop: Callable[[], bool]) -> None:
            while not done.wait(_STOP_SECONDS):
                if should_stop():
                    stopped.set()
                    if self._socket is not None:
                        with suppress(OSError):  # closed already
                            # Of the class itself: that of an encrypted connection ends its encryption first.
                            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
                    return

        if should_stop is None:
            yield stopped
            return
        watcher = threading.Thread(target=watch, args=(should_stop,), daemon=True)
        watcher.start()
        try:
            yield stopped
        finally:
            done.set()
            watcher.join()

    def _watched(self) -> dict[str, Callable[[str, dict[str, Any]], None]]:
        """Of a request: remembers the socket when a connection is made."""

        def trace(event: str, info: dict[str, Any]) -> None:
            if event.endswith(("connect_tcp.complete", "start_tls.complete")):
                self._socket = info["return_value"].get_extra_info("socket")

        return {"trace": trace}

    def _pieces(self, response: httpx.Response) -> Iterator[tuple[str, str]]:
        """(text, reason for ending or "") of each piece of the answer, whether the server streams or not."""
        broken = ServerError(f"{self._shown} sends something that is no answer: is it an OpenAI-compatible server?")
        if "event-stream" not in response.headers.get("Content-Type", ""):
            response.read()
            bodies: Iterable[str] = [response.text, "[DONE]"]
        else:
            bodies = _events(response.iter_bytes())
        for body in bodies:
            if body == "[DONE]":
                yield "", "done"  # for servers that give no reason
                return
            try:
                event = json.loads(body)
                if error := event.get("error"):
                    code = error.get("code") if isinstance(error, dict) else None
                    raise Refusal(code if isinstance(code, int) else 500, self._message_of(body.encode()))
                for choice in event["choices"][:1]:  # none in the event that counts the tokens
                    part = choice.get("delta") or choice.get("message") or {}
                    yield str(part.get("content") or ""), str(choice.get("finish_reason") or "")
            except (ValueError, KeyError, TypeError, AttributeError):
                raise broken from None

    def _away(self, error: httpx.HTTPError) -> ServerError:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            reason = f" ({_one_line(str(error))})" if str(error) else ""
            return ServerError(f"no server answers at {self._shown}{reason}: start it or set SVRAG_OPENAI_BASE_URL")
        if isinstance(error, httpx.TimeoutException):
            return ServerError(f"{self._shown} sent nothing for {self._timeout:g} s: is the model too slow or stuck?")
        return ServerError(f"{self._shown} broke off the connection: look at its log")

    def _message_of(self, body: bytes) -> str:
        """The server's own words in an error body, on one short line, without the key."""
        text = body.decode("utf-8", "replace")
        with suppress(ValueError, AttributeError):
            found = json.loads(text)
            inner = found.get("error") or found.get("detail") or found.get("message") or text
            text = str(inner.get("message") or inner) if isinstance(inner, dict) else str(inner)
        return _one_line(text.replace(self._key, "***") if self._key else text)


class _Dropped(Exception):
    """The connection ended before a response began: a server may close one that was idle just as it is used again."""

    def __init__(self, error: httpx.HTTPError) -> None:
        super().__init__(str(error))
        self.error = error


class _Busy(Exception):
    def __init__(self, status: int, message: str, wait: float) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.wait = wait


def _events(chunks: Iterable[bytes]) -> Iterator[str]:
    """The data of each server-sent event. Lines end at \\n only: str.splitlines would cut at U+2028 in the JSON."""
    held = b""
    for chunk in chunks:
        *lines, held = (held + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip().decode("utf-8", "replace")
        if len(held) > _EVENT_BYTES:
            return
    if held.startswith(b"data:"):
        yield held[5:].strip().decode("utf-8", "replace")


def _slept_or_stopped(seconds: float, should_stop: Callable[[], bool] | None) -> bool:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if should_stop is not None and should_stop():
            return True
        time.sleep(min(0.1, left))
    return False


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _listed(models: list[str]) -> str:
    more = f" and {len(models) - _MODELS_LISTED} more" if len(models) > _MODELS_LISTED else ""
    return (", ".join(models[:_MODELS_LISTED]) + more) or "no model"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MESSAGE_CHARACTERS else line[:_MESSAGE_CHARACTERS] + "..."
