"""What the chat models of this process share: a request is counted, then asked, and made ready for the model only once."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from svrag.generation.model import ChatRequest

_T = TypeVar("_T")


class Prepared(Generic[_T]):
    """Keeps what was made of the last request until another comes or the `with` ends; the model itself stays loaded."""

    _last: tuple[ChatRequest, _T] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._last = None

    def _of(self, request: ChatRequest, make: Callable[[], _T]) -> _T:
        if self._last is None or self._last[0] is not request:
            self._last = request, make()
        return self._last[1]
