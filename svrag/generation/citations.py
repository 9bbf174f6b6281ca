"""Citations in answers: [1], [1, 3], [1-3], [1][2] and the 【1】 of some models, found and checked.

A citation is one to three digits, or several with commas or ranges, in square brackets, wherever it stands in prose:
`5 %[1]` cites as `5 % [1]` does. Inside `code`, where x[1] is an index, nothing is a citation. [2019] is a year.
Knows numbers only; what they stand for is the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

_NUMBERS = r"\s*\d{1,3}(?:\s*[-\u2013\u2014,;]\s*\d{1,3})*\s*"  # digits of every script: \d, and int() reads them
_CITATION = re.compile(rf"\[{_NUMBERS}\]|\u3010{_NUMBERS}\u3011")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_RANGE = re.compile(r"(\d{1,3})\s*[-\u2013\u2014]\s*(\d{1,3})")


@dataclass(frozen=True, slots=True)
class CheckedText:
    """A text whose citations are all valid.

    Attributes:
        text: every citation as [n], one number each; those not in the evidence removed.
        cited: the numbers cited, each once, in order of appearance.
        removed: how many numbers were taken out.
    """

    text: str
    cited: tuple[int, ...]
    removed: int


def find_citations(text: str) -> list[tuple[int, int, tuple[int, ...]]]:
    """(start, end, numbers) of each citation in `text`, in order; ranges are spelt out."""
    code = [match.span() for match in _CODE.finditer(text)]
    return [
        (match.start(), match.end(), _numbers(match.group()))
        for match in _CITATION.finditer(text)
        if not any(start <= match.start() < end for start, end in code)
    ]


def check_citations(text: str, valid: Collection[int]) -> CheckedText:
    """Keep the citations in `valid`, drop the others with the space before them."""
    cited: dict[int, None] = {}
    removed = 0
    while True:
        pieces, last, changed = [], 0, False
        for start, end, numbers in find_citations(text):
            kept = [n for n in numbers if n in valid]
            removed += len(numbers) - len(kept)
            written = "".join(f"[{n}]" for n in kept)
            before = text[last:start]
            pieces += [before if kept else before.rstrip(" "), written]
            changed = changed or written != text[start:end]
            last = end
        text = "".join(pieces) + text[last:]
        if not changed:  # taking one out of [[9]1] makes another, so look again
            break
    for _, _, numbers in find_citations(text):
        cited.update(dict.fromkeys(numbers))
    return CheckedText(text, tuple(cited), removed)


def shield(text: str) -> str:
    """`text` of a document with its own [12] written ⟦12⟧, so that it is never taken for a citation of ours."""
    return _CITATION.sub(lambda match: f"⟦{match.group()[1:-1]}⟧", text)


def without_citations(text: str) -> str:
    """`text` with every citation taken out."""
    return check_citations(text, ()).text


def _numbers(citation: str) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for part in re.split(r"[,;]", citation[1:-1]):
        span = _RANGE.fullmatch(part.strip())
        numbers: Iterable[int]
        if span and int(span[1]) <= int(span[2]):
            numbers = range(int(span[1]), int(span[2]) + 1)
        else:  # "3-1" is no range: two numbers
            numbers = map(int, re.findall(r"\d+", part))
        found.update(dict.fromkeys(numbers))
    return tuple(found)
