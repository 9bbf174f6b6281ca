"""Whether a question rests on the one before it. Rules for English and a few other languages; knows nothing of answers.

A question that can be understood alone stays as it is; what goes on ("And in 2014?"), points back ("How many of them?") or
is cut short ("How many in total?") does not stand.
"""

from __future__ import annotations

import functools
import re

from svrag.generation.asking import understand
from svrag.retrievers.lexical.analysis import analyse

_LANGUAGES = ("en", "de", "fr", "es", "it")
_DOCUMENT = r"(?:paper|document|report|article|file|study|presentation|book|deck|slide|page)s?"
_ABOUT_IT = re.compile(rf"\b(?:{_DOCUMENT}|tables|figures|charts|sections|chapters)\b", re.I)  # stands for itself
_OPENING = re.compile(
    r"^\W*(?:(?:and|but|or|what about|how about|what else|und|aber|oder|was ist mit|wie (?:steht|sieht) es mit|"
    r"et|ou|mais|qu.en est-il|pero|qué (?:tal|pasa con)|ma|che dire)\b|y\b(?!\s?-?ax)|e\b(?!\.)|那么?|还有)",
    re.I,
)
# An asking word, and nothing else.
_BARE = re.compile(
    r"^\W*(?:(?:so|then) )?(?:why(?: not)?|how(?: so| come)?|who|where|when|which(?: ones?)?|"
    r"warum|wieso|weshalb|wer|wo|wann|wie|pourquoi|comment|qui|où|quand|lequel|laquelle|"
    r"por qué|cómo|quién|dónde|cuándo|cuál|perché|come|chi|dove|quando|quale|为什么|怎么|谁|哪里)\W*$",
    re.I,
)
_POSSESSIVE = r"its|their|his|her|seine[rnms]?|ihre[rnms]?|dessen|deren|leurs?|su|sus|suo|sua|suoi|sue|loro"
_POINTING = re.compile(
    rf"\b(?:(?P<owned>{_POSSESSIVE})|it|they|them|theirs|he|him|she|hers|these(?! {_DOCUMENT})|"
    rf"those(?! who| that| with| of| in)|that (?:one|year|value|number)|this(?! {_DOCUMENT})|ones|"
    r"the (?:latter|former|others|other(?= one|\W*$)|same(?!-)|previous (?:one|question|answer))|"
    rf"er|(?-i:sie)|diese[rnms]?(?! {_DOCUMENT})|dort|davon|darin|damit|darüber|dazu|daran|das(?= so\b|\W*$)|"
    r"ils|elles?|celui|celle|ceux|cette|cet|cela|ça|"
    r"ello|ellos|ellas|ese|esa|esos|esas|eso|esto|quest[oia]|quell[oia])\b|"
    r"\bthat(?=\s*[?.!]*\s*$)|[它他她]|其(?!他)|[这那](?!份|篇|本|些?(?:文|报告|论文))|呢\W*$",
    re.I,
)
# "How long does it take to fire a kiln?"
_EXPLETIVE = re.compile(
    r"\bit (?:takes?|took|costs?|requires?|means?|is|was|true|possible|necessary|important|likely|allowed)\b"
    r"[^,;?.]*?\b(?:to|that|for)\b",
    re.I,
)
_CLAUSE = re.compile(
    r"[,;，；]|\b(?:and|or|but|when|if|because|while|after|before|than|und|oder|wenn|weil|et|ou|si|y|o|e)\b", re.I
)
_VERB = (
    r"am|is|are|was|were|do|does|did|has|have|had|will|would|can|could|should|ist|sind|war|waren|hat|haben|wird|wurden?|"
    r"gibt|heißt|est|sont|était|ont|fue|hay|sono|qu[eé] es|cu[aá]l es|cu[aá]les son"
)
_COMMAND = (
    "list show name give tell summarize summarise describe explain define find compare count translate extract "
    "liste zeig zeige nenne fasse beschreibe erkläre definiere finde vergleiche zähle gib "
    "montre nomme donne résume décris explique définis trouve lister résumer "
    "lista enumera muestra nombra dame resume describe explica define compara encuentra "
    "elenca mostra mostrami dammi riassumi descrivi spiega definisci confronta trova"
)
_SENTENCE = re.compile(
    rf"\b(?:{_VERB})\b|\bè\b|^\W*(?:(?:and|then|now|so|please|bitte) )*(?:{'|'.join(_COMMAND.split())})\b", re.I
)
_NO_SUBJECT = re.compile(rf"^\W*how many (?:{_VERB}|in|of|for|on|at|from)\b", re.I)
# Says nothing of what a question is about.
_EMPTY = _COMMAND + (
    " detail details example examples else again continue elaborate more please me bitte mehr viele plus más"
    " viel davon quanti quante cuántos cuántas weiter encore ancora"
)


def leaves_unsaid(question: str) -> bool:
    """Whether `question` rests on the one before it; nothing leaves nothing unsaid."""
    if _BARE.search(question) or _OPENING.search(question) or points_back(question):
        return True
    if understand(question).labels or _ABOUT_IT.search(question):
        return False
    own = _own(question)
    if not own:
        return bool(question.strip())
    return len(own) == 1 and (_NO_SUBJECT.search(question) is not None or not _SENTENCE.search(question))


def points_back(question: str) -> bool:
    """Whether a word of `question` stands for something that was said before it, and not in it."""
    asked = _EXPLETIVE.sub(" ", question)
    return any(not _answered(asked[: word.start()], word["owned"]) for word in _POINTING.finditer(asked))


def _answered(before: str, owned: str | None) -> bool:
    """Whether what stands before a pointing word is what it stands for: "What did Netflix earn, and when did it fall?" """
    if owned is None:
        return _CLAUSE.search(before) is not None and len(_own(before)) > 1
    asked = understand(before)
    named = asked.names - asked.numbers - asked.aspects
    return bool(named) or len(_own(before)) > 1 or _ABOUT_IT.search(before) is not None


def _own(question: str) -> frozenset[str]:
    """The words that say what a question is about, in the language that leaves the fewest: the others are small words."""
    found = []
    for language in _LANGUAGES:
        asked = understand(question, language)
        found.append(frozenset(asked.terms) - asked.numbers - asked.aspects - _empty(language))
    return min(found, key=len)


@functools.cache
def _empty(language: str) -> frozenset[str]:
    return frozenset(token for word in _EMPTY.split() for token in analyse(word, language))
