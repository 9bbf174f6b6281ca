"""Other words for what a question speaks of: what is called the same, and what a figure is reckoned from.

Questions ask for "capex" or the "quick ratio" and documents print "purchases of property and equipment" and "total
current assets". `thesaurus.json` holds such names: `same` are lists of names for one thing, `from` tells of a ratio the
lines of the statements it is computed from. It is general knowledge of reports and accounting, in English, written by
hand; no document or benchmark was mined for it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from svrag.retrievers.lexical.analysis import analyse

_FILE = Path(__file__).with_name("thesaurus.json")
_LANGUAGE = "en"


class Name(NamedTuple):
    """A name for a thing: its tokens joined by single spaces, and as it is written."""

    tokens: str
    written: str


Names = tuple[Name, ...]
"""All names of one thing, first the one that is asked for or reckoned with."""


@dataclass(frozen=True, slots=True)
class _Thesaurus:
    """By the tokens of a name: all names of the thing, and the things it is computed from."""

    same: Mapping[str, Names]
    made_of: Mapping[str, Names]


def related(question: str) -> list[Names]:
    """The things that `question` speaks of by a name the thesaurus knows, each with all its names; none twice.

    The longest name wins: "operating cash flow ratio" is not also "operating cash flow". What is computed from others
    stands for these.
    """
    thesaurus = _thesaurus()
    text = f" {' '.join(analyse(question, _LANGUAGE))} "
    found: list[Names] = []
    for tokens in _by_length():
        if f" {tokens} " not in text:
            continue
        text = text.replace(f" {tokens} ", " | ")
        found += [thesaurus.same.get(part.tokens, (part,)) for part in thesaurus.made_of.get(tokens, ())]
        if tokens in thesaurus.same:
            found.append(thesaurus.same[tokens])
    return list({frozenset(names): names for names in reversed(found)}.values())[::-1]


@functools.cache
def _by_length() -> Sequence[str]:
    thesaurus = _thesaurus()
    return sorted({*thesaurus.same, *thesaurus.made_of}, key=lambda tokens: (-len(tokens.split()), tokens))


@functools.cache
def _thesaurus() -> _Thesaurus:
    written = json.loads(_FILE.read_text(encoding="utf-8"))
    same: dict[str, Names] = {}
    for group in written["same"]:
        names = tuple({name.tokens: name for name in reversed([_name(text) for text in group])}.values())[::-1]
        for name in names:
            own_first = {other.tokens: other for other in (name, *same.get(name.tokens, ()), *names)}
            same[name.tokens] = tuple(own_first.values())
    made_of = {_name(text).tokens: tuple(map(_name, parts)) for text, parts in written["from"].items()}
    return _Thesaurus(same, made_of)


def _name(text: str) -> Name:
    return Name(" ".join(analyse(text, _LANGUAGE)), text)
