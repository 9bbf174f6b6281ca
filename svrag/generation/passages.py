"""What can be quoted from an element: sentences, table rows, the words in a figure, each with the words around it.

A passage's text stands in its element as it is (white space aside; a table row is a line of `Table.row_texts`). Knows
nothing of questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from svrag.documents.model import Element, Table
from svrag.generation.sentences import split_sentences
from svrag.retrievers.lexical.analysis import analyse

PassageKind = Literal["sentence", "row", "words", "heading", "contents", "reference"]

_LONGEST = 420  # characters; longer ones are cut at the weakest point that leaves them readable
_NAME = 40  # of a column
_CHUNK = 240  # characters of a figure's words quoted at once
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d\Z")
_REFERENCES = re.compile(
    r"\W*(?:[\dIVX]+\.?\s+)?(?:references(?: cited)?|bibliography|works cited|literature(?: cited)?|literatur|"
    r"literaturverzeichnis|quellen|bibliographie|r\u00e9f\u00e9rences|bibliograf\u00eda|referencias|bibliografia)\W*",
    re.I,
)
_ENTRY = re.compile(r"\n(?=\s*(?:\[\d+\]|\(?\d+[.)])\s)")
_LEADER = re.compile(r"(?:[.·]\s?){5}|(?:…\s?){2}")  # "3.2 Methods ........ 17"


@dataclass(frozen=True, slots=True)
class Passage:
    """A quotable piece of an element.

    Attributes:
        text: what is quoted.
        context: what a reader sees with it: headings, caption, column names. It helps to match and is never quoted. Of a
            row, its last line names the columns after the first.
        before: the sentence before it, for "it" and "they".
        kind: how it is quoted; "contents" is a line of a table of contents, which says what stands elsewhere, and
            "reference" an entry of a list of references.
    """

    text: str
    context: str
    before: str
    kind: PassageKind


def passages(element: Element) -> list[Passage]:
    """All passages of `element`: its caption, then the rest in reading order; none when it has no words."""
    headings = "\n".join(element.section_path)
    around = f"{headings}\n{element.label}\n{element.caption}"
    found = _prose(element.caption, f"{headings}\n{element.label}")
    if element.table is not None:
        found += _rows(element.table, around)
    elif element.type == "figure":
        found += [Passage(words, around, "", "words") for words in _chunks(element.text)]
    elif element.type == "section_header":
        found += [Passage(text, headings, "", "heading") for text in [_squeezed(element.text)] if text]
    elif any(map(_REFERENCES.fullmatch, element.section_path)):
        entries = (piece for entry in _ENTRY.split(element.text) for piece in _readable(_squeezed(entry)) if piece)
        found += [Passage(entry, around, "", "reference") for entry in entries]
    else:
        found += _prose(element.text, around)
    return found


def closest_passage(text: str, element: Element) -> str:
    """The passage of `element` that shares most with `text`, for its length; "" when the element has no words."""
    wanted = set(analyse(text))
    best, quote = -1.0, ""
    for passage in passages(element):
        has = set(analyse(passage.text))
        score = len(wanted & has) / (len(has) + 5) ** 0.5
        if score > best:
            best, quote = score, passage.text
    return quote


def _rows(table: Table, around: str) -> list[Passage]:
    """The rows of `table`; those below its header that only name columns again are seen with the others."""
    header = table.header()
    rows = [row for row in table.rows[table.header_rows :] if any(row)]
    names = len(list(takewhile(_names_columns, rows)))
    if names == len(rows):
        names = 0
    columns = " ".join([*header[1:], *(cell for row in rows[:names] for cell in row)])
    context = f"{around}\n{' '.join(header[:1])}\n{columns}"
    return [Passage(row, context, "", _kind(row, "row")) for row in table.row_texts()[names:]]


def _names_columns(row: Sequence[str]) -> bool:
    """Whether a row is one more of column names: nothing names it, and no cell holds a number that is not a year."""
    numbers = [number for cell in row for number in re.findall(r"\d+", cell)]
    short = all(len(cell) <= _NAME for cell in row)
    return not row[0] and sum(map(bool, row)) > 1 and short and all(map(_YEAR.match, numbers))


def _prose(text: str, context: str) -> list[Passage]:
    pieces = [piece for sentence in split_sentences(text) for piece in _readable(_squeezed(sentence)) if piece]
    return [
        Passage(piece, context, before, _kind(piece, "sentence"))
        for before, piece in zip(["", *pieces], pieces, strict=False)
    ]


def _kind(text: str, otherwise: PassageKind) -> PassageKind:
    return "contents" if _LEADER.search(text) else otherwise


def _readable(sentence: str) -> list[str]:
    """`sentence` cut into pieces of at most `_LONGEST` characters, at a semicolon, a comma or a space."""
    pieces = []
    while len(sentence) > _LONGEST:
        head = sentence[:_LONGEST]
        cut = next((at for mark in ("; ", "• ", ", ", " ") if (at := head.rfind(mark)) > _LONGEST // 3), _LONGEST - 1)
        pieces.append(sentence[: cut + 1].strip())
        sentence = sentence[cut + 1 :].strip()
    return [*pieces, sentence]


def _chunks(words: str) -> list[str]:
    """Lines of a figure's words, joined up to `_CHUNK` characters."""
    chunks: list[str] = []
    for line in (piece for text in words.splitlines() for piece in _readable(_squeezed(text)) if piece):
        if chunks and len(chunks[-1]) + len(line) < _CHUNK:
            chunks[-1] += f" {line}"
        else:
            chunks.append(line)
    return chunks


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
