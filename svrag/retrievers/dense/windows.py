"""Texts cut into pieces that an encoder can read, each after the headings above it. Knows a tokenizer and no model."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from svrag.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WINDOW = 126
"""Tokens of one passage at most, also for encoders that could read more: a longer one blurs what it is about."""

_OVERLAP = 16  # tokens that neighbouring windows share, or up to twice as many
_LONGEST_CONTEXT = 32  # tokens


class Windows:
    """Cuts texts by the tokens of one tokenizer.

    Args:
        tokenizer: of the encoder; a copy that neither cuts nor pads is kept.
        longest: tokens that the encoder reads, special ones among them.
        prompt: what the encoder puts before passages.
        joint: between the context and the text.
    """

    def __init__(self, tokenizer: Tokenizer, longest: float, *, prompt: str = "", joint: str = "\n") -> None:
        self._tokenizer = tokenizer
        self._joint = joint
        special = tokenizer.num_special_tokens_to_add(is_pair=False)
        spent = len(tokenizer.encode(prompt, add_special_tokens=False).ids)
        self._room = max(8, int(min(longest, WINDOW + special)) - special - spent)

    def cut(self, text: str, context: str = "") -> list[str]:
        """`text` in pieces, each after `context`; neighbours overlap a little. None without words.

        Pieces begin and end between words where there is white space to go by.
        """
        text = text.strip()
        if not text:
            return [context] if context else []
        head = self._end_of(context, min(_LONGEST_CONTEXT, self._room // 2))
        spent = len(self._tokenizer.encode(head, add_special_tokens=False).ids)
        size = self._room - spent
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
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
        offsets = self._tokenizer.encode(context, add_special_tokens=False).offsets
        return context[offsets[-tokens][0] if len(offsets) > tokens else 0 :].strip() + self._joint


def bare_tokenizer(name: str, own: Any) -> Tokenizer:
    """A copy of a tokenizer of transformers that neither cuts nor pads.

    Raises:
        InputError: it is no fast one; `name` is the encoder's.
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
    return copy


def _last_between(starts: Sequence[int], low: int, high: int) -> int:
    """The last word start from `low` to `high`; `high` where no word begins between them."""
    position = bisect.bisect_right(starts, high) - 1
    return starts[position] if position >= 0 and starts[position] >= low else high
