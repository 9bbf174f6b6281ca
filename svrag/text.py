"""Words of documents made fit to be shown to people. Knows nothing of where: a terminal, a page of HTML."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def without_control(text: str) -> str:
    """`text` without control characters but tabs and line ends: an escape sequence must not reach a terminal."""
    return _CONTROL.sub("", text)


def shortened(text: str, width: int) -> str:
    """`text`, or its beginning with an ellipsis, in at most `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"
