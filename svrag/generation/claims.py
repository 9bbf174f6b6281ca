"""Whether the numbers an answer states stand in what it cites. Knows digits, number words and scales; no meaning.

A number that was computed, or read off a picture's drawing, stands in no element: it is flagged, and the reader looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from svrag.documents.model import Element
from svrag.generation.citations import find_citations
from svrag.generation.sentences import split_sentences

_SCALES = {
    "hundred": 2, "thousand": 3, "k": 3, "tausend": 3, "mille": 3, "mil": 3,
    "million": 6, "millions": 6, "mio": 6, "mn": 6, "m": 6, "millionen": 6, "millones": 6,
    "billion": 9, "billions": 9, "bn": 9, "b": 9, "mrd": 9, "milliarden": 9, "milliards": 9, "trillion": 12,
}  # fmt: skip
_UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen""".split()  # noqa: SIM905
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_WORDS = {word: n for n, word in enumerate(_UNITS)} | {word: 10 * n for n, word in enumerate(_TENS, start=2)}
_WORDS |= {f"{ten}-{unit}": 10 * t + u for t, ten in enumerate(_TENS, 2) for u, unit in enumerate(_UNITS[:10]) if u}
_NUMBER = re.compile(
    # Not the 3 of "CO2-3", "x3" or "A3", which are names; digits of 1,234,567.89, of 1 234 567 and of 1.234,5
    r"(?<![\w.,])(?<!\w-)(?P<digits>\d{1,3}(?:[,\u2019' \u00a0\u202f]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)*)(?!\d)"
    rf"(?:[\s-]?(?P<scale>{'|'.join(sorted(_SCALES, key=len, reverse=True))})\b)?",
    re.I,
)
_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})\b", re.I)
_ITEM = re.compile(r"^\s*\(?\d{1,2}[.)]\s", re.M)  # the number of an item in a list is no claim


def unsupported(text: str, evidence: Mapping[int, Element], question: str) -> tuple[str, ...]:
    """The numbers in `text` that do not stand in what their sentence cites, as written, each once.

    A sentence without a citation is held against the next citation after it, or all that is cited when none follows.
    Numbers of the question may be repeated.

    Args:
        text: an answer whose citations are all in `evidence`.
        evidence: what each number stands for.
    """
    asked = _values(question)
    cited_anywhere = {n for _, _, numbers in find_citations(text) for n in numbers}
    flagged: dict[str, None] = {}
    waiting: list[str] = []
    sentences = [piece for line in text.splitlines(keepends=True) for piece in split_sentences(line)]
    for sentence in sentences:
        cited = {n for _, _, numbers in find_citations(sentence) for n in numbers}
        waiting.append(sentence)
        if cited:
            flagged.update(dict.fromkeys(_missing(waiting, cited, evidence, asked)))
            waiting = []
    flagged.update(dict.fromkeys(_missing(waiting, cited_anywhere, evidence, asked)))
    return tuple(flagged)


def _missing(sentences: list[str], cited: set[int], evidence: Mapping[int, Element], asked: set[Decimal]) -> list[str]:
    has = asked.union(*(_values(_said(evidence[n])) for n in cited if n in evidence))
    found = []
    for sentence in sentences:
        bare = _ITEM.sub(" ", _without_citations(sentence))
        found += [written for written, values in _numbers(bare) if not values & has]
    return found


def _without_citations(text: str) -> str:
    pieces, last = [], 0
    for start, end, _ in find_citations(text):
        pieces.append(text[last:start])
        last = end
    return " ".join([*pieces, text[last:]])


def _said(element: Element) -> str:
    """All that a reader sees of an element, and where it stands: its page may be told, too."""
    cells = "\n".join(" | ".join(row) for row in element.table.rows) if element.table is not None else ""
    around = "\n".join(element.section_path)
    return f"{element.label}\n{element.caption}\n{element.text}\n{cells}\n{around}\npage {element.page}"


def _values(text: str) -> set[Decimal]:
    found = {value for _, values in _numbers(text) for value in values}
    return found | {Decimal(_WORDS[word[0].lower()]) for word in _WORD.finditer(text)}


def _numbers(text: str) -> Iterator[tuple[str, set[Decimal]]]:
    """Each number in digits as written, and what it may mean: with its scale and without, by either decimal sign."""
    for match in _NUMBER.finditer(text):
        read = _readings(match["digits"])
        if scale := match["scale"]:
            read |= {value.scaleb(_SCALES[scale.lower()]) for value in read}
        yield match[0].strip(), {value.normalize() for value in read}


def _readings(digits: str) -> set[Decimal]:
    plain = re.sub(r"[\s\u2019']", "", digits)
    english = Decimal(plain.replace(",", "")) if plain.count(".") <= 1 else None
    other = plain.replace(".", "").replace(",", ".")
    values = {english} if english is not None else set()
    if "," in plain and other.count(".") == 1:
        values.add(Decimal(other))
    if "," not in plain and plain.count(".") >= 1 and re.fullmatch(r"\d{1,3}(?:\.\d{3})+", plain):
        values.add(Decimal(other))
    return {value for value in values if value is not None} or {Decimal(re.sub(r"\D", "", digits))}
