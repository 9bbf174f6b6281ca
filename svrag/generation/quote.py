"""The answer without a model: the sentences or table rows that answer best, as they stand, each with its citation.

Every passage of the evidence is scored by how much of the question it covers, how close together, whether it holds the
kind of thing asked for (a number, a date, a name) and how well its element was retrieved; one to three that add
something to each other make the answer. When even the best leaves too much of the question uncovered, the answer is
that there is none. What a question asks for is in asking.py, what can be quoted in passages.py.
"""

from __future__ import annotations

import functools
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

from svrag.documents.language import language_of
from svrag.errors import InputError
from svrag.generation.answer import NOT_FOUND, Answer, Citation
from svrag.generation.asking import Question, holds, understand
from svrag.generation.citations import shield
from svrag.generation.conversation import Turn, carry_over
from svrag.generation.passages import Passage, passages
from svrag.retrievers.lexical.analysis import analyse
from svrag.search.result import Hit

# Credit for a word of the question found in the passage, in what is seen with it, in the sentence before.
_IN_TEXT, _IN_CONTEXT, _BEFORE = 1.0, 0.6, 0.4
_RARE = 3.0  # the most a rare word can weigh
_ASPECT = 0.3  # how much less a word for the kind of answer counts
_NEAR, _KIND, _LABEL, _RETRIEVED, _HEADING, _MISSING_NUMBER = 0.25, 0.15, 0.3, 0.35, -0.25, -0.1

# Chosen on questions with their evidence, without it, and of another document (OHR-Bench, MMLongBench-Doc): of the
# answers there, 1 to 5 % are hidden; of questions to the wrong document, 9 in 10 are turned away.
_NAME, _ABSENT_NAME, _SUPPORTED = 2.0, 0.3, 0.25

