from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from svrag.errors import InputError, ServerError
from svrag.generation.model import ChatRequest, Message, Text
from svrag.generation.vllm_server import Adapter, VllmServer
from tests.generation.stand_in_vllm import StandIn
from tests.generation.stand_in_vllm import vllm as vllm  # a fixture
from tests.patience import PATIENCE, until

ASK = ChatRequest((Message("user", (Text("Is it?"),)),))


def adapter(folder: Path, rank: object) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": rank}))
    return folder


def test_it_is_ready_inside_and_gone_with_its_engine_afterwards(vllm: StandIn) -> None:
    told: list[str] = []
    with VllmServer("owner/seer", tell=told.append) as server:
        assert server.generator().name == "vllm-server:owner/seer"
        with server.chat() as model:
            assert model.chat(ASK).text == "owner/seer says yes"
            assert model.limits().tokens == 4096
        assert len(vllm.running()) == 2
    until(lambda: vllm.running() == [])
    assert len(vllm.starts()) == 1
    assert "vLLM answers with owner/seer" in told[-1]


def test_the_limits_it_is_given(vllm: StandIn, tmp_path: Path) -> None:
    tuned, other = adapter(tmp_path / "tuned", 12), adapter(tmp_path / "other", 40)
    adapters = [Adapter.of(f"qa={tuned}"), Adapter.of(f"other={other}")]
    with (
        VllmServer("m", length=8192, adapters=adapters, more="--dtype 'float 32'", tell=print) as server,
        server.chat() as model,
    ):
        assert model.chat(ASK).text == "qa says yes"
    arguments = vllm.starts()[0]["arguments"]
    assert isinstance(arguments, list)
    assert arguments[:2] == ["serve", "m"]
    given = dict(zip(arguments[2::2], arguments[3::2], strict=False))
    assert given["--host"] == "127.0.0.1"
    assert json.loads(given["--limit-mm-per-prompt"]) == {"image": 6}
    assert given["--max-model-len"] == "8192"
    lora = arguments.index("--enable-lora")
    assert arguments[lora:] == [
        *("--enable-lora", "--max-lora-rank", "64"),  # the least room that vLLM knows for rank 40
        *("--lora-modules", f"qa={tuned}", f"other={other}"),
        *("--dtype", "float 32"),
    ]


def test_without_a_length_vllm_finds_it_and_without_adapters_none_are_named(vllm: StandIn) -> None:
    with VllmServer("m", tell=print):
        pass
    arguments = vllm.starts()[0]["arguments"]
    assert isinstance(arguments, list)
    assert arguments[arguments.index("--max-model-len") + 1] == "auto"
    assert "--enable-lora" not in arguments


def test_only_who_has_the_key_may_ask(vllm: StandIn) -> None:
    import httpx

    with VllmServer("m", tell=print) as server:
        assert httpx.get(f"{server.base_url}/models").status_code == 401
    assert "VLLM_API_KEY" not in str(vllm.starts())  # no argument: those are seen by everybody


def test_one_that_ends_while_it_loads_says_why(vllm: StandIn) -> None:
    told: list[str] = []
    with pytest.raises(ServerError) as caught, VllmServer("broken", tell=told.append):
        pytest.fail("it never answered")
    assert str(caught.value) == "vllm serve broken ended (exit status 1): ValueError: no room for 4096 tokens"
    assert "  vllm: RuntimeError: Engine core initialization failed. See root cause above." in told
    until(lambda: vllm.running() == [])
    assert len(vllm.starts()) == 1


def test_one_that_dies_is_started_again_once(vllm: StandIn) -> None:
    told: list[str] = []
    with VllmServer("fragile", tell=told.append) as server:
        with server.chat() as model, pytest.raises(ServerError):
            model.chat(ASK)
        until(lambda: len(vllm.starts()) == 2 and sum("answers with" in line for line in told) == 2)
        first, second = vllm.starts()
        assert first["arguments"] == second["arguments"]
        until(lambda: not {first["pid"], first["engine"]} & set(vllm.running()))
        until(lambda: _asked(server))
        until(lambda: "for the second time" in told[-1])
        with pytest.raises(ServerError, match=r"OutOfMemoryError: 80 GiB are not enough: end svrag serve and start"):
            server.chat()
    assert sum("it is started again" in line for line in told) == 1
    assert len(vllm.starts()) == 2
    until(lambda: vllm.running() == [])


def _asked(server: VllmServer) -> bool:
    """Whether it could be asked; it dies of that. While it is started again, that is what is said."""
    said = ""
    try:
        model = server.chat()
    except ServerError as error:
        said = str(error)
    if said:
        assert said == "vLLM is being started again: ask again in a minute"
        return False
    with model, pytest.raises(ServerError):
        model.chat(ASK)
    return True


def test_ended_while_it_is_started_again(vllm: StandIn) -> None:
    with VllmServer("m", tell=print):
        os.kill(int(str(vllm.starts()[0]["pid"])), signal.SIGKILL)
        until(lambda: len(vllm.starts()) == 2)
    until(lambda: vllm.running() == [])


def test_svrag_serve_takes_it_along(vllm: StandIn, tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="the web app is not installed")
    command = [sys.executable, "-m", "svrag", "--library", str(tmp_path / "library"), "serve"]
    process = subprocess.Popen([*command, "--port", "0", "--with-vllm", "m"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "shows the library" in process.stdout.readline()
        assert len(vllm.running()) == 2
        process.terminate()
        assert process.wait(PATIENCE) != 0
        until(lambda: vllm.running() == [])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_svrag_serve_ended_while_it_loads(vllm: StandIn, tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "svrag", "--library", str(tmp_path / "library"), "serve"]
    process = subprocess.Popen([*command, "--port", "0", "--with-vllm", "m"])
    try:
        until(vllm.starts)
        process.send_signal(number)
        assert process.wait(PATIENCE) != 0
        until(lambda: vllm.running() == [])
    finally:
        process.kill()
        process.wait()


def test_what_cannot_be_used_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("qa", "qa=", "=folder"):
        with pytest.raises(InputError, match="NAME=FOLDER"):
            Adapter.of(text)
    for folder in (tmp_path / "none", adapter(tmp_path / "odd", "many"), adapter(tmp_path / "large", 4096)):
        with pytest.raises(InputError, match="no LoRA weights"):
            Adapter.of(f"qa={folder}")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(InputError, match="there is no vllm command: install vLLM"):
        VllmServer("m", tell=print)


def test_arguments_that_cannot_be_read(vllm: StandIn) -> None:
    with pytest.raises(InputError, match="cannot read the arguments for vLLM"):
        VllmServer("m", more="--dtype 'float", tell=print)


def test_options_for_it_need_it(capsys: pytest.CaptureFixture[str]) -> None:
    from svrag.cli import main

    assert main(["serve", "--vllm-length", "100"]) == 1
    assert "go with --with-vllm" in capsys.readouterr().err
