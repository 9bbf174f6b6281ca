"""An element as fields of tokens: what it says, its caption, the headings above it, its cells."""

from __future__ import annotations

from dataclasses import astuple, dataclass

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
        return astuple(self)


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
