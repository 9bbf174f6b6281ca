"""A multi-vector model that runs elsewhere: behind the pooling endpoint of vLLM (`vllm serve MODEL`, 0.31 and later).

Texts go there as they are, pictures as a message with "Describe the image."; the server's own processor and chat
template make the model's input of them. So it is that server, not this program, that decides on prompts: a model that
wants tokens after a question (query augmentation) does not get them here, and vectors made here and by the same model
on this machine do not belong in one index. Where on a picture its tokens look is not told: they have no boxes.

Addresses: vllm:http://host:port/MODEL. The key is read from the environment variable VLLM_API_KEY, where vLLM itself
looks for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from svrag.errors import InputError, ServerError
from svrag.retrievers.multivector.batching import in_batches, texts_in_batches
from svrag.retrievers.multivector.encoder import PIECE_WORDS, Places, Progress, Tokens, silent
from svrag.retrievers.multivector.pictures import readable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_FORM = "write vllm:http://host:port/MODEL, MODEL as the server names it"
_TEXTS_AT_ONCE = 32
_SECONDS = 300.0  # of a batch, on a server that others use too
_TRIES = 3  # to connect
_PROBE = "The quick brown fox jumps over the lazy dog."
_COMPARED = 16  # numbers of the probe's mean vector, to one digit: few, for GPUs do not agree to the last ones
_EPS = 1e-12
_SAID = 200  # characters of what a server says
_DESCRIBE = "Describe the image."  # what the ColPali family was trained with


def connect(name: str) -> RemoteEncoder:
    """The encoder behind an address; asks the server twice, for a text's vectors and for a picture's.

    Raises:
        InputError: the address or the key is not one.
        ServerError: the server is away or refuses, or the model there has no vectors for single tokens.
    """
    return RemoteEncoder(name)


class RemoteEncoder:
    """A model that vLLM serves; fulfils `MultiVectorEncoder`.

    Its `fingerprint` is made of the server's name for the model and of the vectors of one sentence, to one digit: that
    tells models apart, but not a model from one that was trained a little further.
    """

    revision = ""
    reads_places = False
    reads_words = PIECE_WORDS

    def __init__(self, name: str) -> None:
        self.name = name
        self._url, self._model = _parsed(name)
        # Without user and password.
        self._shown = f"{self._url.scheme}://{self._url.netloc.decode('ascii')}"
        key = os.environ.get("VLLM_API_KEY", "").strip()
        if not key.isascii() or not key.isprintable():
            raise InputError("VLLM_API_KEY holds characters that no key has: copy it again")
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(_SECONDS, connect=10.0),
            transport=httpx.HTTPTransport(retries=_TRIES - 1),
        )
        (probe,) = self._pooled({"input": [_PROBE], "encoding_format": "float"}, 1)
        if not isinstance(probe, list) or not probe or not isinstance(probe[0], list):
            raise ServerError(
                f"{self._model} at {self._shown} has one vector for a text, not one for each of its tokens"
            )
        self.dimension = len(probe[0])
        vectors = self._unit(probe)
        mean = np.round(vectors.mean(axis=0)[:_COMPARED], 1) + 0.0  # no minus zero
        said = f"{self._model} {vectors.shape} {mean.tolist()}"
        self.fingerprint = hashlib.sha256(said.encode()).hexdigest()[:16]
        self.reads_pictures = self._sees()

    def questions(self, texts: Sequence[str]) -> list[Tokens]:
        """As they are, with the words that the server says its tokens are."""
        return [
            Tokens(tokens.vectors, self._words(text, len(tokens.vectors)))
            for text, tokens in zip(texts, self._texts(list(texts)), strict=True)
        ]

    def passages(self, texts: Sequence[str], on_progress: Progress = silent, *, places: Places = None) -> list[Tokens]:
        """As they are, cut to what the model reads; which words their tokens are is not asked for."""

        def make(some: list[int]) -> list[Tokens]:
            return self._texts([texts[i] for i in some])

        return texts_in_batches(texts, _TEXTS_AT_ONCE, make, self.dimension, on_progress)

    def pictures(
        self, images: Sequence[Image], on_progress: Progress = silent, *, places: Places = None
    ) -> list[Tokens]:
        """One at a time, without boxes."""
        if not self.reads_pictures:
            raise InputError(f"{self._model} at {self._shown} takes texts only: serve a model that reads pictures")

        def make(some: list[int]) -> list[Tokens]:
            return [self._picture(images[i]) for i in some]

        return in_batches([0] * len(images), 1, make, on_progress)

    def _texts(self, texts: list[str]) -> list[Tokens]:
        made: list[Tokens] = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            some = texts[start : start + _TEXTS_AT_ONCE]
            # -1: as long as the model reads.
            request = {"input": some, "truncate_prompt_tokens": -1}
            vectors = [self._unit(data) for data in self._pooled({**request, **_BINARY}, len(some))]
            made += [Tokens(of_text, ("",) * len(of_text)) for of_text in vectors]
        return made

    def _picture(self, image: Image) -> Tokens:
        file = io.BytesIO()
        readable(image).save(file, "PNG")
        shown = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
        content = [{"type": "image_url", "image_url": {"url": shown}}, {"type": "text", "text": _DESCRIBE}]
        (data,) = self._pooled({"messages": [{"role": "user", "content": content}], **_BINARY}, 1)
        vectors = self._unit(data)
        return Tokens(vectors, ("",) * len(vectors))

    def _sees(self) -> bool:
        from PIL import Image as images

        try:
            self._picture(images.new("RGB", (64, 64), "white"))
        except _Refused:
            return False
        return True

    def _words(self, text: str, count: int) -> tuple[str, ...]:
        """What the server calls the tokens of `text`; none where it does not say, or counts otherwise."""
        try:
            answer = self._post("/tokenize", {"prompt": text, "return_token_strs": True})
        except _Refused:
            return ("",) * count
        words = answer.get("token_strs")
        if not isinstance(words, list) or len(words) != count:
            return ("",) * count
        return tuple(str(word).replace("Ġ", " ").replace("▁", " ") for word in words)

    def _pooled(self, request: dict[str, Any], count: int) -> list[Any]:
        answer = self._post("/pooling", {**request, "task": "token_embed"})
        data = answer.get("data")
        if not isinstance(data, list) or len(data) != count or not all(isinstance(item, dict) for item in data):
            raise ServerError(f"{self._shown} answered with something else than vectors for {count} input(s)")
        ordered = sorted(data, key=lambda item: int(item.get("index", 0)))
        return [item.get("data") for item in ordered]

    def _unit(self, data: object) -> NDArray[np.float32]:
        """(tokens, dimension), each of length 1: not every pooler divides by the length."""
        try:
            if isinstance(data, str):
                vectors = np.frombuffer(base64.b64decode(data, validate=True), dtype="<f4").reshape(-1, self.dimension)
            else:
                vectors = np.asarray(data, dtype=np.float32).reshape(-1, self.dimension)
        except (ValueError, TypeError, binascii.Error):
            raise ServerError(f"{self._shown} answered with vectors of other than {self.dimension} numbers") from None
        if not np.isfinite(vectors).all():
            raise ServerError(
                f"{self._model} at {self._shown} computed vectors that are no numbers: check its data type"
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float32] = vectors / np.maximum(lengths, _EPS, dtype=np.float32)
        return unit

    def _post(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            response = self._client.post(self._url.join(path), json={"model": self._model, **request})
        except httpx.TimeoutException:
            raise ServerError(f"{self._shown} did not answer within {_SECONDS:.0f} s: is it overloaded?") from None
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise ServerError(f"cannot reach {self._shown} ({said[:_SAID]}): is vLLM running there?") from None
        if response.status_code in (401, 403):
            raise ServerError(f"{self._shown} refuses the key: set VLLM_API_KEY to the one that vLLM was started with")
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if response.status_code >= 400:
            said = _message(answer) or response.reason_phrase
            raise _Refused(f"{self._shown} refuses {self._model} ({response.status_code}): {said[:_SAID]}")
        if not isinstance(answer, dict):
            raise ServerError(f"{self._shown} answered with something else than JSON: is it vLLM?")
        return answer


_BINARY = {"encoding_format": "base64", "embed_dtype": "float32", "endianness": "little"}


class _Refused(ServerError):
    """The server is there and says no to this request."""


def _parsed(name: str) -> tuple[httpx.URL, str]:
    try:
        url = httpx.URL(name.removeprefix("vllm:"))
    except httpx.InvalidURL:
        raise InputError(f"{name} is no address: {_FORM}") from None
    model = url.path.strip("/")
    if url.scheme not in ("http", "https") or not url.host or not model:
        raise InputError(f"{name} is no address of a model: {_FORM}")
    return url.copy_with(path="/", query=None, fragment=None), model


def _message(answer: object) -> str:
    """What a refusal says, in vLLM's form ({"error": {"message": ...}}) and in that of its web framework."""
    if not isinstance(answer, dict):
        return ""
    error = answer.get("error")
    said = error.get("message") if isinstance(error, dict) else answer.get("message") or answer.get("detail")
    return " ".join(str(said).split()) if said else ""
