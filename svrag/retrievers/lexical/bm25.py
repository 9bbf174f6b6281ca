"""BM25 over weighted fields (BM25F): how well the words of a question fit each candidate. Pure arithmetic.

Robertson, Zaragoza, Taylor (CIKM 2004): term frequencies are normalised by length and weighted field by field, summed,
and saturated once:

    score(q, d) = sum_t idf(t) * f / (k1 + f),   f = sum_c w_c * tf(t, c) / (1 - b_c + b_c * len(c) / mean_len(c))
    idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from svrag.retrievers.lexical.fields import IndexedFields


@dataclass(frozen=True, slots=True)
class Parameters:
    """`weights` and `lengths` (b) are per field in the order of `FIELDS`."""

    k1: float = 1.2
    weights: tuple[float, float, float, float] = (1.0, 1.0, 0.5, 1.0)
    lengths: tuple[float, float, float, float] = (0.75, 0.5, 0.3, 0.75)


@dataclass(frozen=True, slots=True)
class Collection:
    """What the candidates are drawn from.

    Attributes:
        count: elements in all.
        frequencies: in how many of them each token of the question occurs.
        mean_lengths: mean tokens per field, in the order of `FIELDS`.
    """

    count: int
    frequencies: Mapping[str, int]
    mean_lengths: tuple[float, float, float, float]


def idf(count: int, frequency: int) -> float:
    """Never negative: a word in every element still says a little."""
    return math.log(1.0 + (count - frequency + 0.5) / (frequency + 0.5))


def term_scores(
    tokens: Sequence[str], candidate: IndexedFields, collection: Collection, parameters: Parameters
) -> dict[str, float]:
    """For each token of the question that the candidate holds, what it adds to the score."""
    weighed = []
    for n, text, length in candidate.fields:
        if weight := parameters.weights[n]:
            b = parameters.lengths[n]
            weighed.append((text, weight / (1.0 - b + b * length / max(collection.mean_lengths[n], 1.0))))
    scores = {}
    for token in dict.fromkeys(tokens):
        looked_for = f" {token} "
        frequency = 0.0
        for text, weight in weighed:
            frequency += weight * text.count(looked_for)
        if frequency:
            rarity = idf(collection.count, collection.frequencies.get(token, 0))
            scores[token] = rarity * frequency / (parameters.k1 + frequency)
    return scores
