"""How long a search takes in a library of 10,000 and of 100,000 elements, beside bm25s over the same elements.

    python benchmarks/search.py --library DIR --data ../shared/data/mmlongbench

The elements are those of the documents in the library DIR; to make more than there are, documents are repeated under
other ids, each with words of its own in place of its numbers, so that copies are not the same text. The questions are
those of MMLongBench-Doc in --data, asked of the whole library, svrag and bm25s in turns.

bm25s holds its index in memory and returns positions; svrag reads from disk and returns elements with reasons. That is
what is compared: all that is needed for a page of results, not the same work.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bm25s
import psutil
import Stemmer

from svrag.documents.model import Document, Element, Page
from svrag.evaluation.mmlongbench import load
from svrag.graph.model import ElementGraph
from svrag.library.store import Library
from svrag.search.engine import search

SIZES = (10_000, 100_000)
_NUMBER = re.compile(r"\d{2,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, required=True, help="library whose documents are used")
    parser.add_argument("--data", type=Path, required=True, help="folder of MMLongBench-Doc, for its questions")
    options = parser.parse_args()
    questions = [question.question for question in load(options.data).questions]
    with Library.open(options.library, create=False) as library:
        originals = [library.document(stored.id) for stored in library.documents()]
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="svrag-search-") as folder:
            measure(Path(folder), originals, size, questions)


def measure(folder: Path, originals: list[Document], size: int, questions: list[str]) -> None:
    """Prints one row: svrag and bm25s on a library of at least `size` elements."""
    texts: list[str] = []
    with Library.open(folder / "library") as library:
        for document in copies(originals, size):
            graph = ElementGraph(document.id, (), ())
            library.add(document, graph, folder / document.name, readable_copy=document.id.encode())
            texts += [f"{element.caption} {element.text}" for element in document.elements]
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    ours, theirs = [], []
    with Library.open(folder / "library", create=False) as library:
        search(library, questions[0])
        before = psutil.Process().memory_info().rss
        for question in questions:
            started = time.perf_counter()
            search(library, question)
            ours.append(1000 * (time.perf_counter() - started))
            started = time.perf_counter()
            tokens = bm25s.tokenize(question, stopwords="en", stemmer=stemmer, show_progress=False)
            index.retrieve(tokens, k=10, show_progress=False)
            theirs.append(1000 * (time.perf_counter() - started))
        grown = psutil.Process().memory_info().rss - before
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"{len(texts):7} elements: svrag p50 {statistics.median(ours):6.1f} ms, "
        f"p95 {statistics.quantiles(ours, n=20)[-1]:6.1f} ms; bm25s p50 {statistics.median(theirs):5.1f} ms; "
        f"ratio {ratio:.1f}; memory grown by {grown / 2**20:.0f} MB over {len(questions)} searches",
        flush=True,
    )


def copies(originals: list[Document], size: int) -> Iterator[Document]:
    """Documents with at least `size` elements in all, the first of them as they are."""
    made = 0
    for turn in itertools.count():
        for original in originals:
            if made >= size:
                return
            document = original if turn == 0 else _copied(original, turn)
            made += len(document.elements)
            yield document


def _copied(document: Document, turn: int) -> Document:
    sha256 = hashlib.sha256(f"{document.sha256} {turn}".encode()).hexdigest()
    own = sha256[:12]

    def text(old: str) -> str:
        return _NUMBER.sub(lambda match: str(int(match[0]) + turn) if len(match[0]) < 9 else match[0], old)

    def moved(id: str) -> str:
        return own + id[len(document.id) :] if id else ""

    def element(old: Element) -> Element:
        return replace(
            old,
            id=moved(old.id),
            document_id=own,
            text=text(old.text),
            caption=text(old.caption),
            target_id=moved(old.target_id),
        )

    def page(old: Page) -> Page:
        return replace(old, text=text(old.text))

    return replace(
        document,
        id=own,
        sha256=sha256,
        name=f"{turn}-{document.name}",
        pages=tuple(map(page, document.pages)),
        elements=tuple(map(element, document.elements)),
    )


if __name__ == "__main__":
    main()
