"""The answer without a model: the sentences or table rows that answer best, as they stand, each with its citation.

Every passage of the evidence is scored by how much of the question it covers, how close together, whether it holds the
kind of thing asked for (a number, a date, a name) and how well its element was retrieved; one to three that add
something to each other make the answer. The few words of the first that are the answer itself come before it, where that
is clear (short.py). When even the best leaves too much of the question uncovered, the answer is
that there is none. What a question asks for is in asking.py, what can be quoted in passages.py.
"""

from __future__ import annotations

import functools
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

from svrag.documents.language import language_of
from svrag.errors import InputError
from svrag.generation.answer import NOT_FOUND, Answer, Citation
from svrag.generation.asking import Question, holds, understand
from svrag.generation.background import NOTHING_ELSE, Background
from svrag.generation.citations import shield
from svrag.generation.conversation import Turn, carry_over
from svrag.generation.passages import Passage, passages
from svrag.generation.short import short_answer
from svrag.graph.mentions import find_page_mentions
from svrag.retrievers.lexical.analysis import analyse
from svrag.search.result import Hit

# Credit for a word of the question found in the passage, in what is seen with it, in the sentence before.
_IN_TEXT, _IN_CONTEXT, _BEFORE = 1.0, 0.6, 0.4
_RARE = 3.0  # the most a rare word can weigh
_ASPECT = 0.3  # how much less a word for the kind of answer counts
# What the kind is worth was chosen on half of OHR-Bench's documents.
_NEAR, _KIND, _LABEL, _HEADING, _MISSING_NUMBER = 0.25, 0.3, 0.6, -0.25, -0.5
# How well its element was retrieved, and how well all of its page. With what a further sentence must reach
# (below) chosen on MMLongBench-Doc, documents left out in turn, for citations on gold pages and for answers found.
_RETRIEVED, _PAGE = 0.7, 0.75

# Of the question's words, a name counts twice; one that is not in the evidence costs. `benchmarks/abstention.py` tells
# what the two thresholds do: the best F1 of refusing is a little lower, but then more questions that are put to the wrong
# document get an answer.
_NAME, _ABSENT_NAME = 2.0, 0.3
SUPPORTED = 0.2
"""The least support that makes an answer."""
NOWHERE = 0.2
"""The largest share of the question's names that may stand nowhere in the documents."""

