"""A program named `vllm` that behaves as `vllm serve` does, without a model.

It answers nothing while it loads, then /health, /v1/models and chats, the latter two only with the key; it starts an
engine, a process of its own, which outlives it when it is killed. Models by name: "broken" ends while it loads, after
vLLM's kind of traceback; "fragile" ends when it is asked to chat; any other answers with the name of what was asked.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

_PROGRAM = """#!{python}
import json, os, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = {folder!r}
arguments = sys.argv[1:]
model = arguments[1]

def value(name):
    return arguments[arguments.index(name) + 1]

engine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(os.path.join(folder, "starts"), "a") as starts:
    starts.write(json.dumps({{"arguments": arguments, "pid": os.getpid(), "engine": engine.pid}}) + "\\n")
print("(APIServer pid=1) INFO 11-21 21:18:44 [api_utils.py:286] loading", model, flush=True)
time.sleep(0.3)
if model == "broken":
    print("(EngineCore pid=2) ERROR 11-21 21:18:45 [core.py:1] ValueError: no room for 4096 tokens", flush=True)
    sys.exit("RuntimeError: Engine core initialization failed. See root cause above.")
adapters = []
if "--lora-modules" in arguments:
    rest = arguments[arguments.index("--lora-modules") + 1:]
    adapters = [text.partition("=")[0] for text in rest if "=" in text]

class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def send(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def may(self):
        known = self.headers.get("Authorization") == "Bearer " + os.environ["VLLM_API_KEY"]
        if not known:
            self.send(401, {{"error": "Unauthorized"}})
        return known

    def do_GET(self):
        if self.path == "/health":
            self.send(200, b"")
        elif self.may():
            names = [model, *adapters]
            self.send(200, {{"data": [{{"id": name, "owned_by": "vllm", "max_model_len": 4096}} for name in names]}})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.may():
            if model == "fragile":
                print("torch.OutOfMemoryError: 80 GiB are not enough", flush=True)
                os._exit(7)
            event = {{"choices": [{{"delta": {{"content": asked["model"] + " says yes"}}, "finish_reason": "stop"}}]}}
            self.send(200, b"data: " + json.dumps(event).encode() + b"\\n\\ndata: [DONE]\\n\\n", "text/event-stream")

ThreadingHTTPServer((value("--host"), int(value("--port"))), Handler).serve_forever()
"""


class StandIn:
    """The program, in `folder`, and what is known of how it was started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "vllm"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)

    def starts(self) -> list[dict[str, object]]:
        """Arguments, and the numbers of the processes, of each start."""
        written = self.folder / "starts"
        return [json.loads(line) for line in written.read_text().splitlines()] if written.exists() else []

    def running(self) -> list[int]:
        """Processes of all starts that have not ended."""
        numbers = [int(str(start[name])) for start in self.starts() for name in ("pid", "engine")]
        return [number for number in numbers if _runs(number)]


@pytest.fixture
def vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """The stand-in, on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return StandIn(folder)


def _runs(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, and nobody has asked how
