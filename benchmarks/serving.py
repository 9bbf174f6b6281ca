"""What the server is like to use: start, first screen, a page with boxes, questions per second, memory.

    python benchmarks/serving.py                          # 100 documents of 20 pages, made here
    python benchmarks/serving.py --library DIR            # your own library, only read
    python benchmarks/serving.py --documents 3 --questions 20 --requests 50    # a try

Everything goes over loopback to `svrag serve` in a process of its own; clients are threads of this one. Nothing else
may run on the machine meanwhile. "First screen" (the question can be typed) and "whole page" (it can be asked, the
documents are listed) need Chromium and are left out without it.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import itertools
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pymupdf

sys.path.insert(0, str(Path(__file__).parents[1]))

from svrag.documents.model import Box, Document, Element, Page
from svrag.graph.build import build_graph
from svrag.library.store import Library
from tests.app.browser import Browser, browser_path

PAGES, PARAGRAPHS, WORDS = 20, 20, 40
A4 = (595.0, 842.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, metavar="DIR")
    parser.add_argument("--documents", type=int, default=100)
    parser.add_argument("--questions", type=int, default=1000, help="asked for the rate (default: %(default)s)")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 8, 50], help="at once (default: 1 4 8 50)")
    parser.add_argument("--requests", type=int, default=10_000, help="of the memory test (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="svrag-serving-") as folder:
        library = options.library or made(Path(folder) / "library", options.documents)
        with Server(library) as server:
            print(f"start to the first reply: {server.seconds:.2f} s")
            screens = first_screen(server.address, Path(folder))
            print(
                f"in a browser: the first screen after {screens[0]:.2f} s, the whole page with its documents after "
                f"{screens[1]:.2f} s, opened again after {screens[2]:.2f} s"
                if screens
                else "no Chromium here"
            )
            documents = json.loads(server.get("/api/documents"))
            told("page with boxes", pages_with_boxes(server, documents))
            questions = questions_about(server, documents)
            asked_by(server, questions, 20, 2)  # what is imported and cached once
            for clients in options.clients:
                began = time.perf_counter()
                seconds = asked_by(server, questions, options.questions, clients)
                rate = len(seconds) / (time.perf_counter() - began)
                told(f"{clients} clients: {rate:.1f} questions per second", seconds)
            memory(server, questions, options.requests)


class Server:
    """`svrag serve` on a free port; `seconds` from its start to its first reply."""

    def __init__(self, library: Path) -> None:
        self._library = library

    def __enter__(self) -> Server:
        began = time.perf_counter()
        command = [sys.executable, "-m", "svrag", "--library", str(self._library), "serve", "--port", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self._process.stdout.readline())
        assert found, "the server did not start"
        self.address, self.port = found[0], int(found[1])
        self.get("/api/health")
        self.seconds = time.perf_counter() - began
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        reply = connection.getresponse()
        content = reply.read()
        assert reply.status == 200, content[:200]
        return content

    def megabytes(self) -> float:
        """Resident memory of the server and its children."""
        process = psutil.Process(self._process.pid)
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / 2**20


def first_screen(address: str, folder: Path) -> tuple[float, float, float] | None:
    """Seconds until a browser that runs already can be typed into, until it has the whole page, and that once more."""
    path = browser_path()
    if path is None:
        return None
    whole = "!!document.querySelector('.sv-documents > li') && !document.querySelector('#sv-first')"
    with Browser(path, folder / "profile") as browser:
        browser.open("about:blank")
        began = time.perf_counter()
        browser.open(address)
        browser.wait("!!document.querySelector('textarea')", 60)
        typed = time.perf_counter() - began
        browser.wait(whole, 60)
        first = time.perf_counter() - began
        browser.open("about:blank")
        began = time.perf_counter()
        browser.open(address)
        browser.wait(whole, 60)
        return typed, first, time.perf_counter() - began


def pages_with_boxes(server: Server, documents: Sequence[dict[str, str]]) -> list[float]:
    """Seconds for the picture of a page on which each paragraph is boxed; every page is another one."""
    seconds = []
    for document in itertools.islice(itertools.cycle(documents), 50):
        number = 1 + len(seconds) % int(document["pages"])
        path = f"/api/documents/{document['id']}/pages/{number}"
        ids = [one["id"] for one in json.loads(server.get(path))["elements"]][:40]
        began = time.perf_counter()
        server.get(f"{path}/image?dpi=120&" + "&".join(f"element={one}" for one in ids))
        seconds.append(time.perf_counter() - began)
    return seconds


def questions_about(server: Server, documents: Sequence[dict[str, str]]) -> list[str]:
    """Questions with five words in a row of some paragraph of each document."""
    questions = []
    for n, document in enumerate(documents):
        elements = json.loads(server.get(f"/api/documents/{document['id']}/elements?type=text"))
        words = [element["text"].split() for element in elements if len(element["text"].split()) >= 10]
        if words:
            questions.append("What is the " + " ".join(words[n % len(words)][3:8]) + "?")
    return questions


def asked_by(server: Server, questions: Sequence[str], count: int, clients: int) -> list[float]:
    """Seconds of `count` questions, asked by `clients` threads that each wait for their reply; an error ends it all."""
    bodies = [json.dumps({"question": question}) for question in questions]
    return in_threads(server, [bodies[n % len(bodies)] for n in range(count)], clients, "/api/ask")


def in_threads(server: Server, bodies: Sequence[str], clients: int, path: str) -> list[float]:
    waiting = iter(bodies)
    lock = threading.Lock()
    seconds: list[float] = []
    failed: list[str] = []

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        while not failed:
            with lock:
                body = next(waiting, None)
            if body is None:
                return
            began = time.perf_counter()
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            content = reply.read()
            seconds.append(time.perf_counter() - began)
            if reply.status != 200:
                failed.append(f"{reply.status}: {content[:200]!r}")

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[0]
    return seconds


def memory(server: Server, questions: Sequence[str], requests: int) -> None:
    """Resident memory before and after every tenth of `requests` searches and answers."""
    bodies = [json.dumps({"question": question, "k": 5}) for question in questions]
    print(f"memory at the beginning: {server.megabytes():.0f} MB")
    for tenth in range(1, 11):
        half = [bodies[n % len(bodies)] for n in range(requests // 20)]
        in_threads(server, half, 4, "/api/search")
        in_threads(server, half, 4, "/api/ask")
        print(f"memory after {tenth * len(half) * 2} requests: {server.megabytes():.0f} MB", flush=True)


def told(what: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    print(f"{what}: median {at(0.5):.0f} ms, p95 {at(0.95):.0f} ms, longest {at(1.0):.0f} ms", flush=True)


def made(folder: Path, count: int) -> Path:
    """A library of documents whose files show the words that were stored of them; nothing is parsed."""
    chance = random.Random(7)
    syllables = [a + b for a in "bcdfglmnprst" for b in "aeiou"]
    words = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(4000)]
    files = folder.parent / "files"
    files.mkdir()
    with Library.open(folder) as library:
        for n in range(count):
            path = files / f"{n}.pdf"
            texts = [
                [_paragraph(chance.choices(words, k=WORDS), chance) for _ in range(PARAGRAPHS)] for _ in range(PAGES)
            ]
            place = _written(path, texts)
            document = _document(path, texts, place)
            library.add(document, build_graph(document), path)
    return folder


def _paragraph(words: Sequence[str], chance: random.Random) -> str:
    return f"{' '.join(words).capitalize()} in the amount of {chance.randint(1, 999)} percent."


def _place(n: int) -> Box:
    return Box(60, 50 + 38 * n, 535, 84 + 38 * n)


def _written(path: Path, texts: Sequence[Sequence[str]]) -> Callable[[int], Box]:
    with pymupdf.open() as file:
        for paragraphs in texts:
            page = file.new_page(width=A4[0], height=A4[1])
            for n, text in enumerate(paragraphs):
                page.insert_textbox(pymupdf.Rect(*_place(n)), text, fontsize=7)
        file.save(path)
    return _place


def _document(path: Path, texts: Sequence[Sequence[str]], place: Callable[[int], Box]) -> Document:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    own = sha256[:12]
    elements = tuple(
        Element(f"{own}.{number}.{n}", own, "text", number, place(n), text)
        for number, paragraphs in enumerate(texts, start=1)
        for n, text in enumerate(paragraphs)
    )
    pages = tuple(Page(n, *A4, text=" ".join(paragraphs)) for n, paragraphs in enumerate(texts, start=1))
    return Document(own, sha256, path.name, f"Document {path.stem}", "en", pages, elements)


if __name__ == "__main__":
    main()
