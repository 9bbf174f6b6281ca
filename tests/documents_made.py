"""Small documents that tests make for themselves."""

from __future__ import annotations

from pathlib import Path

import pymupdf

LINES = (
    "The kiln was fired for nine hours at 1240 degrees before the glaze was applied.",
    "Each of the forty-two bowls was weighed twice, and the mean weight was 318 grams.",
    "Table salt was thrown into the chamber during the last hour of firing.",
)


def write_paper(path: Path, lines: tuple[str, ...] = LINES, pages: int = 1) -> Path:
    """A PDF with a heading and `lines` as paragraphs on each page."""
    with pymupdf.open() as document:
        for number in range(1, pages + 1):
            page = document.new_page(width=595, height=842)
            page.insert_text((72, 90), f"{number} Firing the kiln", fontsize=16, fontname="hebo")
            for i, line in enumerate(lines):
                page.insert_textbox((72, 130 + 60 * i, 523, 180 + 60 * i), line, fontsize=11)
        document.save(path)
    return path


def write_encrypted(path: Path, password: str) -> Path:
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 90), LINES[0])
        document.save(path, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=password, owner_pw=password + "owner")
    return path
