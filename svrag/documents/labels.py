"""The names people refer to elements by: "Fig. 3." and "FIGURE III" are both "Figure 3".

Captions are recognised here, and labels normalised for captions, mentions and questions alike. Pure text.
"""

from __future__ import annotations

import re

# Words in captions and mentions, in lower case and without a full stop, to the kind of label.
KINDS: dict[str, str] = {
    **dict.fromkeys(
        ("figure", "figures", "fig", "figs", "abbildung", "abbildungen", "abb", "figura", "figuras"), "Figure"
    ),
    **dict.fromkeys(("figuur", "図", "图", "圖", "рисунок", "рис", "rysunek", "rys"), "Figure"),
    **dict.fromkeys(
        ("table", "tables", "tab", "tabelle", "tabellen", "tableau", "tableaux", "tabla", "tablas"), "Table"
    ),
    **dict.fromkeys(("tabela", "tabelas", "tabella", "tabelle", "tabel", "表", "таблица", "табл"), "Table"),
    **dict.fromkeys(("chart", "charts", "diagramm", "graph", "graphs", "graphique"), "Chart"),
    **dict.fromkeys(("exhibit", "exhibits"), "Exhibit"),
    **dict.fromkeys(("algorithm", "algorithms", "algorithmus"), "Algorithm"),
    **dict.fromkeys(("scheme", "schemes"), "Scheme"),
    **dict.fromkeys(("listing", "listings"), "Listing"),
    **dict.fromkeys(("box", "boxes"), "Box"),
    **dict.fromkeys(
        ("equation", "equations", "eq", "eqs", "eqn", "eqns", "gleichung", "ecuación", "équation"), "Equation"
    ),
    **dict.fromkeys(
        ("section", "sections", "sec", "secs", "sect", "subsection", "chapter", "chapters", "§", "§§"), "Section"
    ),
    **dict.fromkeys(("abschnitt", "kapitel", "sección", "capítulo", "chapitre"), "Section"),
    **dict.fromkeys(("appendix", "appendices", "annex", "annexes", "anhang", "anexo", "annexe"), "Appendix"),
}
CAPTIONED = ("Figure", "Table", "Chart", "Exhibit", "Algorithm", "Scheme", "Listing", "Box")

NUMBER = r"(?:[A-Z]{1,2}[.\-]?)?\d{1,3}(?:[.\-–]\d{1,3})*[a-z]?|[IVXLC]{1,6}(?![A-Za-z])|[A-Z](?![A-Za-z])"
"""A number as captions write it: 3, 3a, 1-1, 4.2, A2, S1, B.3, IV."""

_ROMAN = re.compile(r"(?=[IVXLC])(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})$")
_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}

_WORDS = "|".join(
    sorted((re.escape(word) for word, kind in KINDS.items() if kind in CAPTIONED), key=len, reverse=True)
)
_LABEL = re.compile(
    rf"\s*(?P<word>{_WORDS})(?P<dot>\.?)\s*(?P<number>{NUMBER})(?:\s*\((?P<part>[a-z])\))?", re.IGNORECASE
)
# A caption begins with its label; what follows must be an end: punctuation, a dash, a line's end, or a capital.
_END = re.compile(r"\s*(?:[:.|\]\-–—：．、]|$)|[^\S\n]*\n|\s*[A-Z\"“(]")


def roman(text: str) -> int | None:
    """The value of an upper-case roman numeral up to 99; None when `text` is none."""
    if not text or not _ROMAN.match(text):
        return None
    values = [_DIGITS[letter] for letter in text]
    return sum(-v if any(v < w for w in values[i + 1 : i + 2]) else v for i, v in enumerate(values))


def normalise_label(word: str, number: str) -> str:
    """The label that `word` ("Figs.") and `number` ("III") stand for: "Figure 3".

    Roman numerals become digits except for appendices, which are named by letters.

    Raises:
        KeyError: `word` is not the name of a kind of label.
    """
    kind = KINDS[word.lower().rstrip(".")]
    number = number.strip(" .()").replace("–", "-")
    value = roman(number.upper()) if kind != "Appendix" and number.isalpha() else None
    # A single letter is a numeral only where it can be nothing else: "Table C" is C, "Table V" is 5.
    if value is not None and not (len(number) == 1 and number in "CL"):
        number = str(value)
    elif number[-1:].isalpha() and number[:1].isdigit():
        number = number[:-1] + number[-1].lower()
    return f"{kind} {number}"


def caption_label(text: str, *, surely_caption: bool = False) -> str:
    """The label at the beginning of a caption, normalised; "" when `text` does not begin like a caption.

    "Figure 3 shows the kiln" is a sentence, not a caption: after the number must come an end, unless something else
    than the words says that `text` is surely a caption.
    """
    match = _LABEL.match(text)
    if match is None or (not match["word"][:1].isupper() and match["word"].isascii()):
        return ""
    if not surely_caption and not _END.match(text, match.end()):
        return ""
    if match["number"].isalpha() and not match["number"].isupper():
        return ""
    return normalise_label(match["word"], match["number"]) + (match["part"] or "")


def without_label(caption: str) -> str:
    """What a caption says after its label: "Losses by kiln" of "Fig. 3. Losses by kiln"."""
    match = _LABEL.match(caption)
    return caption[match.end() :].lstrip(" .:|–—-") if match else caption


def kind_of(label: str) -> str:
    """ "Figure" for "Figure 3"; "" for no label."""
    return label.partition(" ")[0]
