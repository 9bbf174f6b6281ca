"""Documents that tests of the library make without reading a file: small, whole, all kinds of elements."""

from __future__ import annotations

import hashlib
from pathlib import Path

from svrag.documents.model import Box, Document, Element, Page, Region, Table
from svrag.graph.build import build_graph
from svrag.library.store import Library


def document(name: str, *sentences: str, pages: int = 2) -> Document:
    """`sentences` as paragraphs under a heading, and a captioned table, on each page."""
    sha256 = hashlib.sha256(repr((name, sentences, pages)).encode()).hexdigest()
    own = sha256[:12]
    elements: list[Element] = []
    for number in range(1, pages + 1):
        heading = f"{number} Firing"

        def new(
            kind: str, text: str, n: int, number: int = number, heading: str = heading, **fields: object
        ) -> Element:
            path = () if kind == "section_header" else (heading,)
            box = Box(72, 100 + 20 * n, 523, 118 + 20 * n)
            return Element(f"{own}.{number}.{n}", own, kind, number, box, text, section_path=path, **fields)  # type: ignore[arg-type]

        elements.append(new("section_header", heading, 0, label=f"Section {number}", level=1))
        elements += [new("text", sentence, 1 + i) for i, sentence in enumerate(sentences)]
        n = len(sentences) + 1
        table = Table((("Kiln", "Heat"), ("North", f"12{number}0")))
        caption = f"Table {number}. Heat of the kilns."
        elements.append(
            new("caption", caption, n, label=f"Table {number}", target_id=f"{own}.{number}.{n + 1}", confidence=0.9)
        )
        elements.append(
            new(
                "table",
                "Kiln Heat\nNorth 1240",
                n + 1,
                label=f"Table {number}",
                caption=caption,
                table=table,
                continues=(Region(min(number + 1, pages), Box(72, 80, 523, 99)),),
            )
        )
    told = tuple(Page(i, 595, 842, label=str(i), text=" ".join(sentences)) for i in range(1, pages + 1))
    return Document(own, sha256, name, "On firing", "en", told, tuple(elements), warnings=("page 2: read in a hurry",))


def filled(library: Library, folder: Path, count: int = 4) -> list[Document]:
    """Documents of six sentences and more, which are alike, put into the library."""
    return [
        add(library, folder, document(f"{n}.pdf", *(f"Kiln {n} fired bowl {i} for {i} hours." for i in range(6 + n))))
        for n in range(count)
    ]


def add(library: Library, folder: Path, made: Document) -> Document:
    """Store `made` as if it had been read from `folder`."""
    source = folder / made.name
    source.write_bytes(repr(made.sha256).encode())
    library.add(made, build_graph(made), source)
    return made
