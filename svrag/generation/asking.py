"""What a question asks for: its content words, its numbers, the labels it names, the kind of answer it wants.

Rules for English and the asking words of a few other languages; knows nothing of evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from svrag.graph.mentions import find_mentions
from svrag.retrievers.lexical.analysis import analyse, analyse_question

Kind = Literal["number", "percentage", "money", "date", "name", "definition", "reason", "any"]

# Words for the kind of answer and for looks, and words that join others. Evidence seldom repeats them: a chart says no
# "chart", and "between 2013 and 2014" is two columns.
_ASPECTS = frozenset(
    """
    about after all also amount amounts any appear average bar bars before between black blue both brown chart charts
    color colors colour colours combined compared consider count date decrease decreased difference diagram diagrams
    different during each entire example figure figures following gray graph graphs green greatest grey had has have
    highest image images include increase increased kind kinds largest least like lowest many more most much number
    numbers only orange other others over page pages percent percentage percentages picture pictures pink plot plots
    present proportion purple ratio red same shape share shown some sum table tables title total type types under use
    used using value values very white year years yellow
    """.split()  # noqa: SIM905
)
_FISCAL = re.compile(r"\bFY\s?(?=\d{2,4}\b)", re.I)
_PAGES = re.compile(
    r"\b(?:pages?|slides?|pp?\.)\s?\d+(?:\s?(?:-|\u2013|,|and|to|&)\s?(?:pages?|slides?)?\s?\d+)*"
    r"|\b\d+(?:st|nd|rd|th) (?:page|slide)\b",
    re.I,
)
_NAME = re.compile(
    r"(?<![.?!:]\s)(?<=\s)[\"'\u201c\u2018(]?(?:[A-Z][\w-]+|\S*\d\S*)"  # a capital inside a sentence, a number
    r"|\b(?:[A-Z]{2,}|[a-z]*[A-Z]+[a-z]*[A-Z]\w*)\b"  # an acronym, anywhere
)
# What is asked of a page or a figure as a whole. Sentences about something else hold these words, too.
_TELL = (
    "about content contents describe explain read say says see show shown shows summarise summarize summary tell text "
    "there what which written"
)
_LONGEST = 2000  # characters of a question that are read

# The first that fits counts: "what percentage of the amount" wants a percentage.
_KINDS: dict[Kind, re.Pattern[str]] = {
    "percentage": re.compile(
        r"\bpercent|\bproportion\b|\bshare of\b|%|\bprozent|\bpourcentage|\bporcentaje|百分", re.I
    ),
    "money": re.compile(
        r"\bhow much (money|did .{0,60}(cost|pay|spend|earn)|does .{0,60}cost)|"
        r"\b(price|cost|salary|revenue|amount|fee|expense|profit|income|budget|dollars?|usd|euros?)s?\b",
        re.I,
    ),
    "date": re.compile(r"\b(when|(what|which) (year|date|month|day)|wann|quand|cuándo|quando)\b|何时|什么时候", re.I),
    "number": re.compile(
        r"\bhow (many|much|long|old|far|large|big|high|often)\b|\b(number|average|total|sum|maximum|minimum|rate|"
        r"ratio|temperature|score|combien|cuántos?|cuántas?|quanti|quante|wie ?viele?)\b|多少|几个",
        re.I,
    ),
    "definition": re.compile(r"\b(definition of|defined?|meant by|what does .{1,80} (mean|stand for))\b", re.I),
    "reason": re.compile(r"\b(why|reasons?|warum|pourquoi|por qué|perché)\b|为什么", re.I),
    "name": re.compile(r"\b(who|whom|whose|where|wer|wo|qui|où|quién|dónde|dove)\b|谁|哪里", re.I),
}
_NUMERAL = re.compile(r"\d+(?:[.,]\d+)*")
_MONTHS = (
    r"jan(uary|\.)?|feb(ruary|\.)?|mar(ch|\.)?|apr(il|\.)?|may|june?|july?|aug(ust|\.)?|sept?(ember|\.)?|"
    r"oct(ober|\.)?|nov(ember|\.)?|dec(ember|\.)?"
)
_HOLDS: dict[Kind, re.Pattern[str]] = {
    "percentage": re.compile(r"\d\s?(%|percent|per cent|pct|prozent)", re.I),
    "money": re.compile(r"[$€£¥₹]\s?\d|\d\s?(€|£|¥|dollars?|euros?|usd|eur|million|billion)", re.I),
    "date": re.compile(rf"\b(1[5-9]|20)\d\d\b|\b({_MONTHS}) \d|\d (of )?({_MONTHS})\b|\d\d?[/.]\d\d?[/.]\d\d", re.I),
    "number": re.compile(
        r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|million|billion)\b",
        re.I,
    ),
    "definition": re.compile(
        r"\b(means?|refers? to|(is|are) (called|defined)|defined as|denotes?|stands? for)\b", re.I
    ),
    "reason": re.compile(r"\b(because|due to|reasons?|owing to|since|therefore|caused? by|weil|parce que)\b", re.I),
    "name": re.compile(r"(?<=[a-z,;:]\s)[A-Z][a-z]+|[A-Z]\w+ (?:[A-Z]\. ?)?[A-Z]\w+"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood.

    Attributes:
        terms: its content words as tokens of the lexical analysis, each once, in order.
        numbers: those of them that are numbers or years, which an answer must match exactly.
        names: those of them that are numbers or look like proper names: without them it is about something else.
        aspects: those of them for the kind of answer or for looks, which evidence seldom repeats.
        labels: elements it names, normalised: "Figure 3"; for "Figure 3a" the whole too.
        kind: what the answer should hold.
        whole_page: it names a page and asks for nothing but what is on it: "What is on slide 5?"
    """

    terms: tuple[str, ...]
    numbers: frozenset[str]
    names: frozenset[str]
    aspects: frozenset[str]
    labels: frozenset[str]
    kind: Kind
    whole_page: bool


