from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from svrag.cli import main
from svrag.errors import InputError, ServerError
from svrag.library.store import Library
from svrag.retrievers.dense import openai
from svrag.retrievers.dense.openai import OpenAIEncoder, connect
from svrag.retrievers.kinds import kind_of
from svrag.retrievers.spending import ACCOUNT
from tests.library.made import add, document
from tests.retrievers.dense.fake_embeddings import FakeEmbeddings, fake_embeddings

BUSY = {"error": {"message": "slow down"}}


@pytest.fixture
def server() -> Iterator[FakeEmbeddings]:
    ACCOUNT.lines()
    with fake_embeddings() as fake:
        yield fake


def encoder_of(server: FakeEmbeddings, model: str = "small", **more: object) -> OpenAIEncoder:
    return OpenAIEncoder(server.base_url, model, "secret", retry_seconds=0.0, **more)  # type: ignore[arg-type]


def test_vectors_in_batches_in_the_order_of_the_texts(server: FakeEmbeddings) -> None:
    encoder = encoder_of(server)
    texts = [f"kiln {n} salt" for n in range(150)]
    told: list[tuple[int, int]] = []
    made = encoder.passages(texts, lambda done, total: told.append((done, total)))
    expected = np.array([server.vector(text) for text in texts])
    assert made == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6)
    assert [len(request["input"]) for request in server.requests] == [1, 64, 64, 22]
    assert told == [(64, 150), (128, 150), (150, 150)]
    assert {request["model"] for request in server.requests} == {"small"}
    assert set(server.keys) == {"Bearer secret"}
    assert set(server.paths) == {"/v1/embeddings"}
    assert (encoder.dimension, encoder.cosine) == (8, True)
    assert encoder.passages([]).shape == (0, 8)
    assert np.array_equal(encoder.questions(texts[:1]), made[:1])


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server: FakeEmbeddings, status: int) -> None:
    encoder = encoder_of(server)
    server.answers = [(status, BUSY, {}), (status, "<html>", {"Retry-After": "0"})]
    assert encoder.questions(["kiln"]).shape == (1, 8)
    assert len(server.requests) == 4


