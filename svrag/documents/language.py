"""The language of a text, by its script and its most common words. Enough to choose a stemmer; not a classifier."""

from __future__ import annotations

import re
from collections import Counter

_COMMON: dict[str, str] = {
    "en": "the of and to in is that for it as with was on are by this be from or which",
    "de": "der die und den von zu das mit sich des auf für ist im dem nicht ein eine als auch",
    "fr": "de la le et les des en un du une que est pour qui dans par sur au plus pas",
    "es": "de la que el en y a los del se las por un para con no una su al lo",
    "it": "di e il la che in un per è una del sono con non della le dei si da nel",
    "pt": "de a o que e do da em um para com não uma os no se na por mais as",
    "nl": "de en van het een in is dat op te zijn met voor niet aan er om ook als dan",
    "sv": "och i att det som en på är av för med till den har de inte om ett men var",
    "da": "og i at det er en til af på for med der som de den et ikke har han",
    "no": "og i det er på en som til for av at med de har ikke et om den var fra",
    "fi": "ja on ei että se oli ovat mutta hän kun niin myös joka tai sen kuin ole",
    "hu": "a az és hogy nem is egy ez meg volt de csak ha már mint el van vagy",
    "ro": "de și în a la cu că pe nu un este care o din pentru mai sau au",
    "pl": "w i na z do nie się jest że to o jak przez po od są dla za który",
    "tr": "ve bir bu için de da ile olarak çok daha en gibi olan var ne kadar sonra",
}
_COMMON_SETS = {code: frozenset(words.split()) for code, words in _COMMON.items()}
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
)
_WORD = re.compile(r"[^\W\d_]+")
_ENOUGH = 5  # common words before a guess is worth more than none


def language_of(text: str) -> str:
    """ISO 639-1 code of most of `text`, "" when there is too little to tell."""
    letters = sum(map(str.isalpha, text))
    for code, script in () if text.isascii() else _SCRIPTS:
        # Kana or Hangul among Chinese characters decide; a few Greek letters in formulas do not.
        if letters and len(script.findall(text)) > (0.1 if code in ("ja", "ko") else 0.3) * letters:
            return code
    words = Counter(_WORD.findall(text.lower()))
    counts = {code: sum(words[word] for word in common & words.keys()) for code, common in _COMMON_SETS.items()}
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] >= _ENOUGH else ""
