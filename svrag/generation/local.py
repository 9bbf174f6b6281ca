"""Answers of a model in this process, whoever loaded it: what it takes, greedy decoding, text piece by piece.

Fulfils `ChatModel` around a `Speaker`. Knows nothing of checkpoints, prompts or adapters.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from svrag.generation.model import ChatRequest, Limits, Message, Refused, Reply
from svrag.generation.prepared import Prepared
from svrag.generation.thoughts import Visible, without_thoughts

_UNFINISHED = "�"  # the last bytes are the beginning of a letter
_OFTEN = 0.1  # seconds between questions to `should_stop` while another answer is written


class Speaker(Protocol):
    """A loaded model that writes. All but `write` may be called by several threads at once.

    Attributes:
        context: tokens it can read and write together; None where its settings do not say.
        sees: whether it takes pictures.
        turn: held while it writes.
    """

    @property
    def context(self) -> int | None: ...
    @property
    def sees(self) -> bool: ...
    @property
    def turn(self) -> threading.Lock: ...

    def prepare(self, messages: Sequence[Message]) -> Any:
        """The conversation as the model reads it, up to where it is its turn."""

    def length(self, prepared: Any) -> int:
        """In tokens."""

    def write(self, prepared: Any, most: int, hear: Callable[[int], bool]) -> None:
        """Write at most so many tokens, always the likeliest; `hear` gets each and says whether to go on."""

    def ends(self, token: int) -> bool:
        """Whether a reply ends with this token."""

    def text(self, tokens: Sequence[int]) -> str:
        """Without the model's own signs."""


class LocalChat(Prepared[Any]):
    """A `ChatModel` in this process.

    Args:
        name: of the model, for people.
        speaker: gives the loaded model; asked each time, so that it can be shared with others.
    """

    def __init__(self, name: str, speaker: Callable[[], Speaker]) -> None:
        self.name = name
        self._speaker = speaker

    def limits(self) -> Limits:
        """Raises:
        InputError: the model cannot be loaded.
        """
        speaker = self._speaker()
        return Limits(tokens=speaker.context, pictures=None if speaker.sees else 0)

    def count(self, request: ChatRequest) -> int | None:
        """None for pictures that it does not take.

        Raises:
            InputError: the model cannot be loaded.
        """
        speaker = self._speaker()
        if request.pictures and not speaker.sees:
            return None
        return speaker.length(self._of(request, partial(speaker.prepare, request.messages)))

    def chat(
        self,
        request: ChatRequest,
        *,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Reply:
        """As `ChatModel.chat`. An answer that another thread is being given is waited for."""
        import torch

        speaker = self._speaker()
        if request.schema is not None:
            raise Refused("schema", f"{self.name} cannot be held to a schema")
        if request.pictures and not speaker.sees:
            raise Refused("pictures", f"{self.name} reads no pictures", 0)
        prepared = self._of(request, partial(speaker.prepare, request.messages))
        length = speaker.length(prepared)
        if speaker.context is not None and length + request.max_tokens > speaker.context:
            whole = f"{length} tokens and {request.max_tokens} of a reply"
            raise Refused("length", f"{self.name} takes {speaker.context} tokens, not {whole}", speaker.context)
        told = _Told(speaker, on_token, should_stop)
        while not speaker.turn.acquire(timeout=_OFTEN):
            if should_stop is not None and should_stop():
                return Reply("", stopped=True)
        try:
            speaker.write(prepared, request.max_tokens, told.hear)
        except torch.OutOfMemoryError:
            if not told.tokens:
                raise Refused("length", f"{length} tokens are more than this machine has memory for") from None
        finally:
            speaker.turn.release()
        return told.reply(request.max_tokens)


class _Told:
    """What a model has written, and what of it was passed on."""

    def __init__(
        self, speaker: Speaker, on_token: Callable[[str], None] | None, should_stop: Callable[[], bool] | None
    ) -> None:
        self.tokens: list[int] = []
        self._speaker = speaker
        self._on_token = on_token
        self._should_stop = should_stop
        self._visible = Visible()
        self._passed_on = 0  # letters
        self._stopped = False

    def hear(self, token: int) -> bool:
        self.tokens.append(token)
        if self._speaker.ends(token):
            return False
        text = self._speaker.text(self.tokens)
        if not text.endswith(_UNFINISHED):
            self._tell(text)
        self._stopped = self._should_stop is not None and self._should_stop()
        return not self._stopped

    def reply(self, most: int) -> Reply:
        """Of all that was heard, of at most so many tokens."""
        text = self._speaker.text(self.tokens)
        self._tell(text)
        ended = bool(self.tokens) and self._speaker.ends(self.tokens[-1])
        finish = "stop" if ended else "length" if len(self.tokens) >= most else ""
        return Reply(without_thoughts(text), "" if self._stopped else finish, self._stopped)

    def _tell(self, text: str) -> None:
        piece, self._passed_on = text[self._passed_on :], max(self._passed_on, len(text))
        shown = self._visible.feed(piece) if piece else ""
        if shown and self._on_token is not None:
            self._on_token(shown)
