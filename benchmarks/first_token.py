"""What svrag adds to a model server's own time to the first word, and how soon the server knows that it may stop.

    python benchmarks/first_token.py --library DIR [--data FILE] [--repeats N] [--json OUT]

    svrag --library /tmp/demo add demo_data/documents; python benchmarks/first_token.py --library /tmp/demo

The server here is no model: it takes requests as vLLM does, lets `--server-ms` go by as if it read, and writes a word
each 20 ms. It notes when a request has come in whole and when the first word has gone out; a question's time to its first
word less that is what svrag adds: its search, its pictures, its prompt, and what it asks the server about itself. The
questions are those of demo_data/questions.json, or of --data in the same form. Each is asked once before it is timed:
the library is warm, as in a served one. Pictures are measured drawn anew, as for figures nobody has asked about yet, by
the process that asks, as on the command line, and by those that `svrag serve` keeps for it; and kept from the question
before.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from svrag.documents.drawers import drawers
from svrag.generation import crops
from svrag.generation.ask import ask
from svrag.generation.chat import ServerChat
from svrag.generation.generator import PICTURES, ModelGenerator
from svrag.library.store import Library

_WORD_SECONDS = 0.02
_STOP_WORDS = 5
_LENGTH = 32768
_BEGINNING = '{"answerable": true, "claims": [{"text": "word '  # of an answer by schema, as vLLM is asked for


@dataclass
class Clocked:
    """The server: when things happened, by time.perf_counter."""

    url: str = ""
    seconds: float = 0.0
    came: float = 0.0
    answered: float = 0.0
    gone: float = 0.0
    words: int = 0
    left: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Row:
    """Milliseconds, over all questions."""

    what: str
    median: float
    p95: float
    largest: float
    times: int


@contextmanager
def clocked(seconds: float) -> Iterator[Clocked]:
    state = Clocked(seconds=seconds)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _send(self, value: object) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self._send({"data": [{"id": "model", "owned_by": "vllm", "max_model_len": _LENGTH}]})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/tokenize":
                self._send({"count": _LENGTH // 2})
                return
            state.came, state.words = time.perf_counter(), 0
            state.left.clear()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.close_connection = True
            try:
                self._write()
            except OSError:
                state.gone = time.perf_counter()
                state.left.set()

        def _write(self) -> None:
            pause = state.seconds
            while True:
                end = time.perf_counter() + pause
                while (left := end - time.perf_counter()) > 0:
                    if select.select([self.connection], [], [], left)[0]:
                        if not self.connection.recv(1, socket.MSG_PEEK):
                            raise ConnectionError
                        time.sleep(left)
                written = _BEGINNING if state.words == 0 else "word "
                word = {"choices": [{"delta": {"content": written}}]}
                if state.words == 0:
                    state.answered = time.perf_counter()
                self.wfile.write(b"data: " + json.dumps(word).encode() + b"\n\n")
                state.words += 1
                pause = _WORD_SECONDS

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def added(
    library: Library, questions: list[str], server: Clocked, pictures: int, *, anew: bool = False
) -> list[float]:
    """Milliseconds that svrag adds, for each question; `anew` with none of its pictures drawn before."""
    generator = ModelGenerator(partial(ServerChat, server.url, "model"), "openai", pictures=pictures)
    found = []
    for question in questions:
        for timed in (False, True):
            first: list[float] = []
            if anew:
                crops.kept.clear()

            def heard(_: str, first: list[float] = first) -> None:
                first.append(time.perf_counter())

            started = time.perf_counter()
            ask(library, question, generator=generator, on_token=heard, should_stop=lambda first=first: bool(first))
            server.left.wait(10)
            if timed:
                own = server.answered - server.came
                found.append(1000 * (first[0] - started - own))
    return found


def stopped(library: Library, questions: list[str], server: Clocked, words: int) -> list[float]:
    """Milliseconds from the moment a reader gives up, after so many words, to that in which the server knows."""
    generator = ModelGenerator(partial(ServerChat, server.url, "model"), "openai", pictures=0)
    found = []
    for question in questions:
        gave_up: list[float] = []
        heard: list[str] = []
        began = time.perf_counter()

        def stop(gave_up: list[float] = gave_up, heard: list[str] = heard, began: float = began) -> bool:
            ready = len(heard) >= words if words else server.came > began and time.perf_counter() - server.came > 0.1
            if ready and not gave_up:
                gave_up.append(time.perf_counter())
            return ready

        ask(library, question, generator=generator, on_token=heard.append, should_stop=stop)
        if not server.left.wait(10):
            raise SystemExit("the server was never told to stop")
        found.append(1000 * (server.gone - gave_up[0]))
    return found


def row(what: str, times: list[float]) -> Row:
    ordered = sorted(times)
    return Row(what, statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))], ordered[-1], len(ordered))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[1] / "demo_data" / "questions.json")
    parser.add_argument("--repeats", type=int, default=3, help="times that each question is asked")
    parser.add_argument("--server-ms", type=float, default=200.0, help="the server's own time to its first word")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)

    questions = [str(entry["question"]) for entry in json.loads(options.data.read_text("utf-8"))] * options.repeats
    with Library.open(options.library) as library:
        if not library.documents():
            raise SystemExit(f"{options.library} holds no documents: svrag --library {options.library} add ...")
        rows = []
        own = options.server_ms

        def served(server: Clocked) -> list[float]:
            with drawers():
                return added(library, questions, server, PICTURES, anew=True)

        measured: list[tuple[str, float, Callable[[Clocked], list[float]]]] = [
            ("added before the first word, text", own, lambda s: added(library, questions, s, 0)),
            (
                "pictures never drawn before, command line",
                own,
                lambda s: added(library, questions, s, PICTURES, anew=True),
            ),
            ("pictures never drawn before, svrag serve", own, served),
            ("the same, pictures drawn before", own, lambda s: added(library, questions, s, PICTURES)),
            ("server told to stop while it reads", 60_000, lambda s: stopped(library, questions, s, 0)),
            ("server told to stop while it writes", own, lambda s: stopped(library, questions, s, _STOP_WORDS)),
        ]
        for what, milliseconds, measure in measured:
            with clocked(milliseconds / 1000) as server:
                rows.append(row(what, measure(server)))
            print(
                f"{what:44} median {rows[-1].median:6.1f} ms, p95 {rows[-1].p95:6.1f}, largest {rows[-1].largest:6.1f}, "
                f"{rows[-1].times} questions",
                flush=True,
            )
    if options.json:
        table = [{name: getattr(line, name) for name in Row.__dataclass_fields__} for line in rows]
        options.json.write_text(json.dumps(table, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
