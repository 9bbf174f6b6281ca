"""How deep each heading is: from its numbering, else the file's outline, else the rank of its type size."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from svrag.documents.blocks import Block
from svrag.documents.labels import normalise_label, roman
from svrag.documents.workers import FileFacts

_DECIMAL = re.compile(r"\s*(?:Section|Chapter)?\s*(\d{1,2}(?:\.\d{1,2}){0,4})[.):]?\s+(?=\S)", re.IGNORECASE)
_APPENDIX = re.compile(r"\s*(?:Appendix|Annex|Anhang)\s+([A-Z]|\d{1,2}|[IVX]+)\b", re.IGNORECASE)
_LETTERED = re.compile(r"\s*([A-Z](?:\.\d{1,2})*)[.):]?\s+(?=[A-Z])")
_ROMAN = re.compile(r"\s*([IVXLC]{1,6})[.):]\s+(?=\S)")
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading's depth (1 = outermost) and its label ("Section 4.2", "Appendix A", "" without a number)."""

    level: int
    label: str


def rank_headings(headings: Sequence[tuple[int, Block]], facts: FileFacts) -> list[Heading]:
    """For each heading, given as (page number, block) in reading order, its depth and label."""
    outline = {(_plain(title), page): level for level, title, page in facts.outline}
    anywhere = {_plain(title): level for level, title, _ in facts.outline}
    romans = sum(bool(_ROMAN.match(block.text)) for _, block in headings) >= 2
    sizes = _size_ranks([block for _, block in headings])
    result = []
    for page, block in headings:
        numbered = _numbered(block.text, romans)
        name = _plain(block.text)
        listed = outline.get((name, page)) or anywhere.get(name)
        if numbered is not None:
            result.append(numbered)
        elif listed is not None:
            result.append(Heading(min(max(1, listed), _DEEPEST), ""))
        else:
            result.append(Heading(1 if block.kind == "title" else sizes[_size_key(block)], ""))
    return result


def _numbered(text: str, romans: bool) -> Heading | None:
    """Depth and label from the number a heading begins with; None without one."""
    if match := _APPENDIX.match(text):
        return Heading(1, normalise_label("Appendix", match[1]))
    if romans and (match := _ROMAN.match(text)) and roman(match[1]) is not None:
        return Heading(1, normalise_label("Section", match[1]))
    if match := _DECIMAL.match(text):
        number = match[1]
        if int(number.partition(".")[0]) > 40:  # "2015 Results" is a year
            return None
        return Heading(min(number.count(".") + 1, _DEEPEST), normalise_label("Section", number))
    if match := _LETTERED.match(text):
        letter = match[1]
        # Under roman sections "A. Method" is a subsection, else an appendix's heading.
        depth = 2 if romans else 1
        return Heading(min(depth + letter.count("."), _DEEPEST), "" if romans else f"Section {letter}")
    return None


def _size_ranks(blocks: Sequence[Block]) -> dict[float, int]:
    """Type sizes of headings to depths: the largest that occurs more than once is 1; the title page's may be larger."""
    counts = Counter(_size_key(block) for block in blocks)
    ranked = sorted(counts, reverse=True)
    return {size: min(i + 1, 4) for i, size in enumerate(ranked)}


def _size_key(block: Block) -> float:
    """Sizes within a tenth are one size: OCR and scaling blur them."""
    size = max(1.0, block.size)
    step = 1.0
    while step * 1.12 < size:
        step *= 1.12
    return round(step, 2)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", re.sub(r"^\s*[\dA-Z]?(?:\.?\d+)*\.?\s+", "", text).lower())
