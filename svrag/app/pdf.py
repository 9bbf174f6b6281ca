"""Blocks of HTML as a PDF of A4 pages, each block on one page where it fits. Knows nothing of conversations."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MARGIN = 54.0  # points
_LINE = 20.0  # points: nothing is put where not even a line fits


@dataclass(frozen=True, slots=True)
class Block:
    """HTML, and the pictures (PNG or JPEG) that it names."""

    html: str
    pictures: Mapping[str, bytes]


def laid_out(blocks: Sequence[Block], *, title: str, css: str) -> bytes:
    """The PDF."""
    import pymupdf

    from svrag.documents.rendering import drawing

    made = io.BytesIO()
    sheet = pymupdf.paper_rect("a4")
    inner = pymupdf.Rect(_MARGIN, _MARGIN, sheet.x1 - _MARGIN, sheet.y1 - _MARGIN)
    with drawing:
        writer = pymupdf.DocumentWriter(made)
        device, top = writer.begin_page(sheet), inner.y0
        for block in blocks:
            archive = pymupdf.Archive()
            for name, picture in block.pictures.items():
                archive.add(picture, name)
            story = pymupdf.Story(block.html, user_css=css, archive=archive)
            begun = False
            while True:
                if inner.y1 - top >= _LINE:
                    more, filled = story.place(pymupdf.Rect(inner.x0, top, inner.x1, inner.y1))
                    if more and top > inner.y0 and not begun:
                        story.reset()
                    else:
                        story.draw(device)
                        begun, top = True, filled[3]
                    if not more:
                        break
                writer.end_page()
                device, top = writer.begin_page(sheet), inner.y0
        writer.end_page()
        writer.close()
        with pymupdf.open(stream=made.getvalue()) as document:
            document.set_metadata({"title": title, "creator": "svrag"})
            return bytes(document.tobytes(garbage=3, deflate=True, deflate_images=True, deflate_fonts=True))
