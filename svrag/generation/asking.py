"""What a question asks for: its content words, its numbers, the labels it names, the kind of answer it wants.

Rules for English and the asking words of a few other languages; knows nothing of evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from svrag.graph.mentions import find_mentions
from svrag.retrievers.lexical.analysis import analyse, analyse_question

Kind = Literal["number", "percentage", "money", "duration", "date", "person", "place", "definition", "reason", "any"]

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
_WORKING = re.compile(r"(?<=\S) works?(?=\W*\Z)", re.I)  # "How do kilns work?" asks of no work
_LONGEST = 2000  # characters of a question that are read

# The first that fits counts: "what percentage of the amount" wants a percentage.
_KINDS: dict[Kind, re.Pattern[str]] = {
    "percentage": re.compile(
        r"\bpercent|\bproportion\b|\bshare of\b|%|\bprozent|\bpourcentage|\bporcentaje|百分", re.I
    ),
    "duration": re.compile(
        r"\bhow long\b|\b(what|which) (is|was|are|were) the [^?]{0,40}\b(duration|term|period|time ?frame)\b|"
        r"\bhow many (seconds|minutes|hours|(?:business |working |calendar )?days|weeks|months|years|decades)\b|"
        r"\bwie lange\b|\bcombien de temps\b|\bcuánto tiempo\b|\bquanto tempo\b|多久|多长时间",
        re.I,
    ),
    "money": re.compile(
        r"\bhow much (money|did .{0,60}(cost|pay|spend|earn)|does .{0,60}cost)|"
        r"\b(price|cost|salary|revenue|amount|fee|expense|profit|income|budget|dollars?|usd|euros?)s?\b",
        re.I,
    ),
    "date": re.compile(
        r"\b(what|which) (year|date|month|day)\b|\bwann\b|\bcuándo\b|(\A\W*|\b(depuis|da|desde) )(quand|quando)\b|"
        r"何时|什么时候|哪一?年",
        re.I,
    ),
    "number": re.compile(
        r"\bhow (many|much|old|far|large|big|high|often)\b|\b(number|average|total|sum|maximum|minimum|rate|"
        r"ratio|temperature|score|combien|cuántos?|cuántas?|quanti|quante|wie ?viele?)\b|多少|几个",
        re.I,
    ),
    "definition": re.compile(r"\b(definition of|defined?|meant by|what does .{1,80} (mean|stand for))\b", re.I),
    "reason": re.compile(r"\b(reasons?|warum|pourquoi|por qué|perché)\b|为什么", re.I),
    "person": re.compile(r"\b(wer|wen|wem|wessen|qui|quién|quiénes)\b|谁", re.I),
    "place": re.compile(
        r"\b(what|which) (city|cities|town|country|countries|county|state|province|place)\b|"
        r"\b(wo|wohin|woher|où|dónde|dove)\b|哪里|在哪",
        re.I,
    ),
}
# Words that join clauses, too: "the man who", "the town where", "when it is fired". They ask where no other word does, or
# at the beginning of a question.
_ASKING = re.compile(r"\b(what|which|who|whom|whose|where|when|why|how)\b", re.I)
_FIRST = re.compile(r"\W*(?:\w+ )?(who|whom|whose|where|when|why)\b", re.I)
_JOINING: dict[str, Kind] = {
    "who": "person",
    "whom": "person",
    "whose": "person",
    "where": "place",
    "when": "date",
    "why": "reason",
}
_VERB = r"(?:am|is|are|was|were|do|does|did|has|have|had|will|would|can|could|shall|should|must|may|might)\b"
_YES_OR_NO = re.compile(rf"\W*{_VERB}(?! you\b)", re.I)
_OPEN = re.compile(rf"\A\W*how {_VERB}|\band (?:\w+ )?(?:what|which|who|whom|whose|where|when|why|how)\b", re.I)
_WHEN_ASKS = re.compile(rf"\bwhen (?:exactly |precisely )?{_VERB}", re.I)
_NUMERAL = re.compile(r"\d+(?:[.,]\d+)*")
_COUNTS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|fifteen|twenty|thirty|forty|fifty|sixty|"
    "hundred|thousand|million|billion"
)
_MONTHS = (
    r"jan(uary|\.)?|feb(ruary|\.)?|mar(ch|\.)?|apr(il|\.)?|may|june?|july?|aug(ust|\.)?|sept?(ember|\.)?|"
    r"oct(ober|\.)?|nov(ember|\.)?|dec(ember|\.)?"
)
_CAPITAL = "[A-Z\u00c0-\u00de\u0410-\u042f]"
# Of time, and of length: a bridge is long, too.
_UNITS = (
    r"((business |working |calendar )?(second|minute|hour|day|week|month|year|decade)|kilomet(re|er)|met(re|er)|mile)s?|"
    r"feet|k?m"
)
_HOLDS: dict[Kind, re.Pattern[str]] = {
    "percentage": re.compile(r"\d\s?(%|percent|per cent|pct|prozent)", re.I),
    "duration": re.compile(
        rf"(\d|\b({_COUNTS})\b)(\s?\([\w-]+\))?[\s-]?({_UNITS}\b|sekunden?|minuten?|stunden?|tage?\b|wochen?|"
        r"monate?|jahre?|jours?\b|semaines?|mois\b|ans?\b|años?\b|días?\b|mes(es)?\b|anni?\b|giorn[oi]|mes[ei]\b)"
        r"|\d\s?(年|个月|天|小时|分钟)",
        re.I,
    ),
    "money": re.compile(r"[$€£¥₹]\s?\d|\d\s?(€|£|¥|dollars?|euros?|usd|eur|million|billion)", re.I),
    "date": re.compile(rf"\b(1[5-9]|20)\d\d\b|\b({_MONTHS}) \d|\d (of )?({_MONTHS})\b|\d\d?[/.]\d\d?[/.]\d\d", re.I),
    "number": re.compile(rf"\d|\b({_COUNTS})\b", re.I),
    "definition": re.compile(
        r"\b(means?|refers? to|(is|are) (called|defined)|defined as|denotes?|stands? for)\b", re.I
    ),
    "reason": re.compile(r"\b(because|due to|reasons?|owing to|since|therefore|caused? by|weil|parce que)\b", re.I),
    "person": re.compile(
        rf"(?<=[a-z,;:]\s)(?<!\b(?i:in|at)\s){_CAPITAL}[a-z]+|{_CAPITAL}\w+ (?:[A-Z]\. ?)?{_CAPITAL}\w+"
    ),
    "place": re.compile(
        rf"\b(?:in|at|near|from|to|of|outside|around|im|bei|aus|nach|von|en|à|au|di|da)\s(?:the\s)?(?!(?i:{_MONTHS})\b){_CAPITAL}\w+"
        r"|\b(?i:located|situated|headquartered|street|avenue|(?<=\w)straße|rue|calle|via)\b|位于|在"
    ),
}
_NAMED: tuple[Kind, ...] = ("person", "place")
_WORD = re.compile(r"\w+")
_WHERE = re.compile(
    r"\b(what|which) (page|chapter|section|appendix)|\bcontents\b|\b(seite|kapitel|inhaltsverzeichnis)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood.

    Attributes:
        terms: its content words as tokens of the lexical analysis, each once, in order.
        numbers: those of them that are numbers or years, which an answer must match exactly.
        names: those of them that are numbers or look like proper names: without them it is about something else.
        aspects: those of them for the kind of answer or for looks, which evidence seldom repeats.
        labels: elements it names, normalised: "Figure 3"; for "Figure 3a" the whole too.
        words: all its words in lower case.
        kind: what the answer should hold.
        open: it asks for yes or no, how something is done or two things at once: no few words of a sentence tell all.
        where: it asks where in the document something stands, which a table of contents tells.
        whole_page: it names a page and asks for nothing but what is on it: "What is on slide 5?"
    """

    terms: tuple[str, ...]
    numbers: frozenset[str]
    names: frozenset[str]
    aspects: frozenset[str]
    labels: frozenset[str]
    words: frozenset[str]
    kind: Kind
    open: bool
    where: bool
    whole_page: bool


