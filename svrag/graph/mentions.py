"""What a text refers to: figures, tables, sections, equations and pages it names. For paragraphs and for questions.

Finds the names only; which element bears a name is up to the graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from svrag.documents.labels import KINDS, NUMBER, normalise_label

_WORDS = "|".join(sorted((re.escape(word) for word in KINDS), key=len, reverse=True))
_PART = r"(?:\s?\(?[a-z]\)(?:\s?[/,&–-]\s?\(?[a-z]\))*)"
# Not the beginning of a longer number: "Section 1983" of a law is no Section 198.
_NUMBER = rf"(?:{NUMBER})(?!\d)"
_ONE = rf"\(?{_NUMBER}\)?{_PART}?"
_JOIN = r"\s*(?:,\s*and|,\s*or|,|;|and|or|und|et|y|e|&|to|through|bis|[-–—−∼~～])\s*"
# A kind's word, a number, and further numbers joined to it: "Figs. 2, 3(a) and 5-7".
_MENTION = re.compile(rf"(?<![\w-])(?P<word>{_WORDS})(?P<dot>\.?)\s*(?P<list>{_ONE}(?:{_JOIN}{_ONE})*)", re.IGNORECASE)
_ITEM = re.compile(rf"(?P<join>{_JOIN})?\(?(?P<number>{_NUMBER})\)?(?P<part>{_PART})?", re.IGNORECASE)
_RANGE = re.compile(r"\s*(?:to|through|bis|[-–—−∼~～])\s*$", re.IGNORECASE)
_LONGEST_RANGE = 30
# Words that are also plain English: they name an element only with a capital letter or a digit right behind.
_COMMON_WORDS = frozenset(
    {"box", "boxes", "graph", "graphs", "chart", "charts", "scheme", "schemes", "tab", "section", "sections"}
)

_ORDINALS = {
    word: number
    for number, word in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
            "sixteenth",
            "seventeenth",
            "eighteenth",
            "nineteenth",
            "twentieth",
        ],
        start=1,
    )
}
_CARDINALS = {
    word: n
    for n, word in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], start=1)
}
_PAGE = r"(?:pages?|pp?\.|slides?|seiten?|páginas?|folien?|pg\.?)"
_ROMAN_PAGE = r"[ivxlc]{1,6}"
_PAGE_NUMBERS = re.compile(
    rf"\b{_PAGE}\s*(?:no\.?|number|#)?\s*(?P<list>(?:\d{{1,4}}|{_ROMAN_PAGE}\b)(?:{_JOIN}\d{{1,4}})*)(?!\s*%)",
    re.IGNORECASE,
)
_NTH_PAGE = re.compile(
    rf"\b(?P<nth>\d{{1,4}})(?:st|nd|rd|th)\s+{_PAGE}\b|\b(?P<word>{'|'.join(_ORDINALS)})\s+{_PAGE}\b", re.IGNORECASE
)
_END_PAGES = re.compile(
    rf"\b(?P<end>first|last|final)\s+(?P<count>\d{{1,2}}|{'|'.join(_CARDINALS)})\s+{_PAGE}\b"
    rf"|\b(?P<which>second[\s-]+(?:to[\s-]+)?last|last|final|cover|front|back)\s+{_PAGE}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a text, from `start` to `end`.

    Attributes:
        kind: "Figure", "Table", "Section", ...
        number: as labels write it: "3", "3a", "A2", "4.2".
    """

    kind: str
    number: str
    start: int
    end: int

    @property
    def label(self) -> str:
        return f"{self.kind} {self.number}"

    @property
    def parent_label(self) -> str:
        """The label without a part's letter: "Figure 3" for "Figure 3a"; the label itself when there is none."""
        if len(self.number) > 1 and self.number[-1].isalpha() and self.number[-2].isdigit():
            return f"{self.kind} {self.number[:-1]}"
        return self.label


def find_mentions(text: str) -> list[Mention]:
    """All names in `text`, lists and ranges written out: "Figs. 2-4" gives three."""
    mentions: list[Mention] = []
    for match in _MENTION.finditer(text):
        word = match["word"]
        listed = match["list"]
        if not _is_name(word, match["dot"], listed):
            continue
        mentions += _listed(word, listed, match.start(), match.start("list"))
    return mentions


