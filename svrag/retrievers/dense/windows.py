"""Texts cut into pieces that an encoder can read, each after the headings above it. Knows a tokenizer and no model."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from typing import Any

from svrag.errors import InputError

WINDOW = 126
"""Tokens of one passage at most, also for encoders that could read more: a longer one blurs what it is about."""

_OVERLAP = 16  # tokens that neighbouring windows share, or up to twice as many
_LONGEST_CONTEXT = 32  # tokens


class Windows:
    """Cuts texts by their tokens.

    Args:
        offsets: where each token of a text begins and ends.
        room: tokens of a piece at most, the context's among them.
        joint: between the context and the text.
    """

    def __init__(self, offsets: Callable[[str], list[tuple[int, int]]], room: int, *, joint: str = "\n") -> None:
        self._offsets = offsets
        self._room = max(8, room)
        self._joint = joint

    def cut(self, text: str, context: str = "") -> list[str]:
        """`text` in pieces, each after `context`; neighbours overlap a little. None without words.

        Pieces begin and end between words where there is white space to go by.
        """
        text = text.strip()
        if not text:
            return [context] if context else []
        head = self._end_of(context, min(_LONGEST_CONTEXT, self._room // 2))
        size = self._room - len(self._offsets(head))
        offsets = self._offsets(text)
        if len(offsets) <= size:
            return [head + text]
        starts = [i for i, (begin, _) in enumerate(offsets) if begin == 0 or text[begin - 1].isspace()]
        pieces, first = [], 0
        while True:
            end = first + size
            if end >= len(offsets):
                pieces.append(head + text[offsets[first][0] :].strip())
                return pieces
            end = _last_between(starts, first + size // 2, end)
            pieces.append(head + text[offsets[first][0] : offsets[end][0]].strip())
            first = _last_between(starts, max(first + 1, end - 2 * _OVERLAP), max(first + 1, end - _OVERLAP))

    def _end_of(self, context: str, tokens: int) -> str:
        """The end of it in at most so many tokens (the innermost heading matters most), with the joint."""
        if not context:
            return ""
        offsets = self._offsets(context)
        return context[offsets[-tokens][0] if len(offsets) > tokens else 0 :].strip() + self._joint


def windows_of(name: str, own: Any, longest: float, *, prompt: str = "", joint: str = "\n") -> Windows:
    """By the tokens of a tokenizer of transformers, or of tokenizers, of which a copy is kept.

    Args:
        name: of the encoder, for messages.
        longest: tokens that the encoder reads, special ones among them.
        prompt: what the encoder puts before passages.
        joint: as of `Windows`.

    Raises:
        InputError: it is no fast tokenizer.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    if isinstance(own, PreTrainedTokenizerFast):
        own = own.backend_tokenizer
    if not isinstance(own, Tokenizer):
        raise InputError(f"{name} has no fast tokenizer: use an encoder with a tokenizer.json")
    copy = Tokenizer.from_str(own.to_str())
    copy.no_truncation()
    copy.no_padding()

    def offsets(text: str) -> list[tuple[int, int]]:
        return copy.encode(text, add_special_tokens=False).offsets

    special = copy.num_special_tokens_to_add(is_pair=False)
    room = int(min(longest, WINDOW + special)) - special - len(offsets(prompt))
    return Windows(offsets, room, joint=joint)


def _last_between(starts: Sequence[int], low: int, high: int) -> int:
    """The last word start from `low` to `high`; `high` where no word begins between them."""
    position = bisect.bisect_right(starts, high) - 1
    return starts[position] if position >= 0 and starts[position] >= low else high
