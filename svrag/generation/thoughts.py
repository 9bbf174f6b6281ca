"""What some models think aloud before they answer, <think>...</think>, kept from the reader."""

from __future__ import annotations

_THINK, _THOUGHT = "<think>", "</think>"


class Visible:
    """Lets through what a reader should see of a stream: all but a leading <think>...</think>.

    Attributes:
        shown: whether anything was let through.
    """

    def __init__(self) -> None:
        self.shown = False
        self._held = ""
        self._thinking = False

    def feed(self, piece: str) -> str:
        """What may be shown now that `piece` came."""
        if self.shown:
            return piece
        self._held += piece
        start = self._held.lstrip()
        if not self._thinking and not start.startswith(_THINK) and not _THINK.startswith(start):
            return self._release(self._held)
        self._thinking = self._thinking or start.startswith(_THINK)
        _, found, rest = self._held.partition(_THOUGHT)
        return self._release(rest) if found and rest.strip() else ""

    def _release(self, text: str) -> str:
        self.shown = True
        return text.lstrip()


def without_thoughts(text: str) -> str:
    """A whole reply as `Visible` shows it; "" when there are only thoughts."""
    visible = Visible()
    return visible.feed(text)
