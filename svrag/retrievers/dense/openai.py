"""Embeddings from any OpenAI-compatible server: vLLM, text-embeddings-inference, llama.cpp, a paid service.

Read from the environment: SVRAG_EMBEDDINGS_BASE_URL, SVRAG_EMBEDDINGS_API_KEY, SVRAG_EMBEDDINGS_MODEL and, for the line
that tells the cost, SVRAG_EMBEDDINGS_PRICE (of a million tokens). Without an address of its own it takes that of
SVRAG_OPENAI_BASE_URL with the key of that server; a key never goes to another server than it was given for.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx

from svrag.errors import InputError, ServerError
from svrag.retrievers.dense.single import Progress, silent
from svrag.retrievers.dense.windows import WINDOW, Windows
from svrag.retrievers.servers import BUSY, checked_address, checked_key, client, retry_after, shown
from svrag.retrievers.spending import ACCOUNT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_ONCE = 64
_TRIES = 5
_SECONDS = 120.0  # of a request
_LONGEST_WAIT = 60.0  # seconds; a server that asks for more is not worth waiting for
_SAID = 200  # characters of what a server says
# Where there is no tokenizer: words count as one, long ones and scripts without spaces as one for eight letters.
_WORD = re.compile(r"\w{1,8}|[^\w\s]")


class OpenAIEncoder:
    """A model behind a server; fulfils `SingleVectorEncoder`.

    `fingerprint` is made of the address, the name of the model and the size of its vectors: a server that puts other
    weights behind a name is not noticed.

    Args:
        base_url: such as https://api.openai.com/v1.
        key: sent to this server as a bearer token; appears in no message.
        price: of a million tokens, for the line that tells the cost.
        retry_seconds: wait before the second try; doubles with each.

    Raises:
        InputError: the address or the key is not one.
        ServerError: the server is away or refuses; it is asked for one vector.
    """

    cosine = True

    def __init__(
        self, base_url: str, model: str, key: str = "", *, price: float | None = None, retry_seconds: float = 1.0
    ) -> None:
        url = checked_address(base_url)
        self.name = f"openai:{model}"
        self._url, self._shown = str(url), shown(url)
        self._model, self._key, self._price = model, checked_key(key), price
        self._retry_seconds = retry_seconds
        self._client = client(url, self._key, timeout=_SECONDS)
        self._windows = Windows(lambda text: [word.span() for word in _WORD.finditer(text)], WINDOW)
        self.dimension = 0  # until the first answer
        self.dimension = len(self._embedded(["dimension"])[0])
        said = f"{self._shown} {model} {self.dimension}"
        self.fingerprint = hashlib.sha256(said.encode()).hexdigest()[:16]

    def questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), dimension), each row of length 1.

        Raises:
            ServerError: no vectors came of it; one line says why.
        """
        return self._encoded(texts, silent)

    def passages(self, texts: Sequence[str], on_progress: Progress = silent) -> NDArray[np.float32]:
        """The same: such servers know no difference."""
        return self._encoded(texts, on_progress)

    def windows(self, text: str, context: str = "") -> list[str]:
        """`text` in pieces of about as many words as other encoders read; none without words."""
        return self._windows.cut(text, context)

    def _encoded(self, texts: Sequence[str], on_progress: Progress) -> NDArray[np.float32]:
        import numpy as np

        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            some = list(texts[start : start + _AT_ONCE])
            vectors[start : start + len(some)] = self._embedded(some)
            on_progress(start + len(some), len(texts))
        return vectors

    def _embedded(self, texts: list[str]) -> NDArray[np.float32]:
        import numpy as np

        answer = self._post({"model": self._model, "input": texts, "encoding_format": "float"})
        usage = answer.get("usage")
        tokens = usage.get("total_tokens") or usage.get("prompt_tokens") if isinstance(usage, dict) else 0
        ACCOUNT.add(self._model, int(tokens) if isinstance(tokens, int) else 0, self._price)
        try:
            data = sorted(answer["data"], key=lambda item: int(item["index"]))
            vectors = np.array([item["embedding"] for item in data], dtype=np.float32)
        except (KeyError, TypeError, ValueError):
            raise self._strange("vectors") from None
        if vectors.ndim != 2 or len(vectors) != len(texts) or self.dimension not in (0, vectors.shape[1]):
            raise self._strange(f"{len(texts)} vectors of one size")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise ServerError(f"{self._model} at {self._shown} gives vectors that are no numbers, or all zeros")
        unit: NDArray[np.float32] = vectors / lengths
        return unit

    def _post(self, request: Mapping[str, object]) -> dict[str, Any]:
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            wait = self._retry_seconds * 2**attempt
            try:
                response = self._client.post(f"{self._url}/embeddings", json=request)
            except httpx.ConnectError as error:
                reason = f" ({str(error)[:_SAID]})" if str(error) else ""
                raise ServerError(
                    f"no server answers at {self._shown}{reason}: start it or set SVRAG_EMBEDDINGS_BASE_URL"
                ) from None
            except httpx.TransportError as error:
                if last:
                    what = f"did not answer within {_SECONDS:.0f} s" if _timed_out(error) else "broke off"
                    raise ServerError(f"{self._shown} {what}, {_TRIES} times: try again later") from None
                time.sleep(wait)
                continue
            if response.status_code == 200:
                return self._json(response)
            said = self._message(response)
            # A limit that money would lift does not go away by waiting.
            if last or response.status_code not in BUSY or "quota" in said:
                raise self._refusal(response.status_code, said)
            asked = retry_after(response.headers.get("Retry-After", ""))
            if asked > _LONGEST_WAIT:
                raise self._refusal(response.status_code, f"it asks to wait {asked:.0f} s. {said}")
            time.sleep(max(wait, asked))
        raise AssertionError("the last try returns or raises")

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._strange("JSON")
        return answer

    def _message(self, response: httpx.Response) -> str:
        """The server's own words, on one short line, without the key."""
        said: object = response.text
        try:
            answer = response.json()
            error = answer.get("error") or answer.get("detail") or answer.get("message") or said
            said = error.get("message") or error if isinstance(error, dict) else error
        except (ValueError, AttributeError):
            pass
        text = " ".join(str(said).split())
        return (text.replace(self._key, "***") if self._key else text)[:_SAID]

    def _refusal(self, status: int, said: str) -> ServerError:
        if status in (401, 403):
            return ServerError(
                f"{self._shown} {'refuses the key' if self._key else 'wants a key'} ({status}): "
                "set SVRAG_EMBEDDINGS_API_KEY"
            )
        if status == 404:
            return ServerError(
                f"{self._shown} has no embeddings of {self._model} (404): the address should end in /v1, and "
                "SVRAG_EMBEDDINGS_MODEL be a model that it offers"
            )
        what = "is over its limit, try again later" if status == 429 else "refuses the request"
        return ServerError(f"{self._shown} {what if status < 500 else 'failed'} ({status}): {said}")

    def _strange(self, wanted: str) -> ServerError:
        return ServerError(f"{self._shown} answered with something else than {wanted}: is it OpenAI-compatible?")