_SAYS_NOTHING = 3  # words; "TABLE I" answers nothing
_SENTENCES = 3
_ELEMENTS = 3
_WORTH = 0.85  # of the best score: what a further sentence must reach
_SAME = 0.6  # share of words in common that makes a sentence a repetition


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage with the words it and its surroundings hold.

    Attributes:
        at: index of its hit.
        tokens: of the passage, in order.
        around: words of the context.
        before: words of the sentence before.
    """

    at: int
    passage: Passage
    tokens: tuple[str, ...]
    around: frozenset[str]
    before: frozenset[str]


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate, how well it answers, and the share of the question, in [0, 1], found in or around it."""

    candidate: Candidate
    score: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The evidence read with a question in mind.

    Attributes:
        scored: every passage, best first.
        support: how much of the question the best passages cover, less what its absent names cost; at most 1.
    """

    scored: tuple[Scored, ...]
    support: float


class QuoteGenerator:
    """Quotes what answers best."""

    name = "quote"

    def answer(
        self,
        question: str,
        hits: Sequence[Hit],
        *,
        sources: Mapping[str, Path],
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Answer:
        """See `Generator`. Citations are numbered in the order of the answer; `sources` is not needed.

        Raises:
            InputError: the question has no words.
        """
        started = time.perf_counter()
        if not any(map(str.isalnum, question)):
            raise InputError("the question has no words: ask something")
        language = language_of("\n".join(hit.element.text for hit in hits)) or "en"
        reading = read(understand(question, language), hits, language)
        chosen = _chosen(reading.scored) if reading.support >= _SUPPORTED else []
        numbers: dict[int, int] = {}
        quotes: dict[int, str] = {}
        lines = []
        for pick in chosen:
            at, text = pick.candidate.at, pick.candidate.passage.text
            n = numbers.setdefault(at, len(numbers) + 1)
            quotes.setdefault(at, text)
            lines.append(f"{shield(text)} [{n}]")
        answer = "\n".join(lines) or NOT_FOUND
        if on_token is not None:
            on_token(answer)
        return Answer(
            question=question,
            text=answer,
            answerable=bool(chosen),
            citations=tuple(
                Citation(n, hits[at].element, hits[at].document_name, hits[at].score, quotes[at])
                for at, n in numbers.items()
            ),
            generator=self.name,
            seconds=time.perf_counter() - started,
        )

    def standalone(self, question: str, history: Sequence[Turn]) -> str:
        """See `Generator`: what the question leaves unsaid is carried over."""
        return carry_over(question, history)


def read(asked: Question, hits: Sequence[Hit], language: str = "en") -> Reading:
    """Score every passage of `hits` and say how far they support an answer."""
    candidates = _candidates(hits, language)
    if not candidates or not asked.terms:
        return Reading((), 0.0)
    seen = Counter(token for c in candidates for token in {*c.tokens, *c.around, *c.before})
    words = {term: _spelt(term, seen) for term in asked.terms}
    top = max(hit.score for hit in hits)
    weights = _weights(asked, words, seen, len(candidates))
    scored = [_score(asked, c, words, weights, hits[c.at], top) for c in candidates]
    scored.sort(key=lambda s: -s.score)
    names = asked.names - asked.aspects
    absent = sum(words[name] not in seen for name in names) / len(names) if names else 0.0
    support = max(s.coverage for s in scored[:_SENTENCES]) - _ABSENT_NAME * absent
    return Reading(tuple(scored), support)


def _weights(asked: Question, words: Mapping[str, str], seen: Mapping[str, int], n: int) -> dict[str, float]:
    """How much each word of the question tells passages apart: the rarer among the `n` passages, the more."""
    return {
        term: min(_RARE, math.log1p((n - seen.get(word, 0) + 0.5) / (seen.get(word, 0) + 0.5))) * _share(asked, term)
        for term, word in words.items()
    }


def _share(asked: Question, term: str) -> float:
    return _ASPECT if term in asked.aspects else 1.0


def _candidates(hits: Sequence[Hit], language: str) -> list[Candidate]:
    """The passages of all hits; a sentence that stands in two elements (a figure's caption) counts once."""
    found: dict[tuple[str, int], Candidate] = {}
    tokens = functools.cache(lambda text: tuple(analyse(text, language)))  # contexts come again and again
    for at, hit in enumerate(hits):
        for p in passages(hit.element):
            key = (p.text, at if p.kind == "row" else -1)  # "Total | 5" means something else in each table
            if key not in found:
                around = frozenset(tokens(f"{p.context}\n{hit.document_name.replace('_', ' ')}"))
                found[key] = Candidate(at, p, tokens(p.text), around, frozenset(tokens(p.before)))
    return list(found.values())


def _score(
    asked: Question, c: Candidate, words: Mapping[str, str], weights: Mapping[str, float], hit: Hit, top: float
) -> Scored:
    here = frozenset(c.tokens)
    credit = {
        term: _IN_TEXT if word in here else _IN_CONTEXT if word in c.around else _BEFORE if word in c.before else 0.0
        for term, word in words.items()
    }
    counts = {term: _share(asked, term) * (_NAME if term in asked.names else 1.0) for term in words}
    named = hit.element.label in asked.labels
    label = _NAME if asked.labels else 0.0  # the label asked for counts like one name more
    score = (
        sum(weights[term] * credit[term] for term in words) / sum(weights.values())
        + _NEAR * _nearness(list(words.values()), c.tokens)
        + _KIND * holds(asked, c.passage.text)
        + _LABEL * named
        + (_RETRIEVED * max(0.0, hit.score) / top if top > 0 else 0.0)
        + _HEADING * (c.passage.kind == "heading" or len(c.tokens) < _SAYS_NOTHING)
        + _MISSING_NUMBER * sum(not credit[number] for number in asked.numbers)
    )
    coverage = (label * named + sum(counts[term] for term in words if credit[term])) / (label + sum(counts.values()))
    return Scored(c, score, coverage)


def _nearness(words: Sequence[str], tokens: Sequence[str]) -> float:
    """Share of neighbouring words of the question that stand within three words of each other here, in [0, 1]."""
    places: dict[str, list[int]] = {}
    for i, token in enumerate(tokens):
        places.setdefault(token, []).append(i)
    pairs = [(a, b) for a, b in pairwise(words) if a != b]
    near = sum(any(abs(i - j) <= 3 for i in places.get(a, ()) for j in places.get(b, ())) for a, b in pairs)
    return near / len(pairs) if pairs else 0.0


def _spelt(term: str, seen: Mapping[str, int]) -> str:
    """`term`, or the word of the evidence it seems to be a misspelling of."""
    if term in seen or len(term) < 5 or not term.isalpha():
        return term
    return next(iter(get_close_matches(term, seen, 1, 0.84)), term)


def _chosen(scored: Sequence[Scored]) -> list[Scored]:
    """The best, and up to two more that are nearly as good and say something else."""
    chosen: list[Scored] = []
    for s in scored:
        if chosen and s.score < _WORTH * chosen[0].score:
            break
        words = frozenset(s.candidate.tokens)
        if any(_shared(words, frozenset(other.candidate.tokens)) > _SAME for other in chosen):
            continue
        elements = {other.candidate.at for other in chosen} | {s.candidate.at}
        if len(elements) <= _ELEMENTS:
            chosen.append(s)
        if len(chosen) == _SENTENCES:
            break
    return chosen


def _shared(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / (min(len(a), len(b)) or 1)
