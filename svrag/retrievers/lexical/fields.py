"""An element as fields of tokens: what it says, its caption, the headings above it, its cells."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from svrag.documents.model import Element
from svrag.retrievers.lexical.analysis import analyse

FIELDS = ("body", "caption", "heading", "cells")


@dataclass(frozen=True, slots=True)
class FieldTokens:
    """The tokens of an element, field by field, in order."""

    body: tuple[str, ...] = ()
    caption: tuple[str, ...] = ()
    heading: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()

    def lengths(self) -> tuple[int, int, int, int]:
        return len(self.body), len(self.caption), len(self.heading), len(self.cells)

    def all(self) -> tuple[tuple[str, ...], ...]:
        """The four fields in the order of `FIELDS`."""
        return self.body, self.caption, self.heading, self.cells


@functools.lru_cache(maxsize=4096)
def in_text(tokens: str) -> str:
    """How tokens, joined by single spaces, look in `IndexedFields.text` where they stand together in this order."""
    return f" {tokens.replace(' ', '  ')} "


class IndexedFields:
    """The fields as strings in which a token, or several that stand together, is found by looking for a substring.

    That is many times quicker than comparing tokens, and most tokens of a question are not in most elements.
    """

    __slots__ = ("fields", "length", "text")

    def __init__(self, fields: Sequence[str]) -> None:
        """`fields` in the order of `FIELDS`, each its tokens joined by single spaces.

        Attributes:
            fields: those that are not empty: number, text and tokens.
            length: tokens in all.
            text: all of them, to look for `in_text(...)` in; nothing found runs from one field into the next.
        """
        # Two spaces between tokens: matches of the same token side by side do not overlap.
        self.fields = [
            (n, f" {field.replace(' ', '  ')} ", field.count(" ") + 1) for n, field in enumerate(fields) if field
        ]
        self.length = sum(length for _, _, length in self.fields)
        self.text = "|".join([text for _, text, _ in self.fields])

    @classmethod
    def of(cls, tokens: FieldTokens) -> IndexedFields:
        return cls([" ".join(field) for field in tokens.all()])


def field_tokens(element: Element, language: str) -> FieldTokens:
    """The fields of `element`; a table's words are its cells, what stands in a caption is caption and nothing else."""
    own = tuple(analyse(element.text, language)) if element.text else ()
    heading = tuple(token for title in element.section_path for token in analyse(title, language))
    caption = tuple(analyse(element.caption, language)) if element.caption else ()
    if element.type == "table":
        return FieldTokens(caption=caption, heading=heading, cells=own)
    if element.type == "caption":
        return FieldTokens(caption=own, heading=heading)
    return FieldTokens(body=own, caption=caption, heading=heading)