def _is_name(word: str, dot: str, listed: str) -> bool:
    first = listed.lstrip("( ")[:1]
    if not first.isdigit() and not first.isupper():
        return False  # "figure it out", "section a"
    if word.lower() in ("tab", "sec", "eq", "rys", "rис") and not dot and word.islower():
        return first.isdigit()
    # "box A" and "graph I" are prose; "Box 1" and "chart 3" are names.
    return first.isdigit() or word[0].isupper() or word.lower() not in _COMMON_WORDS


def _listed(word: str, listed: str, start: int, offset: int) -> Iterator[Mention]:
    previous: int | None = None
    kind = KINDS[word.lower()]
    for item in _ITEM.finditer(listed):
        number = normalise_label(word, item["number"]).partition(" ")[2]
        if word[-1:].lower() == "s" and (span := re.fullmatch(r"(\d+)-(\d+)", number)) and int(span[1]) < int(span[2]):
            last = min(int(span[2]), int(span[1]) + _LONGEST_RANGE)  # "Figs. 5-7": a plural makes it a range
            yield from (Mention(kind, str(n), start, offset + item.end()) for n in range(int(span[1]), last + 1))
            continue
        at, end = (start if item.start() == 0 else offset + item.start()), offset + item.end()
        if item["join"] and item["number"].isalpha() and item["number"].islower():
            continue
        if item["join"] and _RANGE.search(item["join"]) and previous is not None and number.isdigit():
            last = int(number)
            if previous < last <= previous + _LONGEST_RANGE:
                yield from (Mention(kind, str(n), at, end) for n in range(previous + 1, last))
        parts = re.findall(r"[a-z]", (item["part"] or "").lower())
        if parts and number[-1:].isdigit():
            yield from (Mention(kind, number + part, at, end) for part in parts)
        else:
            yield Mention(kind, number, at, end)
        previous = int(number) if number.isdigit() else None


def find_page_mentions(text: str, pages: int, labels: Sequence[str] = ()) -> list[int]:
    """The pages (1-based) that `text` names: "page 5", "slides 3-5", "the 6th page", "the last two pages".

    Args:
        pages: how many there are; a number beyond is no page of this document.
        labels: the name printed on each page. Where "page 5" may mean the fifth sheet or the sheet marked 5, both are
            given, the fifth sheet first.
    """
    text = " ".join(text.split())  # the patterns below take long on long white space
    found: dict[int, None] = {}

    def add(number: int) -> None:
        if 1 <= number <= pages:
            found[number] = None

    for match in _END_PAGES.finditer(text):
        if match["end"]:
            count = _CARDINALS.get(match["count"].lower()) or int(match["count"])
            count = min(count, pages)
            for n in range(1, count + 1) if match["end"].lower() == "first" else range(pages - count + 1, pages + 1):
                add(n)
        else:
            which = match["which"].lower()
            add(pages - 1 if which.startswith("second") else 1 if which in ("cover", "front") else pages)
    for match in _NTH_PAGE.finditer(text):
        before = text[max(0, match.start() - 16) : match.start()].lower()
        if "second" in (match["word"] or "").lower() and "last" in text[match.end() : match.end() + 8].lower():
            continue
        add(int(match["nth"]) if match["nth"] else _ORDINALS[match["word"].lower()] if "last" not in before else 0)
    printed = [number for match in _PAGE_NUMBERS.finditer(text) for number in _page_list(match["list"])]
    for name in printed:
        if name.isdigit():
            add(int(name))
    for name in printed:
        for n, label in enumerate(labels, start=1):
            if label and label.lower() == name.lower():
                add(n)
    return list(found)


def _page_list(listed: str) -> list[str]:
    """ "3-5 and 9" as ["3", "4", "5", "9"]."""
    names: list[str] = []
    for item in re.finditer(rf"(?P<join>{_JOIN})?(?P<number>\d{{1,4}}|{_ROMAN_PAGE}\b)", listed, re.IGNORECASE):
        number = item["number"]
        if item["join"] and _RANGE.search(item["join"]) and names and names[-1].isdigit() and number.isdigit():
            first, last = int(names[-1]), int(number)
            if first < last <= first + _LONGEST_RANGE:
                names += [str(n) for n in range(first + 1, last)]
        names.append(number)
    return names
