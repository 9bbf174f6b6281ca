"""The token store: room and recall by precision and pooling, cost of adding and removing, worth of the coarse stage.

    python benchmarks/token_store.py --library DIR --data ../shared/data/mmlongbench [--parts recall changes coarse]
        [--json OUT]

- recall: token vectors of all-MiniLM-L6-v2 (minilm_tokens.py) of all pages and elements in the library DIR, built by
  `svrag add`; the questions are those of MMLongBench-Doc in --data whose documents are there. recall@10: how many of the
  ten best by exact float32 MaxSim over the whole library are among the ten best found. page@5: questions of which an
  evidence page is among the five best pages of their document. Bytes: files, and what the database keeps of each unit.
- changes: milliseconds of adding a document (4 elements of 64 x 128), of removing one, and of the first search after,
  which no longer finds it, in libraries of 100 and 10,000 documents.
- coarse: milliseconds of a search and recall@10 against float32 with the coarse stage off and on, by size, on made-up
  vectors (64 tokens around 8 of 2,000 directions, questions of 32 around those of one element).

Tables are Markdown. The library in DIR is not touched.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.token_recall import K, places, recall
from svrag.documents.model import Box, Document, Element, Page
from svrag.evaluation.mmlongbench import load
from svrag.graph.model import ElementGraph
from svrag.library.store import Library
from svrag.library.tokens import coarse
from svrag.library.tokens.identity import IndexIdentity, IndexSettings, Unit
from svrag.library.tokens.index import TokenIndex
from svrag.retrievers.maxsim.scan import kernel

Floats = NDArray[np.float32]
PARTS = ("recall", "changes", "coarse")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, help="library whose documents are used, for recall")
    parser.add_argument("--data", type=Path, help="folder of MMLongBench-Doc, for its questions")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--documents", type=int, nargs="+", default=[100, 10_000], help="sizes for changes")
    parser.add_argument("--units", type=int, nargs="+", default=[10_000, 50_000, 100_000], help="sizes for coarse")
    parser.add_argument("--json", type=Path, help="where to write the figures too")
    options = parser.parse_args()
    if "recall" in options.parts and not (options.library and options.data):
        parser.error("recall needs --library and --data")
    figures: dict[str, list[dict[str, object]]] = {}
    print(f"kernel: {kernel()}\n", flush=True)
    if "recall" in options.parts:
        questions = load(options.data).questions
        with tempfile.TemporaryDirectory(prefix="svrag-tokens-") as folder:
            shutil.copytree(options.library, Path(folder) / "library")
            figures["recall"] = [asdict(row) for row in recall(Path(folder) / "library", questions)]
    for part, measure, sizes in (("changes", changes, options.documents), ("coarse", coarse_stage, options.units)):
        if part in options.parts:
            with tempfile.TemporaryDirectory(prefix="svrag-tokens-") as folder:
                figures[part] = [asdict(row) for row in measure(Path(folder), sizes)]
    if options.json:
        options.json.write_text(json.dumps({"kernel": kernel(), **figures}, indent=1))


# Adding and removing -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChangeRow:
    """Milliseconds, medians, with the quartiles of adding; `documents` were there before."""

    documents: int
    add: float
    add_quartiles: tuple[float, float]
    remove: float
    search_after: float
    search_again: float


TIMES = 50


def changes(folder: Path, sizes: Sequence[int]) -> list[ChangeRow]:
    """Prints and returns a row for each size; one library grows to all of them."""
    print("\n| documents | add | quartiles | remove | first search after | next search |\n|---|---|---|---|---|---|")
    draw = np.random.default_rng(0)
    query = _normalised(draw.normal(size=(32, 128)))
    rows = []
    with Library.open(folder / "library") as library:
        index = TokenIndex.open(library, IndexIdentity("made-up", "", "f", 128, IndexSettings()), create=True)
        serial = itertools.count()

        def new() -> tuple[str, list[Unit]]:
            document = _document(next(serial))
            source = folder / document.name
            source.write_text(document.name)
            library.add(document, ElementGraph(document.id, (), ()), source)
            source.unlink()
            return document.id, [Unit(i, "text", 1, _normalised(draw.normal(size=(64, 128)))) for i in range(4)]

        stored = 0
        for size in sorted(sizes):
            for _ in range(size - stored):
                index.add(*new())
            stored = size
            adding, removing, after, again = [], [], [], []
            for _ in range(TIMES):
                id, units = new()
                adding.append(_milliseconds(lambda id=id, units=units: index.add(id, units)))  # type: ignore[misc]
                index.search(query, k=K)
                removing.append(_milliseconds(lambda id=id: library.remove(id)))  # type: ignore[misc]
                after.append(_milliseconds(lambda: index.search(query, k=K)))
                again.append(_milliseconds(lambda: index.search(query, k=K)))
                if id in index.search(query, k=10**9).documents:
                    raise SystemExit("a removed document was found")
            low, middle, high = statistics.quantiles(adding, n=4)
            row = ChangeRow(size, middle, (low, high), *(statistics.median(own) for own in (removing, after, again)))
            rows.append(row)
            print(
                f"| {size} | {row.add:.1f} | {low:.1f} to {high:.1f} | {row.remove:.1f} | {row.search_after:.1f} "
                f"| {row.search_again:.1f} |",
                flush=True,
            )
    return rows


def _document(number: int) -> Document:
    """One page with one line."""
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    own = sha256[:12]
    element = Element(f"{own}.1.0", own, "text", 1, Box(72, 72, 500, 90), f"Document {number}")
    return Document(own, sha256, f"{number}.pdf", "", "en", (Page(1, 595, 842, text=element.text),), (element,))


# The coarse stage ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CoarseRow:
    """Milliseconds of a search, and its recall of the ten best by float32.

    Attributes:
        candidates: of the coarse stage; 0: it is off.
        forced: by this benchmark; the store itself would have it off, or have other candidates.
    """

    units: int
    candidates: int
    forced: bool
    search: float
    recall: float


QUESTIONS = 40
_TOKENS, _WIDTH, _DIRECTIONS, _PER_UNIT, _PER_DOCUMENT = 64, 128, 2000, 8, 250


def coarse_stage(folder: Path, sizes: Sequence[int]) -> list[CoarseRow]:
    """Prints and returns rows for each size: without the stage, and with each number of candidates that is tried."""
    print("\n| elements | coarse stage | search | recall@10 |\n|---|---|---|---|")
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            rows += _coarse_of(Path(own), size)
    return rows


def _coarse_of(folder: Path, size: int) -> list[CoarseRow]:
    draw = np.random.default_rng(0)
    directions = _normalised(draw.normal(size=(_DIRECTIONS, _WIDTH)))

    def around(chosen: NDArray[np.int64], count: int) -> Floats:
        noise = draw.normal(size=(count, _WIDTH)) / np.sqrt(_WIDTH)
        return _normalised(directions[chosen[draw.integers(0, len(chosen), size=count)]] + noise)

    topics = draw.integers(0, _DIRECTIONS, size=(size, _PER_UNIT))
    questions = [around(topics[unit], 32) for unit in draw.integers(0, size, size=QUESTIONS).tolist()]
    exact = np.empty((QUESTIONS, size), dtype=np.float32)
    rows = []
    usual = coarse.MANY_UNITS
    try:
        coarse.MANY_UNITS = min(usual, size)  # so that it is built and tried at every size
        with Library.open(folder / "library") as library:
            index = TokenIndex.open(library, IndexIdentity("made-up", "", "f", _WIDTH, IndexSettings()), create=True)
            order: list[tuple[str, int]] = []
            for first in range(0, size, _PER_DOCUMENT):
                document = _document(first)
                source = folder / document.name
                source.write_text(document.name)
                library.add(document, ElementGraph(document.id, (), ()), source)
                units = [around(topics[unit], _TOKENS) for unit in range(first, min(first + _PER_DOCUMENT, size))]
                for number, question in enumerate(questions):
                    products = np.concatenate(units) @ question.T
                    best = products.reshape(len(units), _TOKENS, -1).max(axis=1)
                    exact[number, first : first + len(units)] = best.sum(axis=1)
                index.add(document.id, [Unit(i, "text", 1, vectors) for i, vectors in enumerate(units)])
                order += [(document.id, i) for i in range(len(units))]
            truth = [{order[i] for i in np.argsort(-own, kind="stable")[:K].tolist()} for own in exact]
            while library.connection.execute("SELECT 1 FROM token_documents WHERE coarse = 0").fetchone():
                coarse.catch_up(library, "made-up", size)
            (own_choice,) = library.connection.execute("SELECT candidates FROM token_indexes").fetchone()
            for candidates in sorted({0, own_choice, *(round(share * size) for share in coarse.SHARES)}):
                with library.transaction() as connection:
                    connection.execute("UPDATE token_indexes SET candidates = ?, generation = random()", (candidates,))
                forced = candidates != (own_choice if size >= usual else 0)
                index.search(questions[0], k=K)
                took, shared = [], []
                for question, wanted in zip(questions, truth, strict=True):
                    started = time.perf_counter()
                    found = index.search(question, k=K)
                    took.append(1000 * (time.perf_counter() - started))
                    shared.append(len(wanted & set(places(found))) / K)
                row = CoarseRow(size, candidates, forced, statistics.median(took), statistics.mean(shared))
                rows.append(row)
                name = f"{candidates} candidates" if candidates else "off"
                name += "" if forced else ", as the store chose"
                print(f"| {size} | {name} | {row.search:.1f} | {row.recall:.3f} |", flush=True)
    finally:
        coarse.MANY_UNITS = usual
    return rows


def _normalised(vectors: NDArray[np.floating]) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
