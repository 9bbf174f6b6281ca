"""vLLM in this process: the real one where it is installed (`make test-vllm`); elsewhere, what is said about that."""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from svrag.errors import InputError, ServerError
from svrag.generation import vllm as module
from svrag.generation.generator import PICTURES, ModelGenerator
from svrag.generation.model import ChatRequest, Refused
from svrag.generation.transformers import TransformersChat
from svrag.generation.vllm import VllmChat
from tests.documents_made import write_paper
from tests.generation.conversations import asked, heard, picture
from tests.generation.evidence import CHART, KILN, LOSSES, hits
from tests.generation.served import LENGTH, write_adapter, write_seer
from tests.generation.work import seconds_of_work, until_idle
from tests.patience import PATIENCE

PAGE, NARROW, OTHER = picture(), picture(1, 30, 90), picture(2, 80, 40)
INSTALLED = importlib.util.find_spec("vllm") is not None
installed = pytest.mark.skipif(not INSTALLED, reason="vLLM is not installed here: make test-vllm")
pytestmark = pytest.mark.timeout(1200 if INSTALLED else 60)  # with the start of the engine


@dataclass(frozen=True)
class Models:
    """One engine: a model that sees, and the same one with LoRA weights."""

    seer: VllmChat
    tuned: VllmChat


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    folder = tmp_path_factory.mktemp("models")
    seer = write_seer(folder / "seer")
    tuned = VllmChat(f"{seer}+{write_adapter(folder / 'tuned', seer)}")
    tuned.limits()  # with room for the adapter, the engine is started once
    yield Models(VllmChat(str(seer)), tuned)
    module._end()


@pytest.mark.skipif(INSTALLED, reason="it is installed")
def test_where_it_is_not_installed_that_is_said() -> None:
    with pytest.raises(
        InputError, match=r'vllm:x needs vLLM .*: pip install "vllm>=0\.32,<0\.33", or start'
    ) as caught:
        VllmChat("x").limits()
    assert "\n" not in str(caught.value)


def test_an_adapter_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no LoRA weights for vLLM in"):
        VllmChat(f"x+{tmp_path}").limits()
    with pytest.raises(InputError, match=r"no model in .*none"):
        VllmChat(f"x+{tmp_path / 'none'}").limits()


def test_a_folder_s_name_may_have_the_sign(tmp_path: Path) -> None:
    folder = tmp_path / "a+b"
    folder.mkdir()
    assert module.parts_of(str(folder)) == (str(folder), "")
    assert module.parts_of(f"{folder}+{tmp_path}") == (str(folder), str(tmp_path))
    assert module.parts_of("owner/model") == ("owner/model", "")
    assert module.parts_of("owner/model+owner/qa") == ("owner/model", "owner/qa")


@installed
def test_it_writes_piece_by_piece_and_the_same_each_time(models: Models) -> None:
    assert models.seer.limits() == models.tuned.limits()
    limits = models.seer.limits()
    assert (limits.tokens, limits.pictures, limits.structured) == (LENGTH, PICTURES, True)
    for parts in (("What is a kiln?",), ("What is this? ", PAGE), ("What is this? ", PAGE, " And ", NARROW, OTHER)):
        reply, pieces = heard(models.seer, asked(*parts, most=24))
        assert reply.text
        assert "".join(pieces) == reply.text
        assert len(pieces) > 1
        assert reply.finish in ("length", "stop")
        assert heard(models.seer, asked(*parts, most=24))[0] == reply


@installed
def test_pictures_are_seen_and_counted_as_the_model_counts_them(models: Models) -> None:
    said = models.seer.chat(asked("What is this? ", PAGE))
    assert said.text != models.seer.chat(asked("What is this? ", NARROW)).text
    with TransformersChat(models.seer.name) as same:
        for parts in (("What is a kiln?",), ("<|im_end|> is no end",), ("What is this? ", PAGE, NARROW)):
            assert models.seer.count(asked(*parts)) == same.count(asked(*parts))


@installed
def test_an_adapter_answers_otherwise_from_the_same_engine(models: Models) -> None:
    (engine,) = module._running
    for parts in (("What is a kiln?",), ("What is this? ", PAGE)):
        before = models.seer.chat(asked(*parts)).text
        assert models.tuned.chat(asked(*parts)).text != before
        assert models.seer.chat(asked(*parts)).text == before
    assert module._running == [engine]


