"""What every OpenAI-compatible server must do with svrag, asked of a real one: `transformers serve`, or vLLM."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openai", reason="transformers serve needs it")

from svrag.errors import ServerError
from svrag.generation.chat import ServerChat
from svrag.generation.generator import PICTURES, ModelGenerator
from svrag.generation.model import ChatRequest, Message, Picture, Refused, Text
from svrag.generation.transformers import TransformersChat
from tests.documents_made import write_paper
from tests.generation.conversations import picture
from tests.generation.evidence import CHART, KILN, LOSSES, hits
from tests.generation.served import LENGTH, VLLM, Served
from tests.generation.served import served as served  # a fixture
from tests.generation.work import seconds_of_work, until_idle

pytestmark = [
    pytest.mark.skipif(bool(os.environ.get("CI")) and VLLM, reason="vLLM is tested outside CI"),
    pytest.mark.timeout(1200),  # with the start of the server
]
PAGE, NARROW, OTHER = picture(), picture(1, 30, 90), picture(2, 80, 40)
HALF = "\ufffd"  # a letter of which not all bytes were written
only_vllm = pytest.mark.skipif(not VLLM, reason="only vLLM does that")
SCHEMA: dict[str, object] = {"type": "string", "enum": ["kiln", "bowl"]}  # an object could be white space for ever


def asked(*parts: str | Picture, most: int = 16, schema: dict[str, object] | None = None) -> ChatRequest:
    said = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    return ChatRequest((Message("system", (Text("Be brief."),)), Message("user", said)), most, schema)


@pytest.fixture
def seer(served: Served) -> Iterator[ServerChat]:
    with served.chat(served.seer) as model:
        yield model


def test_text_is_answered_the_same_each_time_and_within_its_length(seer: ServerChat) -> None:
    first = seer.chat(asked("What is a kiln?"))
    assert first.text
    longer = seer.chat(asked("What is a kiln?", most=48)).text
    assert longer.startswith(first.text.rstrip(HALF))
    assert len(longer) > len(first.text)
    assert seer.chat(asked("What is a kiln?")).text == first.text
    assert seer.chat(asked("Who fired the bowls?")).text != first.text


def test_words_stream_in_pieces(seer: ServerChat) -> None:
    pieces: list[tuple[float, str]] = []
    reply = seer.chat(asked("Tell me more.", most=64), on_token=lambda text: pieces.append((time.monotonic(), text)))
    assert "".join(text for _, text in pieces) == reply.text
    assert len(pieces) > 4
    assert pieces[-1][0] > pieces[0][0]


@pytest.mark.parametrize("pictures", [(PAGE,), (PAGE, NARROW, OTHER)], ids=["one", "three"])
def test_pictures_are_seen(seer: ServerChat, pictures: tuple[Picture, ...]) -> None:
    reply = seer.chat(asked("What is this? ", *pictures))
    assert reply.text
    others = [Picture(picture(9, 60, 60).data), *pictures[1:]]
    assert seer.chat(asked("What is this? ", *others)).text != reply.text
    assert seer.chat(asked("What is this? ", *pictures)).text == reply.text


def test_stopping_ends_the_server_s_work(served: Served, seer: ServerChat) -> None:
    """A reply of some hundred tokens, given up after three pieces, costs the server no more than a short one."""
    before = seconds_of_work(served.pid)
    whole = seer.chat(asked("Tell me.", most=64))
    assert whole.finish == "length"
    work = until_idle(served.pid) - before
    seen: list[str] = []
    before = seconds_of_work(served.pid)
    reply = seer.chat(asked("Tell me.", most=900), on_token=seen.append, should_stop=lambda: len(seen) >= 3)
    assert reply.stopped
    assert whole.text.startswith(reply.text.rstrip(HALF))
    assert until_idle(served.pid) - before < 3 * work


def test_a_model_that_is_not_there(served: Served) -> None:
    with served.chat("no/such-model") as model, pytest.raises(ServerError) as caught:
        model.chat(asked("Is it?"))
    assert "\n" not in str(caught.value)
    assert served.base_url in str(caught.value)


@pytest.mark.skipif(VLLM, reason="it serves one model")
def test_a_model_that_reads_only(served: Served) -> None:
    with served.chat(served.reader) as model:
        assert model.chat(asked("What is a kiln?")).text


def test_a_schema_is_followed(seer: ServerChat) -> None:
    assert seer.limits().structured is VLLM  # transformers serve reads past it, so it is not asked for one
    if VLLM:
        assert json.loads(seer.chat(asked("What is it? ", most=40, schema=SCHEMA)).text) in ("kiln", "bowl")


def test_evidence_becomes_an_answer(served: Served, tmp_path: Path) -> None:
    """All the way: pictures out of a document, the prompt, the reply; what a random model says rests on nothing."""
    paper = write_paper(tmp_path / "paper.pdf")
    generator = ModelGenerator(lambda: served.chat(served.seer), "openai", max_tokens=24)
    seen: list[str] = []
    answer = generator.answer(
        "How heavy is it?", hits(KILN, CHART, LOSSES), sources={"d0": paper}, on_token=seen.append
    )
    assert answer.generator == "openai"
    assert answer.text
    assert seen or VLLM  # held to a schema, a random model may write white space, which is nothing to show


@only_vllm
def test_what_vllm_tells_of_itself(served: Served, seer: ServerChat) -> None:
    for name in (served.seer, served.adapter):
        with served.chat(name) as model:
            limits = model.limits()
            assert (limits.tokens, limits.structured) == (LENGTH, True)
    with TransformersChat(served.seer) as same:
        for parts in (("What is a kiln?",), ("What is this? ", PAGE, NARROW)):
            assert seer.count(asked(*parts)) == same.count(asked(*parts))


@only_vllm
def test_adapters_answer_otherwise_than_the_model_they_are_for(served: Served, seer: ServerChat) -> None:
    with served.chat(served.adapter) as tuned:
        for parts in (("What is a kiln?",), ("What is this? ", PAGE)):
            assert tuned.chat(asked(*parts)).text != seer.chat(asked(*parts)).text


@only_vllm
def test_too_much_is_refused_with_its_limit(seer: ServerChat) -> None:
    with pytest.raises(Refused) as caught:
        seer.chat(asked("word " * LENGTH))
    assert (caught.value.what, caught.value.most) == ("length", LENGTH)
    with pytest.raises(Refused) as caught:
        seer.chat(asked("What are these? ", *[NARROW] * (PICTURES + 1)))
    assert (caught.value.what, caught.value.most) == ("pictures", PICTURES)
