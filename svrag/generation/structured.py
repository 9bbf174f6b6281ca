"""Answers as JSON of a given schema, for models that can be held to one: what they may say, and how it is read.

Every claim must name its evidence, and only evidence that was given; the text with its [n] is written from that, piece
by piece while the JSON comes in. Knows nothing of models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from svrag.generation.answer import NOT_FOUND

_STRING = r'"((?:[^"\\]|\\.)*)("?)'
_PIECE = re.compile(rf'"text"\s*:\s*{_STRING}|"evidence"\s*:\s*\[([\d\s,]*)(\]?)', re.DOTALL)
_HALF = re.compile(r"(?:\\u[0-9a-fA-F]{0,3}|\\)\Z|\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\u?[0-9a-fA-F]{0,3})?\Z")


def schema_for(pieces: int) -> dict[str, object]:
    """JSON schema of an answer from evidence 1 to `pieces`."""
    claim = {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "evidence": {
                "type": "array",
                "items": {"type": "integer", "enum": list(range(1, pieces + 1))},
                "minItems": 1,
            },
        },
        "required": ["text", "evidence"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"answerable": {"type": "boolean"}, "claims": {"type": "array", "items": claim}},
        "required": ["answerable", "claims"],
        "additionalProperties": False,
    }


def text_of(reply: str) -> str | None:
    """The answer as text with [n], `NOT_FOUND` when it says so; None when `reply` is not JSON of the schema."""
    try:
        answer = json.loads(reply)
        answerable, claims = answer["answerable"], answer["claims"]
        fits = isinstance(answerable, bool) and all(
            isinstance(claim["text"], str) and all(type(n) is int for n in claim["evidence"]) for claim in claims
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not fits or (answerable and not claims):
        return None
    return written(reply) if answerable else NOT_FOUND


def written(reply: str) -> str:
    """The text of as much of the JSON as has come in; what follows later only adds to it."""
    text = ""
    for match in _PIECE.finditer(reply):
        said, _, numbers, closed = match.groups()
        if said is not None:
            # Nothing but the claims' own white space may change later, so a claim begins with what ends the last one.
            text += (" " if text else "") + _unescaped(said).lstrip()
        elif closed:
            text = text + "".join(f" [{n}]" if i == 0 else f"[{n}]" for i, n in enumerate(re.findall(r"\d+", numbers)))
    return text


class Telling:
    """Tells `on_token` the text while the JSON comes in."""

    def __init__(self, on_token: Callable[[str], None]) -> None:
        self._on_token = on_token
        self._reply = ""
        self._told = 0

    def feed(self, piece: str) -> None:
        """More of the JSON."""
        self._reply += piece
        text = written(self._reply)
        if len(text) > self._told:
            self._on_token(text[self._told :])
            self._told = len(text)


def _unescaped(string: str) -> str:
    """The content of a JSON string, perhaps cut anywhere."""
    try:
        text = json.loads(f'"{_HALF.sub("", string)}"', strict=False)
    except ValueError:
        return ""
    return str(text).encode("utf-8", "replace").decode("utf-8")
