"""A finished demo document: the file, and where on its pages the things are that questions ask about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pymupdf

from demo_data.sheet import Area


class Place(NamedTuple):
    """A rectangle on a page (1-based)."""

    page: int
    area: Area


@dataclass
class Made:
    """A document and its places by name ("Table 2", "cost"); a paragraph over two columns has two."""

    name: str
    kind: str
    pdf: pymupdf.Document
    text_layer: bool = True
    places: defaultdict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))

    def keep(self, name: str, page: int, area: Sequence[float]) -> None:
        self.places[name].append(Place(page, Area(*(round(v, 1) for v in area))))

    def to_bytes(self) -> bytes:
        """The file: the same bytes whenever it is made with the same versions."""
        if self.text_layer:
            self.pdf.subset_fonts()
        return bytes(self.pdf.tobytes(garbage=4, deflate=True, use_objstms=1, no_new_id=True))


def describe(pdf: pymupdf.Document, title: str, author: str, date: str) -> None:
    """Metadata with a fixed date ("2024-03-01"), so that it does not depend on the clock."""
    stamp = f"D:{date.replace('-', '')}090000Z"
    pdf.set_metadata({"title": title, "author": author, "creationDate": stamp, "modDate": stamp})
