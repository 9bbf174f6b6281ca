"""A word of the question that occurs nowhere, read as the word of the documents it was meant to be. No storage."""

from __future__ import annotations

from collections.abc import Mapping

SHORTEST = 5
"""Tokens shorter than this are left as they are: too many words are one edit from them."""


def meant(token: str, vocabulary: Mapping[str, int]) -> str:
    """The most frequent token of `vocabulary` (token -> in how many elements) one edit away from `token`.

    An edit is a letter more, a letter less, another letter, or two neighbours swapped. `token` itself when there is
    none, when it is in the vocabulary, is short or is not a word of letters.
    """
    if token in vocabulary or not may_be_misspelt(token):
        return token
    near = [(count, other) for other, count in vocabulary.items() if other.isalpha() and one_edit_apart(token, other)]
    return max(near)[1] if near else token


def may_be_misspelt(token: str) -> bool:
    return len(token) >= SHORTEST and token.isalpha()


def one_edit_apart(a: str, b: str) -> bool:
    """Whether the optimal string alignment distance of two different strings is 1."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    if len(a) == len(b):
        swapped = a[same : same + 2] == b[same : same + 2][::-1] and a[same + 2 :] == b[same + 2 :]
        return swapped or a[same + 1 :] == b[same + 1 :]
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    return longer[same + 1 :] == shorter[same:]
