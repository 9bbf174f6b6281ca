"""MaxSim over all documents: milliseconds of a question, recall, building, opening and bytes, beside other projects.

    python benchmarks/maxsim.py [--shapes S10k R5k P2k] [--queries 100] [--only TEXT ...] [--fast-plaid PYTHON] [--json OUT]

S10k: 10,000 documents of 64 vectors; R5k: 5,000 of 16 to 1,030; P2k: 2,000 pages of 1,030. Vectors have 128 dimensions
and stand about 2,000 common places, each document's about 8 of them; a question has 32 about vectors of one document.

Engines take turns with each question, after a first one that is not counted. Given are the median and the quartiles;
how many times as fast that is as score_multi_vector; recall@10 against float32 over all; seconds of building, that is
encoding and writing; milliseconds from opening to the first answer (files are in the page cache); bytes on disk for a
document, or in memory where nothing is kept on disk. An engine that used up --seconds gets no more questions.

The others are in the extra `bench`; fast-plaid needs an environment of its own: `pip install fast-plaid torch==2.11.0`,
whose Python --fast-plaid names. What is not installed is named in the table.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.maxsim_engines import (
    Data,
    Engine,
    FastPlaid,
    Floats,
    LanceDB,
    MaxsimCpu,
    QdrantEdge,
    ScoreMultiVector,
    SvragIndex,
    SvragScan,
    TorchProduct,
    best,
)
from svrag.retrievers.maxsim.scan import exact, kernel, kernels

SHAPES = {"S10k": (10_000, 64, 64), "R5k": (5_000, 16, 1_030), "P2k": (2_000, 1_030, 1_030)}
"""Documents, and the least and the most vectors of one."""
DIMENSION, PLACES, PER_DOCUMENT, TOKENS = 128, 2_000, 8, 32
BASELINE = ScoreMultiVector(by_length=False).name


@dataclass(frozen=True)
class Row:
    """One engine on one shape; None where it does not apply.

    Attributes:
        median, quartiles: milliseconds of a question.
        speed: how many times as fast as score_multi_vector.
        build: seconds.
        first: milliseconds of opening and the first question.
        bytes_each: of a document.
        missing: why there are no figures; "" when there are.
    """

    shape: str
    engine: str
    queries: int = 0
    median: float | None = None
    quartiles: tuple[float, float] | None = None
    speed: float | None = None
    recall: float | None = None
    build: float | None = None
    first: float | None = None
    bytes_each: float | None = None
    missing: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60, help="of questions for an engine on a shape, about")
    parser.add_argument("--only", nargs="+", help="engines whose names contain one of these")
    parser.add_argument("--fast-plaid", metavar="PYTHON", help="Python of an environment with fast-plaid")
    parser.add_argument("--json", type=Path, help="where to write the figures too")
    options = parser.parse_args()
    chosen = [
        engine
        for engine in engines(options.fast_plaid)
        if not options.only or any(text in engine.name for text in options.only)
    ]
    print(f"kernel: {kernel()}; {os.cpu_count()} cores\n", flush=True)
    rows: list[Row] = []
    for shape in options.shapes:
        data, questions = made(*SHAPES[shape], questions=options.queries + 1)
        rows += measured(shape, data, questions, chosen, options.seconds)
        print(table(rows[-len(chosen) :]), flush=True)
        del data
        gc.collect()
    if options.json:
        figures = {"kernel": kernel(), "cores": os.cpu_count(), "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(figures, indent=1))


def engines(fast_plaid: str | None = None) -> list[Engine]:
    """All of them, score_multi_vector first."""
    found: list[Engine] = [
        ScoreMultiVector(by_length=False),
        ScoreMultiVector(by_length=True),
        TorchProduct(),
        MaxsimCpu(),
        LanceDB(indexed=False),
        LanceDB(indexed=True),
        QdrantEdge(quantised=False),
        QdrantEdge(quantised=True),
        FastPlaid(fast_plaid),
        *(SvragScan(using) for using in kernels()),
        SvragIndex("int8"),
        SvragIndex("float16"),
    ]
    return found


def made(documents: int, least: int, most: int, questions: int) -> tuple[Data, list[Floats]]:
    """Vectors about common places, and questions about vectors of one document each; the same every time."""
    draw = np.random.default_rng(0)
    places = _normalised(draw.standard_normal((PLACES, DIMENSION), dtype=np.float32))
    starts = np.concatenate([[0], np.cumsum(draw.integers(least, most + 1, documents))])
    vectors = np.empty((int(starts[-1]), DIMENSION), dtype=np.float32)
    for number in range(documents):
        own = vectors[starts[number] : starts[number + 1]]
        chosen = draw.integers(0, PLACES, PER_DOCUMENT)[draw.integers(0, PER_DOCUMENT, len(own))]
        own[:] = _normalised(places[chosen] + _noise(draw, len(own)))
    asked = []
    for number in draw.integers(0, documents, questions).tolist():
        about = draw.integers(starts[number], starts[number + 1], TOKENS)
        asked.append(_normalised(vectors[about] + _noise(draw, TOKENS)))
    return Data(vectors, starts), asked


def measured(
    shape: str, data: Data, questions: Sequence[Floats], chosen: Sequence[Engine], seconds: float
) -> list[Row]:
    """A row for each engine. The first question is not counted."""
    truth = [set(best(exact(data.vectors, data.starts, question))) for question in questions]
    count = len(data.starts) - 1
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory(prefix="svrag-maxsim-") as place, ExitStack() as stack:
        searches, builds, firsts, sizes = {}, {}, {}, {}
        for number, engine in enumerate(chosen):
            if importlib.util.find_spec(engine.needs) is None:
                rows[engine.name] = Row(shape, engine.name, missing=f"{engine.needs} is not installed")
                continue
            folder = Path(place, str(number))
            folder.mkdir()
            engine.prepare(data, folder)
            before = _bytes(folder)
            started = time.perf_counter()
            engine.build(data, folder)
            built = time.perf_counter()
            searches[engine.name] = engine.open(data, folder, stack)
            searches[engine.name](questions[0])
            if engine.stores:
                builds[engine.name] = built - started
                firsts[engine.name] = 1000 * (time.perf_counter() - built)
            sizes[engine.name] = (_bytes(folder) - before if engine.stores else data.vectors.nbytes) / count
        times: dict[str, list[float]] = {name: [] for name in searches}
        shared: dict[str, list[float]] = {name: [] for name in searches}
        for question, wanted in list(zip(questions, truth, strict=True))[1:]:
            for name, search in searches.items():
                if sum(times[name]) < 1000 * seconds:
                    time.sleep(0.02)  # threads of the one before wait actively for a while
                    started = time.perf_counter()
                    found = search(question)
                    times[name].append(1000 * (time.perf_counter() - started))
                    shared[name].append(len(wanted & set(found)) / len(wanted))
    medians = {name: statistics.median(own) for name, own in times.items()}
    for name, own in times.items():
        low, _, high = statistics.quantiles(own, n=4) if len(own) > 1 else own * 3
        rows[name] = Row(
            shape, name, len(own), medians[name], (low, high),
            medians[BASELINE] / medians[name] if BASELINE in medians else None,
            statistics.mean(shared[name]), builds.get(name), firsts.get(name), sizes[name],
        )  # fmt: skip
    return [rows[engine.name] for engine in chosen]


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = [
        "| shape | engine | ms | quartiles | times as fast | recall@10 | build, s | first, ms | bytes each |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.missing:
            lines.append(f"| {row.shape} | {row.engine} | {row.missing} | | | | | | |")
            continue
        low, high = row.quartiles or (0, 0)
        lines.append(
            f"| {row.shape} | {row.engine} | {row.median:.1f} | {low:.1f} to {high:.1f} | {_figure(row.speed, '.1f')} "
            f"| {row.recall:.3f} | {_figure(row.build, '.1f')} | {_figure(row.first, '.0f')} | {row.bytes_each:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def _figure(value: float | None, format: str) -> str:
    return "" if value is None else f"{value:{format}}"


def _bytes(folder: Path) -> int:
    """What the files take on the disk; some are larger than what was written to them."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _noise(draw: np.random.Generator, count: int) -> Floats:
    return draw.standard_normal((count, DIMENSION), dtype=np.float32) / np.float32(np.sqrt(DIMENSION))


def _normalised(vectors: NDArray[np.floating]) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


if __name__ == "__main__":
    main()
