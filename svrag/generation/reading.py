"""The evidence read with a question in mind: how well each passage answers, and whether any of them does.

A passage is scored by how much of the question it covers, how close together, whether it holds the kind of thing asked
for (a number, a date, a name), how much of the question all that was found on its page covers, and how well its element
was retrieved. Chooses nothing and writes nothing (quote.py). What a question asks for is in asking.py, what can be
quoted in passages.py.
"""

from __future__ import annotations

import functools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise

from svrag.generation.asking import Question, holds
from svrag.generation.passages import Passage, passages
from svrag.retrievers.lexical.analysis import analyse
from svrag.search.result import Hit

# Credit for a word of the question found in the passage, in what is seen with it, in the sentence before.
_IN_TEXT, _IN_CONTEXT, _BEFORE = 1.0, 0.6, 0.4
_RARE = 3.0  # the most a rare word can weigh
_ASPECT = 0.3  # how much less a word for the kind of answer counts
# What the kind is worth was chosen on half of OHR-Bench's documents.
_NEAR, _KIND, _LABEL, _HEADING, _MISSING_NUMBER = 0.25, 0.3, 0.6, -0.25, -0.5
# How well its element was retrieved, and how well all of its page. With what a further sentence must reach (quote.py)
# chosen on MMLongBench-Doc, documents left out in turn, for citations on gold pages and for answers found.
_RETRIEVED, _PAGE = 0.7, 0.75
# How much of the question all that was found on its page covers: chosen on half of OHR-Bench's documents, in groups.
_TOGETHER = 0.6

# Of the question's words, a name counts twice; one that is not in the evidence costs. `benchmarks/abstention.py` tells
# what the two thresholds do: the best F1 of refusing is a little lower, but then more questions that are put to the wrong
# document get an answer.
_NAME, _ABSENT_NAME = 2.0, 0.3
SUPPORTED = 0.2
"""The least support that makes an answer."""
NOWHERE = 0.2
"""The largest share of the question's names that may stand nowhere in the documents."""
_ELSEWHERE = 2 / 3  # the largest share of them that may be missing on the page that answers best

_SAYS_NOTHING = 3  # words; "TABLE I" answers nothing
_BEST = 3  # so many passages tell how much of the question is covered
# Words of a question that a list of references answers.
_WORKS = frozenset(
    """
    arxiv article articles author authored authors bibliography book books citation citations cite cited cites doi
    journal literature paper papers proceedings publication publications published publisher reference references
    thesis title titled titles wrote
    """.split()  # noqa: SIM905
)


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
        elsewhere: share of them that stands in nothing found on the page of the best passage, in [0, 1].
    """

    scored: tuple[Scored, ...]
    support: float
    nowhere: float = 0.0
    elsewhere: float = 0.0

    def answers(self, supported: float = SUPPORTED, nowhere: float = NOWHERE) -> bool:
        """Whether the evidence seems to hold an answer."""
        covered = self.support >= supported and self.elsewhere <= _ELSEWHERE
        return bool(self.scored) and covered and self.nowhere <= nowhere


def read(
    asked: Question, hits: Sequence[Hit], language: str = "en", nowhere: Collection[str] = frozenset()
) -> Reading:
    """Score every passage of `hits` and say how far they support an answer; `nowhere`: see `Background.absent`."""
    candidates = [c for c in _candidates(hits, language) if _may_answer(asked, c)]
    if not candidates or not asked.terms:
        return Reading((), 0.0)
    seen = Counter(token for c in candidates for token in {*c.tokens, *c.around, *c.before})
    words = {term: _spelt(term, seen) for term in asked.terms}
    weights = _weights(asked, words, seen, len(candidates))
    together: dict[tuple[str, int], set[str]] = defaultdict(set)
    for c in candidates:
        together[page_of(hits[c.at])].update(c.tokens, c.around)
    covers = {
        page: sum(weights[term] for term, word in words.items() if word in there) / sum(weights.values())
        for page, there in together.items()
    }
    found = [
        retrieved + _TOGETHER * covers.get(page_of(hit), 0.0)
        for hit, retrieved in zip(hits, _how_well_found(hits), strict=True)
    ]
    scored = [_score(asked, c, words, weights, hits[c.at], found[c.at]) for c in candidates]
    scored.sort(key=lambda s: -s.score)
    names = asked.names - asked.aspects
    on_page = together[page_of(hits[scored[0].candidate.at])]
    support = max(s.coverage for s in scored[:_BEST]) - _ABSENT_NAME * _part(names, lambda n: words[n] not in seen)
    return Reading(
        tuple(scored), support, _part(names, nowhere.__contains__), _part(names, lambda n: words[n] not in on_page)
    )


def _part(names: Collection[str], which: Callable[[str], bool]) -> float:
    """Share of `names` that are such, 0 of none."""
    return sum(map(which, names)) / len(names) if names else 0.0


def _may_answer(asked: Question, c: Candidate) -> bool:
    """Contents tell only where something stands; references tell of works, and of who is named in them."""
    if c.passage.kind == "reference":
        return not asked.words.isdisjoint(_WORKS) or not (asked.names - asked.numbers).isdisjoint(c.tokens)
    return asked.where or c.passage.kind != "contents"


def _how_well_found(hits: Sequence[Hit]) -> list[float]:
    """What retrieval says for each hit: its own score, and the sum of scores on its page, each as a share of the best."""
    scores = [max(0.0, hit.score) for hit in hits]
    pages: dict[tuple[str, int], float] = defaultdict(float)
    for hit, score in zip(hits, scores, strict=True):
        pages[page_of(hit)] += score
    top, top_page = max(scores) or 1.0, max(pages.values()) or 1.0
    return [
        _RETRIEVED * score / top + _PAGE * pages[page_of(hit)] / top_page
        for hit, score in zip(hits, scores, strict=True)
    ]


def page_of(hit: Hit) -> tuple[str, int]:
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
