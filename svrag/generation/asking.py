"""What a question asks for: its content words, its numbers, the labels it names, the kind of answer it wants.

Rules for English and the asking words of a few other languages; knows nothing of evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from svrag.graph.mentions import find_mentions
from svrag.retrievers.lexical.analysis import analyse

Kind = Literal["number", "percentage", "money", "date", "name", "definition", "reason", "any"]

# Words that say how to answer, not what about. What the lexical analysis drops anyway is not repeated here.
_ASKING = frozenset(
    """
    what which who whom whose when where why how many much long often according document documents report paper slide
    slides article text given give list enumerate mention write answer answers directly format integer int float value
    please name describe explain show shown shows tell find state me the a an of in on at to for from by with and or is
    are was were be been being do does did has have had can could would should will shall may might must it its this
    that these those there their they them he she his her we our you your i my not no as if any all each both than then
    also such so but into about between among during after before under over out up down only
    """.split()  # noqa: SIM905
)
# Words for the kind of answer and for looks. Evidence seldom repeats them: a chart says no "chart".
_ASPECTS = frozenset(
    """
    amount amounts average bar bars black blue brown chart charts color colors colour colours combined count date
    decrease decreased difference diagram diagrams entire figure figures gray graph graphs green greatest grey highest
    image images increase increased kind kinds largest least lowest most number numbers orange page pages percent
    percentage percentages picture pictures pink plot plots proportion purple ratio red share shape shown sum table
    tables title total type types white year years yellow
    """.split()  # noqa: SIM905
)
# "Write the answer in integer format.", "Answer in millions.", "Round to two decimals": about the form of the answer.
_INSTRUCTION = re.compile(
    r"(?:^|(?<=[?.!;])\s*)(?:please |directly )*(?:write|give|return|answer|round|provide|express|output|list)\b"
    r"[^.?!]*?\b(?:format|integer|int|float|lists?|decimals?|percent\w*|thousands?|millions?|billions?|order|value|yes|"
    r"terms?)\b[^?!]*?(?:[.?!]+(?=\s|$)|$)",
    re.I,
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
_QUOTES = "?.,;:!\"'()[]\u201c\u201d\u2018\u2019"
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
        labels: elements it names, normalised: "Figure 3".
        kind: what the answer should hold.
    """

    terms: tuple[str, ...]
    numbers: frozenset[str]
    names: frozenset[str]
    aspects: frozenset[str]
    labels: frozenset[str]
    kind: Kind


def understand(question: str) -> Question:
    """`question` as what to look for; `terms` is empty when it has no words."""
    question = question[:_LONGEST]
    mentions = find_mentions(question)
    labels = frozenset(mention.label for mention in mentions)
    rest = question
    for mention in reversed(mentions):  # the label is looked for as such, its number is no number of the answer
        rest = rest[: mention.start] + " " * (mention.end - mention.start) + rest[mention.end :]
    rest = _FISCAL.sub("", _PAGES.sub(" ", rest))  # pages are the retriever's concern
    asked = _INSTRUCTION.sub(" ", rest)
    asked = asked if asked.strip() else rest
    words = [(word, word.lower().strip(_QUOTES)) for word in asked.split()]
    content = " ".join(word for word, plain in words if plain not in _ASKING)
    terms = tuple(dict.fromkeys(analyse(content) or analyse(" ".join(labels)) or analyse(question)))
    numbers = {term for term in terms if term[:1].isdigit()}
    shouted = sum(map(str.isupper, asked)) > sum(map(str.islower, asked))
    names: set[str] = (
        set() if shouted else {term for match in _NAME.finditer(asked) for term in analyse(match.group())}
    )
    aspects = {term for _, plain in words if plain in _ASPECTS for term in analyse(plain)}
    kind: Kind = next((kind for kind, pattern in _KINDS.items() if pattern.search(question)), "any")
    return Question(
        terms=terms,
        numbers=frozenset(numbers),
        names=frozenset((numbers | names) & set(terms)),
        aspects=frozenset(aspects),
        labels=labels,
        kind=kind,
    )


def holds(asked: Question, text: str) -> bool:
    """Whether `text` has the kind of thing asked for, beyond the numbers of the question itself."""
    pattern = _HOLDS.get(asked.kind)
    rest = _NUMERAL.sub(lambda number: "" if number[0] in asked.numbers else number[0], text)
    return pattern is not None and pattern.search(rest) is not None
