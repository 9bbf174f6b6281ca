"""The few words of a quoted sentence that a question asks for: a count, a share, a sum of money, a date, a length.

Taken from the sentence as they stand there, and only where one span is clearly the one: the only one of its kind, or the
one that stands next to what is counted. Everything else gets no short answer. Knows nothing of evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from svrag.generation.asking import Question
from svrag.retrievers.lexical.analysis import analyse

_SCALE = r"(?:\s(?:hundred|thousand|million|billion|trillion))?"
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_WORDS = (
    r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-(?:one|two|three|four|five|six|seven|eight|nine))?|"
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen"
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.?"

# What stands before a number is part of the answer: "no more than two", "about 3,600".
_ABOUT = (
    r"(?:\b(?:(?:no |not )?(?:more|less|fewer) than|at least|at most|up to|about|approximately|roughly|nearly|almost)"
    r"\s)?"
)
_AGAIN = r"(?:\s\(\d[\d,.]*\))?"  # "five (5)"
_FROM = rf"(?:(?<![\w.,-])(?:{_DIGITS}|(?:{_WORDS})\b)\s?(?:to|or|\u2013|-)\s?)?"  # "1 to 3 years"
_COMPARED = re.compile(r"\A(?:more|less|fewer) than\b", re.I)
_NOT = re.compile(r"(?:\b(?:not|never|no)|n['\u2019]t)\b[^.;]{0,40}\Z", re.I)

_PERCENTAGE = re.compile(
    rf"{_ABOUT}{_FROM}(?<![\w.,])(?:{_DIGITS}|(?:{_WORDS})\b){_AGAIN}\s?(?:\\?%|percent\b|per cent\b)"
    r"(?:\s\(\d[\d.]*\s?%\))?",
    re.I,
)
_MONEY = re.compile(
    rf"{_ABOUT}(?:(?:US)?[$€£¥]\s?(?:{_DIGITS}){_SCALE}|(?<![\w.,$])(?:{_DIGITS}){_SCALE}\s(?:dollars|euros|pounds)\b)",
    re.I,
)
_YEAR = re.compile(r"(?<![\w.,$/-])(?:1[5-9]|20)\d\d(?![\w%/-]|[.,]\d)")
_DATE = re.compile(
    rf"\b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s(?:1[5-9]|20)\d\d\b|\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:day\sof\s)?{_MONTH},?"
    rf"\s(?:1[5-9]|20)\d\d\b|\b{_MONTH}\s(?:1[5-9]|20)\d\d\b|\b{_MONTH}\s\d{{1,2}}\b"
)
_NUMBER = re.compile(
    rf"{_ABOUT}(?<![\w.,$€£¥/-])(?P<number>(?:{_DIGITS}){_SCALE}|(?:{_WORDS})\b{_SCALE}){_AGAIN}"
    r"(?![\w%/]|\([a-z]\)|\.\d|,\d|\s?(?:\\?%|percent))",
    re.I,
)
_COUNTED = re.compile(r"\b(?:how many|number of) ([\w-]+(?: [\w-]+)?)", re.I)
_HOW_MUCH = re.compile(r"(?<!\bby )\bhow much\b", re.I)
_DATE_ASKED = re.compile(r"^\W*(?:since |until )?when\b|\b(?:what|which) (?:year|date|month|day)\b", re.I)
_YEAR_ASKED = re.compile(r"\b(?:what|which) year\b", re.I)
_NUMBER_ASKED = re.compile(
    r"\bhow many\b|\bwhat (?:is|was|are|were) the (?:total |average |maximum |minimum )?number\b", re.I
)
_DURATION = re.compile(
    rf"(?P<number>{_ABOUT}{_FROM}(?<![\w.,-])(?:{_DIGITS}|(?:{_WORDS})\b){_AGAIN})[\s-](?:business |calendar |working )?"
    r"(?:(?:second|minute|hour|day|week|month|year|decade|met(?:re|er)|kilomet(?:re|er)|mile)(?:s\b|\(s\)|\b)|(?:feet|k?m)\b)",
    re.I,
)
_REFERENCE = re.compile(r"(?:\b(?:figure|fig\.|table|section|chapter|article|page|eq\.|equation)\s*|[\[⟦(]|^)$", re.I)


def short_answer(question: str, asked: Question, sentence: str) -> str:
    """What `question` asks for, as it stands in `sentence`; "" where that is not clear."""
    if asked.open:
        return ""
    match asked.kind:
        case "percentage":
            return _only(_spans(_PERCENTAGE, asked, sentence))
        case "money":
            return _only(_spans(_MONEY, asked, sentence))
        case "date" if _DATE_ASKED.search(question):
            if _YEAR_ASKED.search(question):
                return _only(_spans(_YEAR, asked, sentence))
            return _only(_spans(_DATE, asked, sentence)) or _only(_spans(_YEAR, asked, sentence))
        case "duration" if _NUMBER_ASKED.search(question):
            return _only(m["number"] for m in _DURATION.finditer(sentence) if _new(m, asked))
        case "duration":
            return _only(_spans(_DURATION, asked, sentence))
        case "number":
            if _HOW_MUCH.search(question):
                return _only(_spans(_MONEY, asked, sentence))
            if _NUMBER_ASKED.search(question):
                return _count(question, asked, sentence)
    return ""


def _count(question: str, asked: Question, sentence: str) -> str:
    """The number just before what is counted, or the only one of a sentence that speaks of it."""
    counted = _COUNTED.search(question)
    things = set(analyse(counted[1])) - asked.aspects if counted else set()
    if not things & set(analyse(sentence)):
        return ""
    numbers = [m for m in _NUMBER.finditer(sentence) if _new(m, asked) and not _YEAR.fullmatch(m["number"])]
    numbers = [m for m in numbers if m["number"].lower() not in asked.words]
    numbers = [m for m in numbers if not _REFERENCE.search(sentence[: m.start("number")])]
    ends = [m.start() for m in numbers[1:]] + [len(sentence)]
    after = [sentence[m.end() : end].split()[:3] for m, end in zip(numbers, ends, strict=False)]
    beside = [m for m, words in zip(numbers, after, strict=True) if things & set(analyse(" ".join(words)))]
    return _only(m[0] for m in beside) or _only(m[0] for m in numbers)


def _spans(pattern: re.Pattern[str], asked: Question, sentence: str) -> list[str]:
    return [m[0] for m in pattern.finditer(sentence) if _new(m, asked)]


def _new(found: re.Match[str], asked: Question) -> bool:
    """Whether the question did not say it already, and no word before it turns it round: "not ... more than two"."""
    turned = _COMPARED.match(found[0]) and _NOT.search(found.string[: found.start()])
    return not turned and not set(analyse(found[0])) & asked.numbers


def _only(spans: Iterable[str]) -> str:
    different = dict.fromkeys(spans)
    return next(iter(different)) if len(different) == 1 else ""
