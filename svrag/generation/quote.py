"""The answer without a model: the sentences or table rows that answer best, as they stand, each with its citation.

Of the passages as reading.py scores them, one to three that add something to each other make the answer. The few words of
the first that are the answer itself come before it, where that is clear (short.py). When the evidence seems to hold no
answer, that is said.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from svrag.documents.language import language_of
from svrag.errors import InputError
from svrag.generation.answer import NOT_FOUND, Answer, Citation
from svrag.generation.asking import understand
from svrag.generation.background import NOTHING_ELSE, Background
from svrag.generation.citations import shield
from svrag.generation.conversation import Turn, carry_over
from svrag.generation.reading import Scored, page_of, read
from svrag.generation.short import short_answer
from svrag.graph.mentions import find_page_mentions
from svrag.search.result import Hit

_SENTENCES = 3
_ELEMENTS = 3
_MOST_PAGES = 10**6  # how long a document may be whose pages are named
# Of the best: what a further sentence of the same page must reach, one of another page, and either by its words alone.
_WORTH, _WORTH_ELSEWHERE, _WORTH_WORDS = 0.835, 0.975, 0.4
# The [12] of a document's own references, where it ends a word: "in [12]" and a lone [12] are part of what is said.
_STANDS_FOR_WORDS = (
    "in|of|by|to|or|on|cf", "see|and|for|per|ref", "from|with|than|refs", "range|scale", "within|values", "between",
    "interval",
)  # fmt: skip
_NUMBER = r"[1-9]\d{0,2}"
_MARK = re.compile(
    "".join(rf"(?<!\b(?i:{words}))" for words in _STANDS_FOR_WORDS)
    + r"(?:(?<=[\w.,;)%\"'\u2019\u201d])\s|(?<=[.,;)]))"
    + rf"\[{_NUMBER}(?:\s?[,;\u2013-]\s?{_NUMBER})*\](?:,?\s?\[{_NUMBER}\])*(?P<word>(?=\w))?"
)
_SAME = 0.6  # share of words in common that makes a sentence a repetition


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
            lines.append(f"{shield(_unmarked(text))} [{n}]")
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


def _chosen(scored: Sequence[Scored], hits: Sequence[Hit]) -> list[Scored]:
    """The best, and up to two more that are nearly as good and say something else, on the same page rather than not."""
    chosen: list[Scored] = []
    page = page_of(hits[scored[0].candidate.at])
    for s in scored:
        worth = _WORTH if page_of(hits[s.candidate.at]) == page else _WORTH_ELSEWHERE
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
    place = next((page_of(hit) for hit in hits if hit.element.page in pages), None)
    said = [s for s in scored if s.candidate.tokens and page_of(hits[s.candidate.at]) == place]
    best = {s.candidate.at: s for s in reversed(said)}
    return sorted(best.values(), key=lambda s: hits[s.candidate.at].element.box.y0)[:_SENTENCES]


def _unmarked(text: str) -> str:
    """`text` without the marks of its document's references, which say nothing to a reader of the answer."""
    return _MARK.sub(lambda mark: "" if mark["word"] is None else " ", text)


def _shared(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / (min(len(a), len(b)) or 1)
