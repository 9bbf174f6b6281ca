"""A question as the retriever reads it: its words, what they may also be called, what kind of answer it asks for.

Words and patterns only; nothing is looked up in a library.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from svrag.retrievers.lexical.analysis import analyse, analyse_question
from svrag.retrievers.lexical.thesaurus import Names, related

_PUNCTUATION = " \t.,;:!?\"'()[]{}\u201c\u201d\u2018\u2019\u00ab\u00bb\u3002\uff1f"
_FIGURE = re.compile(
    r"\b(figures?|charts?|graphs?|plots?|diagrams?|pictures?|photos?|photographs?|images?|illustrations?|maps?|logos?|icons?|"
    r"screenshots?|bars?|colou?rs?|curves?|axis|legend)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\b(how (many|much|long|old|far|often)|percent(age)?|number of|total|average|ratio|difference|sum|amount|value|rate|"
    r"price|cost|margin|growth)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Question:
    """What a question says.

    Attributes:
        asked: the tokens that it is about, with the word asked.
        pairs: tokens that stand together in it, in order.
        things: what it speaks of, each with all names the thesaurus knows.
        wants_figure, wants_number: whether its answer is one, or is to be seen in one.
    """

    asked: dict[str, str]
    pairs: tuple[tuple[str, str], ...]
    things: tuple[Names, ...]
    wants_figure: bool
    wants_number: bool


def _as_it_is(token: str) -> str:
    return token


def read_question(text: str, languages: Sequence[str], meant: Callable[[str], str] = _as_it_is) -> Question:
    """Read `text` in each of `languages`, those of the documents.

    Args:
        meant: what a token stands for: itself, or the word of the documents that it is a misspelling of.
    """
    asked: dict[str, str] = {}
    pairs: dict[tuple[str, str], None] = {}
    for language in languages:
        about = analyse_question(text, language)
        words = {token: word.strip(_PUNCTUATION) for word in text.split() for token in analyse(word, language)}
        for token in about:
            asked.setdefault(meant(token), words.get(token, token))
        sequence = analyse(text, language)
        for first, second in itertools.pairwise(sequence):
            if first in about and second in about and first != second:
                pairs[meant(first), meant(second)] = None
    return Question(
        asked=asked,
        pairs=tuple(pairs),
        things=tuple(related(text)),
        wants_figure=bool(_FIGURE.search(text)),
        wants_number=bool(_NUMBER.search(text)),
    )
