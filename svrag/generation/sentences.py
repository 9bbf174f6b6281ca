"""Text into sentences, without a model: verbatim, complete, in any language that marks its sentence ends.

Joined again the sentences give the text back, white space and all. Knows nothing of documents.
"""

from __future__ import annotations

import re

# A full stop after one of these ends no sentence. Lower case, inner stops dropped; a plural "s" is dropped too.
_ABBREVIATIONS = frozenset(
    """
    al approx bzgl bzw ca cf dept dr ed eg eq eqn esp etal evtl fig figur ggf gov hon hr ie incl lev mio mr mrd mrs ms
    mt mwst pag pp prof resp sect sog sr suppl supra tbl univ usf usw vgl viz vs zb ibid núm pág
    """.split()  # noqa: SIM905
)
# These end none when a number follows; "The answer is no. Then ..." does end.
_BEFORE_NUMBERS = frozenset(
    """
    abb abs app apr art aug cap ch chap col dec ex feb fn fol jan jul jun lit lt mar max min no nos nov nr oct op p par
    para pat ref rev sec sep sept seq st tab tel vers vol v num
    """.split()  # noqa: SIM905
)
# These may end one: they do when a word follows that begins sentences.
_EITHER = frozenset("inc corp ltd co llc plc bros etc jr sr st us uk eu usa am pm phd dc ny".split())  # noqa: SIM905
_WORDS_TOO = frozenset({"us", "am"})  # only US, U.S., AM and a.m. are abbreviations
_STARTERS = frozenset(
    """
    A After All Also Although An And As At Both But By Each Finally For From He Her His How However I If In It Its Many
    More Most No Of On One Our Please She Since So Some Such That The Their Then There These They This Those Thus To We
    What When Where Which While Who With You Your
    """.split()  # noqa: SIM905
)
_CLOSERS = "[\"'\u2018\u2019\u201c\u201d\u00bb\u203a)\\]}\u300d\u300f\uff09\u3011]"
_SIGNS = ".!?…؟۔।॥።။។։"
_BULLET = r"(?:[•▪◦●■□‣⁃∙·➢✓*\u2013\u2014-]\s|\(?[0-9]{1,2}[.)]\s|\(?[a-zA-Z][.)]\s)"
_END = re.compile(
    r"(?P<leader>(?<![.·…])(?<![.·…]\s)(?:(?:[.·]\s?){5,}+|(?:…\s?){2,}+)"  # of a table of contents,
    r"\s*[\divxlcIVXLC-]*(?=\s|\Z))"  # with its page
    rf"|(?P<wide>[。！？｡]+{_CLOSERS}*)"  # no space follows these
    rf"|(?P<mark>(?P<sign>(?<![{_SIGNS}])[{_SIGNS}]+){_CLOSERS}*(?:\s?\[\d[\d,;\s\u2013-]*\])*)(?=\s|\Z)"
    r"|(?P<note>(?<=[a-z)])\.\d{1,3}(?=\s+[A-Z]))"  # the raised number of a footnote
    r"|(?P<blank>\n\s*\n)"
    rf"|(?P<item>\n)(?=\s*{_BULLET})"
    r"|(?P<inline>\s)(?=[•▪◦●■‣➢✓]\s)"
)
_OPENING = re.compile(
    r"\W*(?:\w+\.?\s+)?(?:[\dIVX][\d.IVX-]*|[A-Z]|[A-Z]?[\d.-]+[a-z]?)", re.ASCII
)  # "1.", "Fig. 3a."
_LAST_WORD = re.compile(r"[^\s(\[\"'\u201c\u2018]+\Z")


def split_sentences(text: str) -> list[str]:
    """The sentences of `text`, each with the white space that follows it; `"".join` of them is `text`."""
    sentences: list[str] = []
    start = 0
    for match in _END.finditer(text):
        end = match.end()
        if match["mark"] and not _ends(text[start : match.start()], match["sign"], text[end:]):
            continue
        while end < len(text) and text[end].isspace():
            end += 1
        if text[start:end].strip():
            sentences.append(text[start:end])
            start = end
    if start < len(text):
        if text[start:].strip() or not sentences:
            sentences.append(text[start:])
        else:
            sentences[-1] += text[start:]
    return sentences


def _ends(before: str, sign: str, after: str) -> bool:
    """Whether the `sign` between `before` and `after` ends the sentence."""
    following = after.lstrip()
    if sign != ".":
        return not following[:1].islower()
    found = _LAST_WORD.search(before)
    word = found[0] if found else ""
    if following[:1].islower() or not word:
        return False
    if _OPENING.fullmatch(before):
        return False
    plain = word.replace(".", "").lower()
    starts = not following or re.split(r"\W", following, maxsplit=1)[0] in _STARTERS
    if plain in _EITHER and word not in _WORDS_TOO:
        return starts
    if len(plain) == 1 and re.match(r"[A-Z]\.", following):  # "z. B.", "J. R. Smith"
        return False
    if len(plain) == 1 and plain.isalpha() and (word.isupper() or "." in word):  # an initial
        return starts
    if plain in _BEFORE_NUMBERS or plain.removesuffix("s") in _BEFORE_NUMBERS:
        return not re.match(r"[\d(#]|[IVX]+\b", following)
    return not following or not (plain in _ABBREVIATIONS or plain.removesuffix("s") in _ABBREVIATIONS)
