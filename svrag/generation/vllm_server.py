"""`vllm serve` as a child process: started with the limits svrag needs, watched, started again once, stopped with us.

vLLM may live in another environment, with other versions than ours; all that is needed here is its command. Knows
nothing of what is asked of it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from svrag.errors import InputError, ServerError
from svrag.generation.chat import ServerChat
from svrag.generation.generator import PICTURES, ModelGenerator

_HOST = "127.0.0.1"
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # the ranks of LoRA weights that vLLM makes room for
_POLL_SECONDS = 0.25
_TELL_SECONDS = 10.0
_STOP_SECONDS = 15.0
_LINES_KEPT = 200
_LINES_TOLD = 20
_LINE_CHARACTERS = 400
_STARTS = 2
_REASON = re.compile(r"\b\w*(Error|Exception|Killed)\b.*|\berror: .*")
_NO_REASON = "Engine core initialization failed"  # it refers to what was said before
_HIDDEN = re.compile(r"\x1b\[[0-9;]*m|^\([^)]*pid=\d+\) *|^(ERROR|INFO|WARNING) [\d-]+ [\d:]+ *(\[[^\]]*\] *)*")


@dataclass(frozen=True, slots=True)
class Adapter:
    """LoRA weights beside the model: asked by `name`, read from `folder`."""

    name: str
    folder: Path

    @classmethod
    def of(cls, text: str) -> Adapter:
        """From NAME=FOLDER.

        Raises:
            InputError: it is not of that form, or there are no LoRA weights as PEFT writes them.
        """
        name, given, folder = text.partition("=")
        if not (name and given and folder):
            raise InputError(f"LoRA weights are given as NAME=FOLDER, not {text!r}")
        adapter = cls(name, Path(folder))
        adapter.rank()
        return adapter

    def rank(self) -> int:
        """The rank of its matrices.

        Raises:
            InputError: there is no adapter_config.json that tells it.
        """
        try:
            rank = json.loads((self.folder / "adapter_config.json").read_bytes())["r"]
        except (OSError, ValueError, KeyError, TypeError):
            rank = None
        if not isinstance(rank, int) or not 1 <= rank <= _RANKS[-1]:
            raise InputError(f"no LoRA weights for vLLM in {self.folder}: a PEFT adapter's folder is wanted")
        return rank

    def room(self) -> int:
        """The rank that vLLM must make room for, to take these: it knows some ranks only.

        Raises:
            InputError: as `rank`.
        """
        return next(room for room in _RANKS if room >= self.rank())


class VllmServer:
    """A running `vllm serve`; a context manager: in it, the server answers.

    With `adapters`, the first of them answers; without, the model itself.

    Args:
        model: its name on the Hugging Face Hub or its folder.
        length: tokens of a request and its reply together; 0: as many as the memory holds and the model knows.
        adapters: LoRA weights to serve beside it.
        more: further arguments of `vllm serve`, as in a shell.
        tell: told what happens, a line at a time; from other threads, too.

    Raises:
        InputError: there is no `vllm` command, or `more` cannot be read.
    """

    def __init__(
        self,
        model: str,
        *,
        length: int = 0,
        adapters: Sequence[Adapter] = (),
        more: str = "",
        tell: Callable[[str], None],
    ) -> None:
        self._model = model
        self._asked = adapters[0].name if adapters else model
        self._key = secrets.token_urlsafe(24)  # others on this machine cannot ask it
        self._port = _free_port()
        self._command = [
            _program(),
            *("serve", model, "--host", _HOST, "--port", str(self._port)),
            *("--limit-mm-per-prompt", json.dumps({"image": PICTURES})),
            *("--max-model-len", str(length) if length else "auto"),
            *_lora_arguments(adapters),
            *_split(more),
        ]
        self._tell = tell
        self._process: subprocess.Popen[str] | None = None
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._starting = threading.Lock()
        self._ending = threading.Event()
        self._ready = threading.Event()
        self._died = ""  # why it will not come back
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://{_HOST}:{self._port}/v1"

    def generator(self) -> ModelGenerator:
        """Lets it answer."""
        return ModelGenerator(self.chat, f"vllm-server:{self._asked}")

    def chat(self) -> ServerChat:
        """The model, for one answer.

        Raises:
            ServerError: vLLM has died, or is being started again.
        """
        if self._died:
            raise ServerError(f"{self._died}: end svrag serve and start it again")
        if not self._ready.is_set():
            raise ServerError("vLLM is being started again: ask again in a minute")
        return ServerChat(self.base_url, self._asked, self._key)

    def __enter__(self) -> Self:
        """Starts it and waits until it answers, however long it loads.

        Raises:
            ServerError: it ended before it answered; the last lines it wrote were told.
        """
        try:
            self._start()
            if not self._answers_in_time():
                raise ServerError(self._why())
        except BaseException:
            self._stop()
            raise
        self._ready.set()
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._watcher.join()

    def _start(self) -> None:
        self._lines.clear()
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={"VLLM_NO_USAGE_STATS": "1", **os.environ, "VLLM_API_KEY": self._key},
                start_new_session=True,  # Ctrl+C reaches us alone: we end it, and all that it has started
            )
        except OSError as error:
            raise InputError(f"cannot start {self._command[0]}: {error.strerror}") from None
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        """Keeps the last lines of what it writes: a pipe that nobody reads would stop it."""
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if text := _HIDDEN.sub("", _HIDDEN.sub("", line.rstrip())).strip():
                    self._lines.append(text[:_LINE_CHARACTERS])

    def _answers_in_time(self) -> bool:
        """Waits until it answers; False when it ended, or is to end, before."""
        process, started = self._process, time.monotonic()
        assert process is not None
        told = started
        with httpx.Client(trust_env=False, timeout=5.0) as client:
            while process.poll() is None and not self._ending.is_set():
                with suppress(httpx.HTTPError):
                    if client.get(f"http://{_HOST}:{self._port}/health").status_code == 200:
                        self._tell(f"vLLM answers with {self._asked} after {time.monotonic() - started:.0f} s")
                        return True
                if time.monotonic() - told > _TELL_SECONDS:
                    told = time.monotonic()
                    last = self._lines[-1] if self._lines else "nothing said yet"
                    self._tell(f"vLLM is starting, {told - started:.0f} s: {last[:100]}")
                self._ending.wait(_POLL_SECONDS)
        return False

    def _watch(self) -> None:
        """Starts it again once when it ends by itself."""
        for start in range(1, _STARTS + 1):
            assert self._process is not None
            self._process.wait()
            self._ready.clear()
            if self._ending.is_set():
                return
            why = self._why()
            if start == _STARTS:
                self._died = why
                self._tell(f"{why}, for the second time")
                return
            self._tell(f"{why}: it is started again")
            _end_group(self._process)
            with self._starting:
                if self._ending.is_set():
                    return
                self._start()
            if self._answers_in_time():
                self._ready.set()

    def _why(self) -> str:
        """Why it ended, in a line; the last lines it wrote are told."""
        assert self._process is not None
        status = self._process.wait()
        time.sleep(_POLL_SECONDS)  # its last words may still be on their way
        lines = list(self._lines)
        for line in lines[-_LINES_TOLD:]:
            self._tell(f"  vllm: {line}")
        reasons = [match[0] for line in lines if _NO_REASON not in line and (match := _REASON.search(line))]
        found = reasons[-1] if reasons else ""
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return f"vllm serve {self._model} ended ({how})" + (f": {found}" if found else "")

    def _stop(self) -> None:
        with self._starting:
            self._ending.set()
        if self._process is None:
            return
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        _end_group(self._process)
        self._process.wait()


def _end_group(process: subprocess.Popen[str]) -> None:
    """Ends what `process` started and did not end itself: vLLM's engines are processes of their own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _program() -> str:
    """The `vllm` command: on the PATH, or beside the Python that runs this."""
    beside = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{Path(sys.executable).parent}"
    if found := shutil.which("vllm", path=beside):
        return found
    raise InputError(
        "there is no vllm command: install vLLM, best in its own environment (pip install vllm), and put its bin folder "
        "on the PATH"
    )


def _split(more: str) -> list[str]:
    try:
        return shlex.split(more)
    except ValueError as error:
        raise InputError(f"cannot read the arguments for vLLM ({error}): {more}") from None


def _lora_arguments(adapters: Sequence[Adapter]) -> list[str]:
    if not adapters:
        return []
    rank = max(adapter.room() for adapter in adapters)
    modules = [f"{adapter.name}={adapter.folder.absolute()}" for adapter in adapters]
    return ["--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", *modules]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((_HOST, 0))
        port: int = taken.getsockname()[1]
        return port
