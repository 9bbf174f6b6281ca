"""How many numbered figures and tables of papers come out paired with their captions.

    python benchmarks/captions.py --data DIR [--json OUT]

The captions to find are taken from the plain text of the files, by nothing of svrag: lines that begin with "Figure 3:" or
"Table 2.". One counts as paired when svrag has a figure or table (of that kind: "right kind"; of either: "paired") with
this label on a page with such a line, next to it and not around it. The baseline, in the same run, is what the layout
model alone gives: a group of class "picture" or "table" next to such a line.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pymupdf

from svrag.documents.model import Box, Document
from svrag.documents.reading import read
from svrag.documents.workers import ParsePool

PAPERS = ("2303.05039v2", "2310.09158v1", "2312.10997v5", "f1f5242528411b262be447e61e2eb10f")
"""The papers among the documents of MMLongBench-Doc that are at hand; others can be named with --papers."""

_CAPTION = re.compile(r"(Figure|FIGURE|Fig\.|FIG\.|Table|TABLE) ?([A-Z]?\d{1,2}|[IVX]{1,5})(?:[:.]|$)")
_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8, "IX": 9, "X": 10}
_NEAR = 60.0  # points


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption as the plain text of the file has it."""

    label: str
    page: int
    box: Box


def captions_of(path: Path) -> list[Caption]:
    found = []
    with pymupdf.open(path) as document:
        for page in document:
            for block in page.get_text("dict")["blocks"]:
                for line in block.get("lines", ()):
                    text = "".join(span["text"] for span in line["spans"]).strip()
                    match = _CAPTION.match(text)
                    if match:
                        kind = "Table" if match[1].lower() == "table" else "Figure"
                        found.append(
                            Caption(f"{kind} {_ROMAN.get(match[2], match[2])}", page.number + 1, Box(*line["bbox"]))
                        )
    return found


def is_at(caption: Caption, page: int, body: Box) -> bool:
    return page == caption.page and caption.box.distance(body) < _NEAR and caption.box.covered_by(body) < 0.5


def paired(captions: list[Caption], document: Document) -> tuple[bool, bool]:
    """(with a body of the right kind, with a body of any kind) for one label's captions."""
    label = captions[0].label
    bodies = [e for e in document.elements if e.type in ("figure", "table") and e.label.lower() == label.lower()]
    found = [e.type for e in bodies for c in captions if is_at(c, e.page, e.box)]
    return label.split()[0].lower() in found, bool(found)


def layout_alone(captions: list[Caption], path: Path) -> bool:
    """Whether the layout model by itself sees a body of the right kind next to the caption's line."""
    kind = "table" if captions[0].label.startswith("Table") else "picture"
    with pymupdf.open(path) as document:
        for caption in captions:
            page = document[caption.page - 1]
            page.get_layout(return_raw=True)
            groups = [(g["class_name"], Box(*g["group_bbox"])) for g in page.layout_information or ()]
            if any(name == kind and is_at(caption, caption.page, box) for name, box in groups):
                return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the PDFs")
    parser.add_argument("--papers", nargs="*", default=PAPERS, help="names of the papers without .pdf")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    missed = []
    with ParsePool() as pool:
        for name in options.papers:
            path = options.data / f"{name}.pdf"
            document = read(path, pool=pool)
            by_label: dict[str, list[Caption]] = {}
            for caption in captions_of(path):
                by_label.setdefault(caption.label, []).append(caption)
            for label, captions in sorted(by_label.items()):
                kind = label.split()[0].lower()
                right, any_kind = paired(captions, document)
                counts[kind] += 1
                counts[f"{kind} right kind"] += right
                counts[f"{kind} paired"] += any_kind
                counts[f"{kind} layout alone"] += layout_alone(captions, path)
                if not any_kind:
                    missed.append(f"{name} page {captions[0].page}: {label}")
    for kind in ("figure", "table"):
        total = counts[kind]
        if total:
            shares = ", ".join(
                f"{how} {counts[f'{kind} {how}']} ({counts[f'{kind} {how}'] / total:.1%})"
                for how in ("paired", "right kind", "layout alone")
            )
            print(f"{total} captioned {kind}s: {shares}")
    for line in missed:
        print("missed:", line)
    if options.json:
        options.json.write_text(json.dumps({**counts, "missed": missed}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