def test_the_waits_grow_and_heed_the_server(server: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    encoder = OpenAIEncoder(server.base_url, "small")
    monkeypatch.setattr(openai.time, "sleep", waits.append)
    server.answers = [(429, BUSY, {}), (429, BUSY, {}), (429, BUSY, {"Retry-After": "30"})]
    encoder.questions(["kiln"])
    assert waits == [1.0, 2.0, 30.0]
    server.answers = [(429, BUSY, {"Retry-After": "3600"})]
    with pytest.raises(ServerError, match="asks to wait 3600 s"):
        encoder.questions(["kiln"])


def test_a_slow_server_is_asked_again(server: FakeEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "_SECONDS", 0.2)
    encoder = encoder_of(server)
    server.delays = [0.5]
    assert encoder.questions(["kiln"]).shape == (1, 8)
    server.delays = [0.5] * 5
    with pytest.raises(ServerError, match="did not answer within 0 s, 5 times"):
        encoder.questions(["kiln"])


@pytest.mark.parametrize(
    ("status", "body", "asked", "said"),
    [
        (429, {"error": {"message": "You exceeded your current quota"}}, 1, r"over its limit.*\(429\): You exceeded"),
        (503, {"detail": "loading"}, 5, r"failed \(503\): loading"),
        (401, {}, 1, r"refuses the key \(401\): set SVRAG_EMBEDDINGS_API_KEY"),
        (404, {}, 1, r"has no embeddings of small \(404\)"),
        (400, {"error": {"message": "bad secret input"}}, 1, r"refuses the request \(400\): bad \*\*\* input"),
        (200, "<html>", 1, "something else than JSON"),
        (200, {"data": [{"index": 0}]}, 1, "something else than vectors"),
        (200, {"data": []}, 1, "something else than 1 vectors"),
        (200, {"data": [{"index": 0, "embedding": [1.0, 2.0]}]}, 1, "1 vectors of one size"),
        (200, {"data": [{"index": 0, "embedding": [0.0] * 8}]}, 1, "no numbers, or all zeros"),
    ],
)
def test_what_goes_wrong_is_a_line(server: FakeEmbeddings, status: int, body: object, asked: int, said: str) -> None:
    encoder = encoder_of(server)
    server.answers = [(status, body, {})] * asked
    with pytest.raises(ServerError, match=said) as raised:
        encoder.questions(["kiln"])
    assert "secret" not in str(raised.value)
    assert len(server.requests) == 1 + asked


def test_no_server() -> None:
    with pytest.raises(ServerError, match=r"no server answers at http://127\.0\.0\.1:9/v1"):
        OpenAIEncoder("http://127.0.0.1:9/v1", "small")


def test_other_servers_models_and_sizes_are_told_apart(server: FakeEmbeddings) -> None:
    first, same, other = encoder_of(server), encoder_of(server), encoder_of(server, "large")
    assert first.fingerprint == same.fingerprint != other.fingerprint
    server.dimension = 4
    assert encoder_of(server).fingerprint != first.fingerprint


def test_pieces_are_of_words_and_of_scripts_without_spaces(server: FakeEmbeddings) -> None:
    encoder = encoder_of(server)
    assert encoder.windows("The kiln.", "Methods") == ["Methods\nThe kiln."]
    assert encoder.windows(" ") == []
    text = " ".join(f"word{n}" for n in range(300))
    pieces = encoder.windows(text)
    assert len(pieces) >= 3
    assert max(len(piece.split()) for piece in pieces) <= 126
    assert {word for piece in pieces for word in piece.split()} == set(text.split())
    assert max(map(len, encoder.windows("窯" * 5000))) <= 126 * 8


def test_what_the_environment_tells(server: FakeEmbeddings) -> None:
    own = {"SVRAG_EMBEDDINGS_BASE_URL": server.base_url, "SVRAG_EMBEDDINGS_MODEL": "m"}
    shared = {"SVRAG_OPENAI_BASE_URL": server.base_url, "SVRAG_OPENAI_API_KEY": "shared", "SVRAG_OPENAI_MODEL": "chat"}
    assert connect("", own).name == "openai:m"
    assert connect("other", own).name == "openai:other"
    assert connect("", {**own, "SVRAG_EMBEDDINGS_API_KEY": "mine"}).name == "openai:m"
    assert connect("m", shared).name == "openai:m"
    connect("", {**shared, **own})
    assert server.keys == [None, None, "Bearer mine", "Bearer shared", None], "a key stays with its server"
    assert kind_of("openai") == kind_of("openai:any/model") == "single"
    for wrong, said in (
        ({}, "set SVRAG_EMBEDDINGS_BASE_URL"),
        (shared, "needs a model"),
        ({**own, "SVRAG_EMBEDDINGS_PRICE": "cheap"}, "the price of a million tokens"),
        ({**own, "SVRAG_EMBEDDINGS_PRICE": "nan"}, "the price of a million tokens"),
        ({**own, "SVRAG_EMBEDDINGS_BASE_URL": "localhost"}, "must begin with http"),
    ):
        with pytest.raises(InputError, match=said):
            connect("", wrong)


def test_the_command_line_adds_finds_and_tells_the_cost(
    server: FakeEmbeddings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVRAG_EMBEDDINGS_BASE_URL", server.base_url)
    monkeypatch.setenv("SVRAG_EMBEDDINGS_PRICE", "20000")
    with Library.open(tmp_path / "library") as library:
        add(library, tmp_path, document("a.pdf", "The kiln was fired.", "Salt was thrown."))
    command = [
        "search",
        "kiln",
        "--library",
        str(tmp_path / "library"),
        "--retriever",
        "lexical,openai:told",
        "--json",
    ]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["hits"][0]["text"] == "The kiln was fired."
    tokens = sum(len(text.split()) for request in server.requests for text in request["input"])
    assert err.splitlines()[-1] == (
        f"svrag: told: {tokens} tokens in {len(server.requests)} requests, cost {tokens * 0.02:.4f}"
    )
    before = len(server.requests)
    assert main(command) == 0
    assert len(server.requests) == before + 1, "documents are not sent again"
    assert "told: 1 tokens in 1 requests" in capsys.readouterr().err
    server.answers = [(400, BUSY, {})]
    assert main(command) == 1
    assert capsys.readouterr().err.splitlines() == [f"svrag: {server.base_url} refuses the request (400): slow down"]
