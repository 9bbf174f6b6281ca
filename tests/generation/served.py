"""A real server of chat models on a free loopback port, started once for all tests: `transformers serve`, or vLLM.

SVRAG_TEST_VLLM=1 takes the `vllm` command on the PATH (see `make test-vllm`); both serve the same tiny checkpoint.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from svrag.generation.chat import ServerChat
from svrag.generation.vllm_server import Adapter, VllmServer
from tests.generation.tiny_chat import _write_qwen, write_text
from tests.patience import PATIENCE

VLLM = bool(os.environ.get("SVRAG_TEST_VLLM"))
LENGTH = 8192  # tokens of a request and its reply, where the server keeps to a limit
_SECONDS = 240.0


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        seer: a model of it that takes pictures.
        reader: one that takes text alone; "" where it serves a single model.
        adapter: LoRA weights over `seer`; "" where it serves none.
        pid: the process that was started.
    """

    base_url: str
    key: str
    pid: int
    seer: str
    reader: str = ""
    adapter: str = ""

    def chat(self, model: str) -> ServerChat:
        return ServerChat(self.base_url, model, self.key, timeout=_SECONDS, retry_seconds=0.01)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    seer = write_seer(folder / "seer")
    if VLLM:
        adapter = Adapter("tuned", write_adapter(folder / "tuned", seer))
        more = "--dtype float32 --enforce-eager"
        with VllmServer(str(seer), length=LENGTH, adapters=[adapter], more=more, tell=print) as server:
            process = server._process
            assert process is not None
            yield Served(server.base_url, server._key, process.pid, str(seer), adapter=adapter.name)
        return
    reader = write_text(folder / "reader")
    with _transformers_serve(folder / "log") as (address, pid):
        yield Served(f"{address}/v1", "", pid, str(seer), str(reader))


class _transformers_serve:
    """The command while inside; gives its address and process."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def __enter__(self) -> tuple[str, int]:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        command = [
            str(Path(sys.executable).with_name("transformers")),
            "serve",
            "--port",
            str(port),
            "--device",
            "cpu",
        ]
        cache = self._log.with_name("cache")  # without one, it cannot list its models
        cache.mkdir()
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--log-level", "warning"],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        address, end = f"http://127.0.0.1:{port}", time.monotonic() + _SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if httpx.get(f"{address}/health", trust_env=False).status_code == 200:
                    return address, self._process.pid
            except httpx.HTTPError:
                time.sleep(0.2)
        self.__exit__()
        raise AssertionError(f"transformers serve did not start: {self._log.read_text(errors='replace')[-3000:]}")

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def write_seer(folder: Path) -> Path:
    """Qwen2.5-VL with heads of 32 numbers: vLLM has no attention of fewer for a processor."""
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]}
    vision = {"window_size": 56, "fullatt_block_indexes": [1], "out_hidden_size": 64}
    text = {"hidden_size": 64, "max_position_embeddings": LENGTH, "rope_parameters": rope}
    return _write_qwen(folder, "Qwen2_5_VL", 14, vision, text)


def write_adapter(folder: Path, base: Path) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2_5_VLForConditionalGeneration

    torch.manual_seed(3)
    layers = r".*language_model.*\.(q_proj|v_proj)"
    config = LoraConfig(r=4, lora_alpha=32, target_modules=layers, init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(Qwen2_5_VLForConditionalGeneration.from_pretrained(base), config).save_pretrained(folder)
    return folder