def connect(model: str = "", environment: Mapping[str, str] = os.environ) -> OpenAIEncoder:
    """The encoder that the environment tells of.

    Args:
        model: in place of SVRAG_EMBEDDINGS_MODEL.

    Raises:
        InputError: the address or the model is missing, or a value is none.
        ServerError: the server is away or refuses.
    """
    base_url = environment.get("SVRAG_EMBEDDINGS_BASE_URL", "")
    key = environment.get("SVRAG_EMBEDDINGS_API_KEY", "")
    if not base_url:
        base_url = environment.get("SVRAG_OPENAI_BASE_URL") or environment.get("OPENAI_BASE_URL", "")
        key = key or environment.get("SVRAG_OPENAI_API_KEY") or environment.get("OPENAI_API_KEY", "")
    if not base_url:
        raise InputError(
            "the openai retriever needs a server: set SVRAG_EMBEDDINGS_BASE_URL, such as https://api.openai.com/v1"
        )
    model = model or environment.get("SVRAG_EMBEDDINGS_MODEL", "")
    if not model:
        raise InputError(
            "the openai retriever needs a model: --retriever openai:text-embedding-3-small, or set "
            "SVRAG_EMBEDDINGS_MODEL"
        )
    return OpenAIEncoder(base_url, model, key, price=_price(environment.get("SVRAG_EMBEDDINGS_PRICE", "")))


def _price(text: str) -> float | None:
    if not text:
        return None
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0 <= price < float("inf"):
        raise InputError(f"SVRAG_EMBEDDINGS_PRICE must be the price of a million tokens, such as 0.02, not {text!r}")
    return price


def _timed_out(error: httpx.TransportError) -> bool:
    return isinstance(error, httpx.TimeoutException)
