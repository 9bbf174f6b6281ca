"""What of an element is encoded: its words and its caption, after the headings above it.

A short paragraph or a chart of bare numbers says little without its heading. A caption is encoded with its figure or
table, not by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from svrag.documents.model import Element
from svrag.retrievers.dense.single import Cutting

SCHEME = 1
"""Raised whenever other texts are encoded: vectors of another scheme are made anew."""


@dataclass(frozen=True, slots=True)
class Passages:
    """Texts to encode, and for each the position of its element; ascending, long elements have several."""

    texts: tuple[str, ...]
    positions: tuple[int, ...]


def fingerprint(encoder: Cutting) -> str:
    """Names vectors of `encoder` over passages as they are cut here."""
    return f"{encoder.fingerprint}.{SCHEME}"


def passages(elements: Sequence[Element], encoder: Cutting) -> Passages:
    """The passages of `elements` (pages among them), in their order, in pieces that fit the encoder."""
    texts: list[str] = []
    positions: list[int] = []
    for position, element in enumerate(elements):
        if element.type == "caption" and element.target_id:
            continue
        words = "\n".join(filter(None, (element.caption, element.text)))
        for window in encoder.windows(words, " > ".join(element.section_path)) if words.strip() else ():
            texts.append(window)
            positions.append(position)
    return Passages(tuple(texts), tuple(positions))
