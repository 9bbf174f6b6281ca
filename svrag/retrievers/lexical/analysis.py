"""Text into tokens: folded, stemmed in its language, numbers and units kept. The same for documents and questions.

Tokens hold no white space. Numbers lose their thousands separators ("1,234.5" is 1234.5) and stay whole, "10-K" and
"COVID-19" are kept whole and in parts, Chinese, Japanese and Korean become character bigrams.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable

_TOKEN = re.compile(
    r"(?P<cjk>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)"
    r"|(?P<number>\d+(?:[.,\u00a0\u202f]\d+)*(?P<unit>%|[a-zA-Z]{1,3}(?![a-zA-Z]))?)"
    r"|(?P<word>[^\W_]+(?:[’'][^\W_]+)*(?:-[^\W_]+)*)"
    r"|(?P<sign>[$€£¥%])"
)
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}(?![a-z])")  # "U.S." is one word
_YEAR_AT_END = re.compile(r"(?<=[a-z])(?:19|20)\d\d$")  # "FY2015" speaks of 2015 too
_THOUSANDS = re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}(?!\d))")
_SIGNS = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "%": "percent"}

_STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hi": "hindi", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
_STOP_WORDS = {
    "en": "a an and are as at be been but by for from has have he her his i if in into is it its my no not of on or our "
    "s she so such t than that the their them then there these they this to was we were which will with would you your",
    "de": "aber als am an auf aus bei bin bis das dass dem den der des die dies diese doch du durch ein eine einem einen "
    "einer er es für hat haben ich ihr im in ist ja kann mit nach nicht noch nur ob oder sich sie sind so über um und "
    "uns von vor war was wenn werden wie wir wird zu zum zur",
    "fr": "à au aux avec ce ces dans de des du elle en est et eux il ils je la le les leur lui mais me même mes moi mon "
    "ne nos notre nous on ou par pas pour qu que qui sa se ses son sur ta te tes toi ton tu un une vos votre vous l d",
    "es": "a al algo como con de del desde donde el ella ellos en entre era es esa ese eso esta este esto ha hay la las "
    "le les lo los más me mi muy no nos o para pero por que se si sin sobre son su sus también te un una uno y ya yo",
    "it": "a ad agli ai al alla alle anche che chi ci come con da dal dalla dei del della delle di e è ed gli ha i il in "
    "io la le lei li lo loro lui ma mi ne nei nel nella non o per più quella quello questa questo se si sono su sul un una",
    "pt": "a ao aos as à com como da das de do dos e é ela ele em entre era essa esse esta este eu foi há isso já la mais "
    "mas me meu na nas não no nos o os ou para pela pelo por que se sem ser seu sua são também te um uma você",
    "nl": "aan al als bij dan dat de der die dit door een en er ge had heeft het hij hoe ik in is je kan maar me met mijn "
    "na naar niet nog nu of om onder ons ook op over te tot uit van veel voor was wat we wel wij zal ze zich zijn zo",
}

# What a question says about itself or about the form of its answer, not about the document.
_QUESTION_WORDS = (
    "what which who whom whose when where why how many much does do did doing can could should shall may might "
    "must please list give tell name mention write answer return according document report paper slide deck "
    "article pdf wer was welche welcher welches wann wo warum wieso wie qui quoi quel quelle quand où pourquoi "
    "comment combien quién qué cuál cuándo dónde cómo cuánto chi cosa quale quando dove perché come quanto"
)
# "Write the answer in list format with ascending order." says nothing about the document.
_FORM = re.compile(
    r"(?:^|(?<=[.?!;,]))\s*(?:please\s+)?(?:and\s+)?(?:write|return|give|provide|answer|express|report|round|list|use|present|format)\b"
    r"[^.?!]*\b(?:answers?|format|order|integers?|decimals?|decimal places?|percentages?|percent value|digits?|"
    r"millions?|thousands|billions|list|words?|sentence|float|yes|no)\b[^.?!]*(?:[.?!]|$)",
    re.IGNORECASE,
)

Stem = Callable[[str], str]


def analyse(text: str, language: str = "en") -> list[str]:
    """The tokens of `text` in order, stop words left out; stop words are kept where there is nothing else."""
    tokens = _tokens(text, language)
    stop = _stop(language)
    return [token for token in tokens if token not in stop] or tokens


def analyse_question(question: str, language: str = "en") -> list[str]:
    """The tokens of a question that say what it is about, each once, in order.

    Sentences on the form of the answer and asking words are left out as long as something remains.
    """
    about = _FORM.sub(" ", question)
    for text in (about, question):
        tokens = [
            token
            for token in analyse(text, language)
            if token not in _asking(language) and token not in _stop(language)
        ]
        if tokens:
            return list(dict.fromkeys(tokens))
    return list(dict.fromkeys(analyse(question, language)))


def _tokens(text: str, language: str) -> list[str]:
    stem = _stemmer(language)
    tokens: list[str] = []
    for match in _TOKEN.finditer(_folded(text)):
        if match["word"]:
            tokens += _word_tokens(match["word"], stem)
        elif match["number"]:
            tokens += _number_tokens(match["number"], match["unit"] or "")
        elif match["cjk"]:
            characters = match["cjk"]
            tokens += [characters[i : i + 2] for i in range(max(1, len(characters) - 1))]
        else:
            tokens.append(_SIGNS[match["sign"]])
    return tokens


def _folded(text: str) -> str:
    """Lower case, compatibility forms and diacritics gone: "ﬁnancé" is "finance"."""
    lowered = text.lower()
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        plain = "".join(character for character in decomposed if not unicodedata.combining(character))
        # Hangul is put together again: its letters alone are no characters of a word.
        lowered = unicodedata.normalize("NFC", plain).lower()
    return _DOTTED.sub(lambda match: match[0].replace(".", ""), lowered)


def _word_tokens(word: str, stem: Stem) -> Iterable[str]:
    if "’" in word or "'" in word:
        word = re.sub(r"[’']s$", "", word).replace("’", "").replace("'", "")
    if "-" not in word:
        year = _YEAR_AT_END.search(word) if word[-1].isdigit() else None
        return (stem(word), year[0]) if year else (stem(word),)
    parts = [part for part in word.split("-") if part]
    return ("".join(parts), *(stem(part) for part in parts if len(part) > 1 or part.isdigit()))


def _number_tokens(number: str, unit: str) -> Iterable[str]:
    value = _THOUSANDS.sub("", number[: len(number) - len(unit)]).rstrip(".,")
    if unit == "%":
        return (value, "percent")
    return (value + unit, value, unit) if unit and len(unit) > 1 else (value + unit, value) if unit else (value,)


@functools.lru_cache(maxsize=32)
def _stemmer(language: str) -> Stem:
    name = _STEMMERS.get(language)
    if name is None:
        return _as_is
    import Stemmer

    stem: Stem = functools.lru_cache(maxsize=50_000)(Stemmer.Stemmer(name).stemWord)
    return stem


def _as_is(word: str) -> str:
    return word


@functools.cache
def _stop(language: str) -> frozenset[str]:
    """Stop words as they come out of the analysis."""
    words = _STOP_WORDS.get(language, "")
    return frozenset(token for word in words.split() for token in _tokens(word, language))


@functools.cache
def _asking(language: str) -> frozenset[str]:
    stem = _stemmer(language)
    return frozenset(stem(_folded(word)) for word in _QUESTION_WORDS.split())