def understand(question: str, language: str = "en") -> Question:
    """`question` as what to look for, analysed as text in `language` is; `terms` is empty when it has no words."""
    question = question[:_LONGEST]
    mentions = find_mentions(question)
    rest = question
    for mention in reversed(mentions):  # the label is looked for as such, its number is no number of the answer
        rest = rest[: mention.start] + " " * (mention.end - mention.start) + rest[mention.end :]
    rest = _FISCAL.sub("", _PAGES.sub(" ", rest))  # pages are the retriever's concern
    telling = frozenset(analyse(_TELL, language)) if mentions or _PAGES.search(question) else frozenset()
    wanted = [term for term in analyse_question(rest, language) if term not in telling]
    everything = analyse_question(question, language)
    terms = tuple(wanted or [term for term in everything if term not in telling] or everything)
    numbers = {term for term in terms if term[:1].isdigit()}
    shouted = sum(map(str.isupper, rest)) > sum(map(str.islower, rest))
    capitals = [] if shouted else [match.group() for match in _NAME.finditer(rest)]
    names = numbers | {term for name in capitals for term in analyse(name, language)}
    aspects = {
        term for word in re.findall(r"\w+", rest.lower()) if word in _ASPECTS for term in analyse(word, language)
    }
    kind: Kind = next((kind for kind, pattern in _KINDS.items() if pattern.search(question)), "any")
    return Question(
        terms=terms,
        numbers=frozenset(numbers),
        names=frozenset(names & set(terms)),
        aspects=frozenset(aspects),
        labels=frozenset(label for m in mentions for label in (m.label, m.parent_label)),
        kind=kind,
        whole_page=not wanted and not mentions and kind == "any" and _PAGES.search(question) is not None,
    )


def holds(asked: Question, text: str) -> bool:
    """Whether `text` has the kind of thing asked for, beyond the numbers of the question itself."""
    pattern = _HOLDS.get(asked.kind)
    rest = _NUMERAL.sub(lambda number: "" if number[0] in asked.numbers else number[0], text)
    return pattern is not None and pattern.search(rest) is not None