@installed
def test_a_schema_is_followed(models: Models) -> None:
    messages = asked("What is it? ").messages
    for words in (["kiln", "bowl"], ["yes", "no"]):
        reply = models.seer.chat(ChatRequest(messages, 40, {"type": "string", "enum": words}))
        assert reply.text.strip().strip('"') in words
        assert reply.finish == "stop"
    with pytest.raises(Refused) as caught:
        models.seer.chat(ChatRequest(messages, 40, {"type": "nonsense"}))
    assert caught.value.what == "schema"
    assert models.seer.chat(asked("What is it? ")).text


@installed
def test_stopping_ends_the_engine_s_work(models: Models) -> None:
    """A reply of some hundred tokens, given up after three pieces, costs no more than a short one."""
    (engine,) = module._running
    start = until_idle(os.getpid())
    whole = models.seer.chat(asked("Tell me.", most=64))
    work = until_idle(os.getpid()) - start
    seen: list[str] = []
    start = seconds_of_work(os.getpid())
    reply = models.seer.chat(asked("Tell me.", most=900), on_token=seen.append, should_stop=lambda: len(seen) >= 3)
    assert reply.stopped
    assert whole.text.startswith(reply.text)
    assert until_idle(os.getpid()) - start < 3 * work
    assert engine._llm.get_num_unfinished_requests() == 0
    assert models.seer.chat(asked("Tell me.", most=64)) == whole


@installed
def test_a_reader_who_fails_ends_the_work_too(models: Models) -> None:
    def fail(piece: str) -> None:
        raise BrokenPipeError

    (engine,) = module._running
    with pytest.raises(BrokenPipeError):
        models.seer.chat(asked("Tell me.", most=900), on_token=fail)
    until_idle(os.getpid())
    assert engine._llm.get_num_unfinished_requests() == 0


@installed
def test_a_short_answer_does_not_wait_for_a_long_one(models: Models) -> None:
    begun, done = threading.Event(), threading.Event()
    replies = []
    other = VllmChat(models.seer.name)

    def long() -> None:
        request = asked("Tell me.", most=4000)
        replies.append(other.chat(request, on_token=lambda _: begun.set(), should_stop=done.is_set))

    thread = threading.Thread(target=long)
    thread.start()
    try:
        assert begun.wait(PATIENCE)
        assert models.seer.chat(asked("And you?", most=4)).finish == "length"
        assert thread.is_alive()
    finally:
        done.set()
        thread.join()
    assert replies[0].stopped


@installed
def test_what_it_cannot_take_is_refused_before_a_word_is_said(models: Models) -> None:
    said: list[str] = []
    long = asked("word " * LENGTH)
    with pytest.raises(Refused) as length:
        models.seer.chat(long, on_token=said.append)
    assert (length.value.what, length.value.most) == ("length", LENGTH)
    assert (models.seer.count(long) or 0) > 5 * LENGTH  # it is known how much too long
    with pytest.raises(Refused) as reply:
        models.seer.chat(asked("Short?", most=LENGTH - 10), on_token=said.append)
    assert reply.value.what == "length"
    many = asked("What are these? ", *[NARROW] * (PICTURES + 1))
    assert models.seer.count(many) is None
    with pytest.raises(Refused) as pictures:
        models.seer.chat(many, on_token=said.append)
    assert (pictures.value.what, pictures.value.most) == ("pictures", PICTURES)
    assert not said


@installed
def test_evidence_becomes_an_answer(models: Models, tmp_path: Path) -> None:
    """All the way: pictures out of a document, the prompt, the reply; what a random model says rests on nothing."""
    paper = write_paper(tmp_path / "paper.pdf")
    generator = ModelGenerator(lambda: VllmChat(models.tuned.name), "vllm", max_tokens=24)
    answer = generator.answer("How heavy is it?", hits(KILN, CHART, LOSSES), sources={"d0": paper})
    assert answer.generator == "vllm"
    assert answer.text


@installed
def test_an_engine_that_dies_is_said_and_replaced_at_the_next_question(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last test: it ends the engine."""
    begun = threading.Event()
    workers = psutil.Process().children(recursive=True)

    def kill() -> None:
        begun.wait(PATIENCE)
        for worker in workers:
            worker.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(ServerError, match=r"vLLM ended while .* ask again") as caught:
        models.seer.chat(asked("Tell me.", most=4000), on_token=lambda _: begun.set())
    thread.join()
    assert "\n" not in str(caught.value)

    def started(model: str, folder: Path, rank: int) -> None:
        raise InputError(f"{model} is started again")

    monkeypatch.setattr(module, "_Engine", started)
    with pytest.raises(InputError, match="seer is started again"):
        models.seer.limits()
    assert not module._running