def understand(question: str, language: str = "en") -> Question:
    """`question` as what to look for, analysed as text in `language` is; `terms` is empty when it has no words."""
    question = question[:_LONGEST]
    mentions = find_mentions(question)
    rest = question
    for mention in reversed(mentions):  # the label is looked for as such, its number is no number of the answer
        rest = rest[: mention.start] + " " * (mention.end - mention.start) + rest[mention.end :]
    rest = _FISCAL.sub("", _PAGES.sub(" ", rest))  # pages are the retriever's concern
    if _OPEN.match(rest):
        rest = _WORKING.sub("", rest)
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
    kind = _kind(question)
    return Question(
        terms=terms,
        numbers=frozenset(numbers),
        names=frozenset(names & set(terms)),
        aspects=frozenset(aspects),
        labels=frozenset(label for m in mentions for label in (m.label, m.parent_label)),
        words=frozenset(re.findall(r"\w+", question.lower())),
        kind=kind,
        open=_OPEN.search(question) is not None or _YES_OR_NO.match(question) is not None,
        where=_WHERE.search(question) is not None,
        whole_page=not wanted and not mentions and kind == "any" and _PAGES.search(question) is not None,
    )


def _kind(question: str) -> Kind:
    """What the answer should hold."""
    asking = [word.lower() for word in _ASKING.findall(question)]
    first = _FIRST.match(question)
    alone = len(asking) == 1 and not _YES_OR_NO.match(question)
    if alone or (first and (first[1].lower() != "when" or _WHEN_ASKS.search(question))):
        asked = _JOINING.get(asking[0])
        if asked:
            return asked
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(question)), "any")


def holds(asked: Question, text: str) -> bool:
    """Whether `text` has the kind of thing asked for, beyond the words and numbers of the question itself."""
    pattern = _HOLDS.get(asked.kind)
    if pattern is None:
        return False
    if asked.kind in _NAMED:
        rest = _WORD.sub(lambda word: "x" if word[0].lower() in asked.words else word[0], text)
    else:
        rest = _NUMERAL.sub(lambda number: "" if number[0] in asked.numbers else number[0], text)
    return pattern.search(rest) is not None
