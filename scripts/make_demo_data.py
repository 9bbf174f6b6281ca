"""Writes demo_data: a paper, an annual report, a deck of scanned slides, and questions about them; two as pictures too.

    python scripts/make_demo_data.py [FOLDER]

The documents are drawn by the code in `demo_data/` beside this file, from text and numbers that were made up for
them, so they may be copied freely. The same versions of PyMuPDF and Pillow give the same bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from demo_data import deck, paper, questions, report, slide_decks
from demo_data.made import Made

FOLDER = Path(__file__).resolve().parents[1] / "demo_data"


def write(folder: Path, documents: Sequence[Made]) -> None:
    """Into `folder`: `documents/*.pdf` with questions.json and annotations.jsonl; `decks/*/*.png` with decks.json and
    pairs.jsonl."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    for made in documents:
        (folder / "documents" / made.name).write_bytes(made.to_bytes())
    samples = json.dumps(questions.samples(documents), indent=2, ensure_ascii=False)
    (folder / "questions.json").write_text(samples + "\n", encoding="utf-8")
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in questions.annotations(documents)]
    (folder / "annotations.jsonl").write_text("".join(lines), encoding="utf-8")
    shown = json.dumps(slide_decks.decks(documents), indent=1, ensure_ascii=False)
    (folder / slide_decks.FILE).write_text(shown + "\n", encoding="utf-8")
    rows = [json.dumps(row, ensure_ascii=False) + "\n" for row in slide_decks.pairs(documents)]
    (folder / slide_decks.PAIRS).write_text("".join(rows), encoding="utf-8")
    for path, png in slide_decks.pictures(documents):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(png)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    documents = [paper.make(), report.make(), deck.make()]
    write(folder, documents)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            print(f"{path}  {path.stat().st_size / 1024:,.0f} KiB")


if __name__ == "__main__":
    main()
