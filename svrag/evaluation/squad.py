"""Exact match and token F1 of an answer, as SQuAD measures them (Rajpurkar et al. 2016, arXiv 1606.05250)."""

from __future__ import annotations

import re
import string
from collections import Counter

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def exact_match(answer: str, gold: str) -> float:
    """1 when they are the same but for case, ASCII punctuation, English articles and white space, else 0."""
    return float(_words(answer) == _words(gold))


def token_f1(answer: str, gold: str) -> float:
    """Harmonic mean of the shares of their words, repeats counted, that the other has too.

    Words are what exact match leaves. When either has none, 1 if neither has, else 0.
    """
    said, wanted = _words(answer), _words(gold)
    if not said or not wanted:
        return float(said == wanted)
    common = (Counter(said) & Counter(wanted)).total()
    return 2 * common / (len(said) + len(wanted))


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()
