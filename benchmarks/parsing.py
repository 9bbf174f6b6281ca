"""What reading costs: CPU seconds per page, what a second worker brings, and the peak memory of the whole program.

    python benchmarks/parsing.py --data DIR [--limit N] [--json OUT]

Every document is read once with one worker per core. The peer is the layout model by itself, in the same run and on the
same pages, in a process of its own whose memory does not count: the ratio says what everything around it costs (text,
OCR, pictures, captions, order). Then the documents of --speedup are read again with one worker and with two, in turn,
--repeats times. Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import psutil
import pymupdf

from svrag.documents.assemble import assemble
from svrag.documents.files import sha256_of
from svrag.documents.workers import ParsePool, one_thread_each

SPEEDUP = ("PG_2020.03.09_US-Germany_FINAL",)


@dataclass(frozen=True, slots=True)
class Row:
    """One document: how long it took. `layout_seconds` is CPU time of the layout model alone on all its pages."""

    name: str
    pages: int
    ocr_pages: int
    poorer_pages: int
    cpu_seconds: float
    wall_seconds: float
    layout_seconds: float


class PeakMemory:
    """The most resident memory that this process and all its children but `peer` held together, in MB; sampled."""

    def __init__(self, peer: int) -> None:
        self.megabytes = 0.0
        self._peer = peer
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            total = 0
            for process in family(self._peer):
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.megabytes = max(self.megabytes, total / 1e6)


def family(peer: int) -> list[psutil.Process]:
    me = psutil.Process()
    return [me, *(child for child in me.children(recursive=True) if child.pid != peer)]


def cpu_seconds(peer: int) -> float:
    """CPU time of this process and the workers so far, their finished children (tesseract) included."""
    total = 0.0
    for process in family(peer):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
        if process.pid != psutil.Process().pid:
            total += times.children_user + times.children_system
    return total


def layout_alone(path: Path) -> float:
    began = time.process_time()
    with pymupdf.open(path) as document:
        for page in document:
            page.get_layout(return_raw=True)
    return time.process_time() - began


def read_one(pool: ParsePool, path: Path, peer: ProcessPoolExecutor, peer_id: int) -> Row:
    cpu, wall = cpu_seconds(peer_id), time.perf_counter()
    facts, blocks = pool.read(path, None)
    document = assemble(facts, blocks, sha256=sha256_of(path), name=path.name)
    cpu, wall = cpu_seconds(peer_id) - cpu, time.perf_counter() - wall
    return Row(
        path.name,
        facts.pages,
        sum(page.ocr for page in document.pages),
        sum(bool(page.warning) for page in document.pages),
        cpu,
        wall,
        peer.submit(layout_alone, path).result(),
    )


def pages_per_second(pool: ParsePool, paths: list[Path]) -> float:
    began, pages = time.perf_counter(), 0
    for path in paths:
        facts, blocks = pool.read(path, None)
        assemble(facts, blocks, sha256=sha256_of(path), name=path.name)
        pages += facts.pages
    return pages / (time.perf_counter() - began)


def one_and_two_workers(paths: list[Path], repeats: int) -> list[tuple[float, float]]:
    """Pages per second of one worker and of two, in turn and in short runs: machines change their speed."""
    with ParsePool(workers=1) as one, ParsePool(workers=2) as two:
        pages_per_second(one, paths[:1])  # starting the workers and loading the model is not reading
        pages_per_second(two, paths[:1])
        return [(pages_per_second(one, paths), pages_per_second(two, paths)) for _ in range(repeats)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the PDFs")
    parser.add_argument("--limit", type=int, help="only the first so many documents")
    parser.add_argument("--speedup", nargs="*", default=SPEEDUP, help="documents for one worker against two")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    paths = sorted(options.data.glob("*.pdf"))[: options.limit]
    rows = []
    spawn = multiprocessing.get_context("spawn")
    with ParsePool() as pool, ProcessPoolExecutor(1, mp_context=spawn, initializer=one_thread_each) as peer:
        pool.read(paths[0], None)
        peer_id = peer.submit(os.getpid).result()
        peer.submit(layout_alone, paths[0]).result()
        with PeakMemory(peer_id) as memory:
            for path in paths:
                row = read_one(pool, path, peer, peer_id)
                rows.append(row)
                print(
                    f"{row.name[:44]:<44} {row.pages:>4} pages  {row.ocr_pages:>3} by OCR  "
                    f"{row.cpu_seconds / row.pages:.2f} CPU s/page  {row.wall_seconds / row.pages:.2f} s/page  "
                    f"{row.cpu_seconds / max(row.layout_seconds, 1e-9):.1f} x layout alone  "
                    f"{row.poorer_pages} read in a poorer way",
                    flush=True,
                )
    per_page = [row.cpu_seconds / row.pages for row in rows]
    pages = sum(row.pages for row in rows)
    figures = {
        "documents": len(rows),
        "pages": pages,
        "median_cpu_seconds_per_page": statistics.median(per_page),
        "mean_cpu_seconds_per_page": sum(row.cpu_seconds for row in rows) / pages,
        "mean_wall_seconds_per_page": sum(row.wall_seconds for row in rows) / pages,
        "times_layout_alone": sum(r.cpu_seconds for r in rows) / sum(r.layout_seconds for r in rows),
        "peak_memory_mb": memory.megabytes,
    }
    chosen = [path for path in sorted(options.data.glob("*.pdf")) if path.stem in options.speedup]
    if chosen:
        pairs = one_and_two_workers(chosen, options.repeats)
        ratios = [two / one for one, two in pairs]
        figures |= {
            "one_worker_pages_per_second": statistics.median(one for one, _ in pairs),
            "two_workers_pages_per_second": statistics.median(two for _, two in pairs),
            "speedup_median": statistics.median(ratios),
            "speedup_of_medians": statistics.median(two for _, two in pairs)
            / statistics.median(one for one, _ in pairs),
            "speedup_least": min(ratios),
            "speedup_most": max(ratios),
        }
    for name, value in figures.items():
        print(f"{name:<32} {value:.2f}" if isinstance(value, float) else f"{name:<32} {value}")
    if options.json:
        options.json.write_text(json.dumps({**figures, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
