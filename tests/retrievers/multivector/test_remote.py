from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image

from svrag.errors import InputError, ServerError
from svrag.retrievers.multivector import remote
from svrag.retrievers.multivector.loading import load_multivector
from svrag.retrievers.multivector.remote import RemoteEncoder, connect
from tests.retrievers.multivector.fake_vllm import FakeVllm, error, fake_vllm, vectors_of


@pytest.fixture
def server() -> Iterator[FakeVllm]:
    with fake_vllm() as fake:
        yield fake


def test_questions_passages_and_pictures(server: FakeVllm) -> None:
    encoder = load_multivector(server.name)
    assert isinstance(encoder, RemoteEncoder)
    assert (encoder.name, encoder.revision, encoder.dimension) == (server.name, "", 8)
    (question,) = encoder.questions(["how hot was it"])
    assert question.vectors == pytest.approx(vectors_of("how hot was it"), abs=1e-6)
    assert question.words == ("<s>", " how", " hot", " was", " it", "</s>")

    texts = [f"text {'word ' * (i % 7)}{i}" for i in range(40)]
    told: list[tuple[int, int]] = []
    passages = encoder.passages([*texts, "  "], lambda *step: told.append(step))
    for text, tokens in zip(texts, passages, strict=False):
        assert tokens.vectors == pytest.approx(vectors_of(text), abs=1e-6)
        assert tokens.words == ("",) * len(tokens.vectors)
    assert passages[-1].vectors.shape == (0, 8)
    assert told == [(32, 40), (40, 40)]
    assert server.requests[-1]["truncate_prompt_tokens"] == -1

    (picture,) = encoder.pictures([Image.new("L", (30, 40), 7)])
    assert picture.boxes is None
    message = server.requests[-1]["messages"][0]
    assert (message["role"], message["content"][1]) == ("user", {"type": "text", "text": "Describe the image."})
    url = message["content"][0]["image_url"]["url"]
    sent = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))
    assert (sent.size, sent.mode, sent.getpixel((3, 3))) == ((30, 40), "RGB", (7, 7, 7))
    assert picture.vectors == pytest.approx(vectors_of(url), abs=1e-6)
    assert encoder.questions([]) == encoder.passages([]) == encoder.pictures([]) == []


def test_vectors_of_other_lengths_are_brought_to_one() -> None:
    with fake_vllm(length=7.5) as server:
        (tokens,) = connect(server.name).passages(["salt and bowls"])
    assert tokens.vectors == pytest.approx(vectors_of("salt and bowls"), abs=1e-6)


def test_a_model_that_reads_texts_only_and_does_not_tell_its_words() -> None:
    with fake_vllm(reads_pictures=False, tells_words=False) as server:
        encoder = connect(server.name)
        assert not encoder.reads_pictures
        assert encoder.questions(["how hot"])[0].words == ("",) * 4
        with pytest.raises(InputError, match="takes texts only"):
            encoder.pictures([Image.new("RGB", (30, 40))])


def test_the_fingerprint_is_of_the_model(server: FakeVllm, monkeypatch: pytest.MonkeyPatch) -> None:
    first = connect(server.name).fingerprint
    with fake_vllm() as elsewhere, fake_vllm(model="owner/other") as other:
        assert connect(elsewhere.name).fingerprint == first
        assert connect(other.name).fingerprint != first
    monkeypatch.setattr(remote, "_PROBE", "Other weights.")
    assert connect(server.name).fingerprint != first


def test_a_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_vllm(key="s3cret") as server:
        with pytest.raises(ServerError, match=r"^http://127\.0\.0\.1:\d+ refuses the key: set VLLM_API_KEY"):
            connect(server.name)
        monkeypatch.setenv("VLLM_API_KEY", "wr0ng")
        with pytest.raises(ServerError) as told:
            connect(server.name)
        assert "wr0ng" not in str(told.value)
        monkeypatch.setenv("VLLM_API_KEY", "s3cret\n")
        assert connect(server.name).dimension == 8
    monkeypatch.setenv("VLLM_API_KEY", "s3cret€")
    with pytest.raises(InputError, match="copy it again"):
        connect("vllm:http://localhost/model")


def test_a_user_in_the_address_is_not_shown(server: FakeVllm) -> None:
    with pytest.raises(ServerError) as told:
        connect(server.name.replace("http://", "http://me:s3cret@").replace("col", "none"))
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    "name",
    [
        "vllm:",
        "vllm:localhost:8000/m",
        "vllm:ftp://host/m",
        "vllm:http://host",
        "vllm:http://host:x/m",
        "vllm:http:///m",
    ],
)
def test_what_is_no_address(name: str) -> None:
    with pytest.raises(InputError, match="write vllm:http://host:port/MODEL"):
        load_multivector(name)


def test_servers_that_are_away_or_refuse(server: FakeVllm, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServerError, match=r"refuses owner/none \(404\): The model `owner/none` does not exist"):
        connect(f"vllm:{server.url}/owner/none")
    with pytest.raises(ServerError, match=r"^cannot reach http://127\.0\.0\.1:9 \(.*\): is vLLM running there\?$"):
        connect("vllm:http://127.0.0.1:9/model")

    def slow(*_: object, **__: object) -> None:
        raise httpx.ReadTimeout("")

    monkeypatch.setattr(httpx.Client, "post", slow)
    with pytest.raises(ServerError, match="did not answer within 300 s"):
        connect(server.name)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (
            400,
            error("This model's maximum context length\nis 512 tokens.", 400),
            "maximum context length is 512 tokens",
        ),
        (422, {"detail": [{"msg": "Field required"}]}, "Field required"),
        (500, b"<html>", "Internal Server Error"),
        (200, b"<html>hello", "something else than JSON"),
        (200, {"data": []}, r"something else than vectors for 1 input"),
        (200, {"data": "no"}, r"something else than vectors for 1 input"),
        (200, {"data": [{"index": 0, "data": "AAAA"}]}, "vectors of other than 8 numbers"),
        (200, {"data": [{"index": 0, "data": "not base64"}]}, "vectors of other than 8 numbers"),
        (200, {"data": [{"index": 0, "data": [[1.0] * 7]}]}, "vectors of other than 8 numbers"),
        (200, {"data": [{"index": 0, "data": None}]}, "vectors of other than 8 numbers"),
        (200, {"data": [{"index": 0, "data": [[float("nan")] * 8]}]}, "no numbers"),
    ],
)
def test_answers_that_are_none(server: FakeVllm, status: int, body: object, said: str) -> None:
    encoder = connect(server.name)
    server.answer = (status, body)
    with pytest.raises(ServerError, match=said) as told:
        encoder.passages(["salt"])
    assert "\n" not in str(told.value)


def test_a_model_with_one_vector_for_a_text(server: FakeVllm) -> None:
    server.answer = (200, {"data": [{"index": 0, "data": [1.0] * 8}]})
    with pytest.raises(ServerError, match="one vector for a text, not one for each of its tokens"):
        connect(server.name)


def test_vectors_need_not_come_in_order(server: FakeVllm) -> None:
    encoder = connect(server.name)
    first, second = encoder.passages(["salt", "the kiln was fired"])
    assert (len(first.words), len(second.words)) == (3, 6)
    assert np.linalg.norm(second.vectors, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
