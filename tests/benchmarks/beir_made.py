"""A set in BEIR's layout out of words that tiny tokenizers know."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests.retrievers.dense.checkpoints import WORDS


def write_set(folder: Path, *, documents: int = 40, claims: int = 24) -> Path:
    """Two claims are answered by one document, the next two by another; the last documents answer none."""
    draw = random.Random(1)
    folder.mkdir()
    texts = [" ".join(draw.choices(WORDS, k=9)) for _ in range(documents)]
    corpus = [{"_id": f"d{n}", "title": "kiln", "text": text} for n, text in enumerate(texts)]
    queries = [{"_id": f"q{n}", "text": " ".join(texts[n // 2].split()[:4])} for n in range(claims)]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = ["query-id\tcorpus-id\tscore", *(f"q{n}\td{n // 2}\t1" for n in range(claims))]
    (folder / "qrels.tsv").write_text("\n".join(lines) + "\n")
    return folder
