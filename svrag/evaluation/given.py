"""Documents that are written down rather than parsed: parts of pages in, pages and elements out.

Where nobody says where a part stands on its page, the parts of a page are laid below each other over its whole width.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from svrag.documents.language import language_of
from svrag.documents.model import Box, Document, Element, ElementType, Page
from svrag.evaluation.question import GivenDocument

PAGE_SIZE = (612.0, 792.0)
"""Points; US letter, for pages that have no size of their own."""

_SAMPLE = 20_000  # characters that tell the language well enough


@dataclass(frozen=True, slots=True)
class Part:
    """An element to be: see `Element` for what its type, text, label, caption and level mean."""

    type: ElementType
    text: str
    label: str = ""
    caption: str = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class GivenPage:
    """The parts of a page in reading order, its own name and its size in points."""

    parts: tuple[Part, ...]
    label: str = ""
    size: tuple[float, float] = PAGE_SIZE


def given_document(
    name: str, pages: Sequence[GivenPage], *, pictures: Sequence[Path] = (), unrelated_pages: bool = False
) -> GivenDocument:
    """The document of `pages`, the first of which is page 1; its id depends on the name and on all that is in it.

    Args:
        pictures: a picture of each page, or none at all.
        unrelated_pages: a heading holds for its own page only.
    """
    sha256 = _hash(name, pages)
    id = sha256[:12]
    elements: list[Element] = []
    records: list[Page] = []
    headers: list[Part] = []
    for number, page in enumerate(pages, start=1):
        width, height = page.size
        if unrelated_pages:
            headers = []
        words = []
        for n, part in enumerate(page.parts):
            if part.type == "section_header":
                headers = [header for header in headers if header.level < part.level]
            elements.append(
                Element(
                    id=f"{id}.{number}.{n + 1}",
                    document_id=id,
                    type=part.type,
                    page=number,
                    box=Box(0.0, height * n / len(page.parts), width, height * (n + 1) / len(page.parts)),
                    text=part.text,
                    label=part.label,
                    caption=part.caption,
                    section_path=tuple(header.text for header in headers),
                    level=part.level,
                )
            )
            if part.type == "section_header":
                headers.append(part)
            words += [text for text in (part.caption, part.text) if text]
        records.append(Page(number, width, height, label=page.label, text="\n".join(words)))
    document = Document(
        id=id,
        sha256=sha256,
        name=name,
        title="",
        language=language_of(_sample(records)),
        pages=tuple(records),
        elements=tuple(elements),
    )
    return GivenDocument(document, tuple(pictures), unrelated_pages)


def _hash(name: str, pages: Sequence[GivenPage]) -> str:
    digest = hashlib.sha256(json.dumps(name).encode())
    for page in pages:
        parts = [[part.type, part.text, part.label, part.caption, part.level] for part in page.parts]
        digest.update(json.dumps([page.label, page.size, parts]).encode())
    return digest.hexdigest()


def _sample(pages: Sequence[Page]) -> str:
    texts: list[str] = []
    missing = _SAMPLE
    for page in pages:
        if missing <= 0:
            break
        texts.append(page.text[:missing])
        missing -= len(page.text)
    return "\n".join(texts)