_SAYS_NOTHING = 3  # words; "TABLE I" answers nothing
_SENTENCES = 3
_ELEMENTS = 3
_MOST_PAGES = 10**6  # how long a document may be whose pages are named
# Of the best: what a further sentence of the same page must reach, one of another page, and either by its words alone.
_WORTH, _WORTH_ELSEWHERE, _WORTH_WORDS = 0.8, 0.97, 0.4
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
    """A candidate, how well it answers, and the share of the question, in [0, 1], found in or around it.

    Attributes:
        words: the part of the score that its own words make, whatever retrieval says.
    """

    candidate: Candidate
    score: float
    words: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The evidence read with a question in mind.

    Attributes:
        scored: every passage, best first.
        support: how much of the question the best passages cover, less what names absent from the evidence cost; at
            most 1.
        nowhere: share of the question's names that stand nowhere in the documents, in [0, 1].
    """

    scored: tuple[Scored, ...]
    support: float
    nowhere: float = 0.0

    def answers(self, supported: float = SUPPORTED, nowhere: float = NOWHERE) -> bool:
        """Whether the evidence seems to hold an answer."""
        return bool(self.scored) and self.support >= supported and self.nowhere <= nowhere


class QuoteGenerator:
    """Quotes what answers best."""

    name = "quote"

    def answer(
        self,
        question: str,
        hits: Sequence[Hit],
        *,
        sources: Mapping[str, Path],
        background: Background = NOTHING_ELSE,
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
        asked = understand(question, language)
        reading = read(asked, hits, language, background.absent)
        if asked.whole_page:
            chosen = _first_of_page(reading.scored, hits, find_page_mentions(question, _MOST_PAGES))
        else:
            chosen = _chosen(reading.scored, hits) if reading.answers() else []
        best = chosen[0].candidate.passage if chosen else None
        if not asked.whole_page:
            chosen.sort(
                key=lambda s: s.candidate.passage.kind == "words"
            )  # what is said reads better than a figure's labels
        numbers: dict[int, int] = {}
        quotes: dict[int, str] = {}
        lines = []
        for pick in chosen:
            at, text = pick.candidate.at, pick.candidate.passage.text
            n = numbers.setdefault(at, len(numbers) + 1)
            quotes.setdefault(at, text)
            lines.append(f"{shield(text)} [{n}]")
        short = short_answer(question, asked, best.text) if best is not None and best.kind == "sentence" else ""
        if short:
            lines.insert(0, f"{shield(short)} [1]")
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
            notes=() if chosen else background.notes(),
            short=short,
        )

    def standalone(self, question: str, history: Sequence[Turn]) -> str:
        """See `Generator`: what the question leaves unsaid is carried over."""
        return carry_over(question, history)


def read(
    asked: Question, hits: Sequence[Hit], language: str = "en", nowhere: Collection[str] = frozenset()
) -> Reading:
    """Score every passage of `hits` and say how far they support an answer; `nowhere`: see `Background.absent`."""
    candidates = [c for c in _candidates(hits, language) if asked.where or c.passage.kind != "contents"]
    if not candidates or not asked.terms:
        return Reading((), 0.0)
    seen = Counter(token for c in candidates for token in {*c.tokens, *c.around, *c.before})
    words = {term: _spelt(term, seen) for term in asked.terms}
    weights = _weights(asked, words, seen, len(candidates))
    found = _how_well_found(hits)
    scored = [_score(asked, c, words, weights, hits[c.at], found[c.at]) for c in candidates]
    scored.sort(key=lambda s: -s.score)
    names = asked.names - asked.aspects
    absent = sum(words[name] not in seen for name in names) / len(names) if names else 0.0
    support = max(s.coverage for s in scored[:_SENTENCES]) - _ABSENT_NAME * absent
    return Reading(tuple(scored), support, sum(name in nowhere for name in names) / len(names) if names else 0.0)


def _how_well_found(hits: Sequence[Hit]) -> list[float]:
    """What retrieval says for each hit: its own score, and the sum of scores on its page, each as a share of the best."""
    scores = [max(0.0, hit.score) for hit in hits]
    pages: dict[tuple[str, int], float] = defaultdict(float)
    for hit, score in zip(hits, scores, strict=True):
        pages[_page(hit)] += score
    top, top_page = max(scores) or 1.0, max(pages.values()) or 1.0
    return [
        _RETRIEVED * score / top + _PAGE * pages[_page(hit)] / top_page
        for hit, score in zip(hits, scores, strict=True)
    ]


def _page(hit: Hit) -> tuple[str, int]:
    return hit.element.document_id, hit.element.page


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
    asked: Question, c: Candidate, words: Mapping[str, str], weights: Mapping[str, float], hit: Hit, found: float
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
        + _HEADING * (c.passage.kind == "heading" or len(c.tokens) < _SAYS_NOTHING)
        + _MISSING_NUMBER * sum(not credit[number] for number in asked.numbers)
    )
    coverage = (label * named + sum(counts[term] for term in words if credit[term])) / (label + sum(counts.values()))
    return Scored(c, score + found, score, coverage)


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


def _chosen(scored: Sequence[Scored], hits: Sequence[Hit]) -> list[Scored]:
    """The best, and up to two more that are nearly as good and say something else, on the same page rather than not."""
    chosen: list[Scored] = []
    page = _page(hits[scored[0].candidate.at])
    for s in scored:
        worth = _WORTH if _page(hits[s.candidate.at]) == page else _WORTH_ELSEWHERE
        if chosen and (s.score < worth * chosen[0].score or s.words < _WORTH_WORDS * chosen[0].words):
            continue
        words = frozenset(s.candidate.tokens)
        if any(_shared(words, frozenset(other.candidate.tokens)) > _SAME for other in chosen):
            continue
        elements = {other.candidate.at for other in chosen} | {s.candidate.at}
        if len(elements) <= _ELEMENTS:
            chosen.append(s)
        if len(chosen) == _SENTENCES:
            break
    return chosen


def _first_of_page(scored: Sequence[Scored], hits: Sequence[Hit], pages: Sequence[int]) -> list[Scored]:
    """The top of the best of `pages`, for a question that asks for no more than what is there; one passage an element."""
    place = next((_page(hit) for hit in hits if hit.element.page in pages), None)
    said = [s for s in scored if s.candidate.tokens and _page(hits[s.candidate.at]) == place]
    best = {s.candidate.at: s for s in reversed(said)}
    return sorted(best.values(), key=lambda s: hits[s.candidate.at].element.box.y0)[:_SENTENCES]


def _shared(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / (min(len(a), len(b)) or 1)
