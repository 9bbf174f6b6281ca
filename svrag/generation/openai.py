"""Answers by a model behind any OpenAI-compatible server: vLLM, `transformers serve`, llama.cpp, a paid service.

The evidence goes out as delimited text and, for figures and tables, as pictures; the answer streams in; its citations
are checked. What a server will not take (pictures, so much text, a parameter) is left out, said in the notes, and the
question asked again; all else that goes wrong is a ServerError of one line. What the prompt says is in prompt.py, how
bytes come and go in chat.py.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from svrag.errors import InputError, SvragError
from svrag.generation.answer import NOT_FOUND, Answer, Citation
from svrag.generation.chat import ChatServer, Refusal, Reply
from svrag.generation.citations import check_citations, find_citations, without_citations
from svrag.generation.passages import closest_passage
from svrag.generation.prompt import messages
from svrag.generation.sentences import split_sentences
from svrag.retrievers.servers import checked_address, checked_key
from svrag.search.result import Hit

_PIECE_CHARACTERS = 6000
_SMALLEST_PIECE = 500
_LONG_SIDE_PIXELS = 1568  # what the large services scale down to, and enough to read a dense table
_DPI = 150.0
_PICTURED = ("figure", "table", "equation", "page")

_TOO_LONG = re.compile(r"context.{0,9}(length|window|size)|too (long|many tokens)|maximum.{0,20}(length|tokens)", re.I)
_ABOUT_IMAGES = re.compile(r"image|vision|multi-?modal|mmproj|content.{0,40}string|string.{0,40}content", re.I)
_IMAGE_LIMIT = re.compile(r"at most (\d+) images?", re.I)
_BAD_PARAMETER = re.compile(r"unsupported.{0,40}'(max_tokens|temperature)'", re.I | re.S)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to send: shrinks with each refusal."""

    hits: tuple[Hit, ...]
    pictures: Mapping[int, bytes]
    characters: int
    parameters: Mapping[str, object]
    picture_note: str = ""


@dataclass(frozen=True)
class OpenAIGenerator:
    """A chat model behind `base_url`.

    Attributes:
        base_url: such as http://localhost:8000/v1.
        model: its name there; "" takes the only one the server offers.
        api_key: sent to this server as a bearer token; appears in no message, log or repr.
        pictures: how many figures and tables to send as pictures; 0 for models that read text alone.
        max_tokens: the longest answer.
        timeout: seconds to wait for the next piece of the answer.
        retry_seconds: wait before the second try of a busy server; doubles with each.

    Raises:
        InputError: `base_url` is missing or not http(s), or `api_key` cannot be sent.
    """

    base_url: str
    model: str = ""
    api_key: str = field(default="", repr=False)
    pictures: int = 6
    max_tokens: int = 1024
    timeout: float = 180.0
    retry_seconds: float = 1.0
    name: str = field(default="openai", init=False)

    def __post_init__(self) -> None:
        checked_address(self.base_url)
        checked_key(self.api_key)

    def answer(
        self,
        question: str,
        hits: Sequence[Hit],
        *,
        sources: Mapping[str, Path],
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Answer:
        """See `Generator`. Evidence keeps the numbers of `hits`: [1] is the first, whether or not all are cited.

        Raises:
            InputError: the question is empty.
            ServerError: no answer came of it; one line says why.
        """
        started = time.perf_counter()
        if not question.strip():
            raise InputError("the question is empty: ask something")
        if not hits:
            seconds = time.perf_counter() - started
            return Answer(question, NOT_FOUND, False, (), self.name, 0, seconds, ("nothing was found to answer from",))

        notes: list[str] = []
        plan = _Plan(
            hits=tuple(hits),
            pictures=self._pictures(hits, sources, notes),
            characters=_PIECE_CHARACTERS,
            parameters={"temperature": 0, "max_tokens": self.max_tokens},
        )
        with self._server() as server:
            model = self.model or server.only_model()
            while True:
                request = {
                    "model": model,
                    "messages": messages(question, plan.hits, pictures=plan.pictures, characters=plan.characters),
                    **plan.parameters,
                }
                try:
                    reply = server.chat(request, on_token=on_token, should_stop=should_stop)
                    break
                except Refusal as refusal:
                    smaller = _shrunk(plan, refusal.message)
                    if smaller is None:
                        raise server.error_of(refusal, model) from None
                    plan = smaller
        notes += _plan_notes(plan, hits)
        notes += _reply_notes(reply)
        return self._checked(question, reply, plan.hits, notes, started)

    def _server(self) -> ChatServer:
        return ChatServer(self.base_url, self.api_key, timeout=self.timeout, retry_seconds=self.retry_seconds)

    def _pictures(self, hits: Sequence[Hit], sources: Mapping[str, Path], notes: list[str]) -> dict[int, bytes]:
        from svrag.documents.rendering import crop

        pictures: dict[int, bytes] = {}
        for n, hit in enumerate(hits, start=1):
            element, source = hit.element, sources.get(hit.element.document_id)
            if len(pictures) == self.pictures:
                break
            if element.type not in _PICTURED or source is None:
                continue
            longest = max(element.box.width, element.box.height, 1.0)
            dpi = max(1, int(min(_DPI, _LONG_SIDE_PIXELS * 72 / longest)))
            try:
                pictures[n] = crop(source, element.page, element.box, dpi=dpi)
            except SvragError as error:
                notes.append(f"no picture of [{n}]: {error}")
        return pictures

    def _checked(self, question: str, reply: Reply, hits: Sequence[Hit], notes: list[str], started: float) -> Answer:
        checked = check_citations(reply.text, range(1, len(hits) + 1))
        text = checked.text.strip()
        plain = re.sub(r"^\W+", "", text).lower()  # some models write it in bold or in quotes
        answerable = bool(plain) and not plain.startswith(NOT_FOUND.lower().rstrip("."))
        numbers: Sequence[int] = sorted(checked.cited)
        if checked.removed:
            notes.append(f"{checked.removed} citation(s) of evidence that was not given were removed")
        if answerable and not numbers:
            numbers = range(1, len(hits) + 1)
            notes.append("the answer cites nothing; all evidence it was given is listed")
        return Answer(
            question=question,
            text=text,
            answerable=answerable,
            citations=tuple(_citation(n, hits[n - 1], text) for n in numbers),
            generator=self.name,
            removed_citations=checked.removed,
            seconds=time.perf_counter() - started,
            notes=tuple(notes),
        )


def _shrunk(plan: _Plan, message: str) -> _Plan | None:
    """The plan without what `message` complains about; None when there is nothing to leave out."""
    if bad := _BAD_PARAMETER.search(message):
        if bad[1] not in plan.parameters:
            return None
        return replace(plan, parameters={name: value for name, value in plan.parameters.items() if name != bad[1]})
    if _TOO_LONG.search(message):  # before images: such messages often explain how images count
        if len(plan.hits) > 1:
            kept = len(plan.hits) // 2
            pictures = {n: png for n, png in plan.pictures.items() if n <= kept}
            return replace(plan, hits=plan.hits[:kept], pictures=pictures)
        if plan.pictures:
            return replace(plan, pictures={}, picture_note="the pictures did not fit the model: asked with text alone")
        if plan.characters > _SMALLEST_PIECE:
            return replace(plan, characters=plan.characters // 2)
        return None
    if plan.pictures and _ABOUT_IMAGES.search(message):
        limit = _IMAGE_LIMIT.search(message)
        kept = min(int(limit[1]), len(plan.pictures) - 1) if limit else 0
        pictures = dict(sorted(plan.pictures.items())[:kept])
        told = f"only {kept} picture(s)" if kept else "no pictures"
        return replace(plan, pictures=pictures, picture_note=f"the server takes {told}: asked with text for the rest")
    return None


def _plan_notes(plan: _Plan, hits: Sequence[Hit]) -> list[str]:
    notes = []
    if len(plan.hits) < len(hits):
        notes.append(f"the evidence was too long for the model: it saw {len(plan.hits)} of {len(hits)} pieces")
    if plan.characters < _PIECE_CHARACTERS:
        notes.append(f"the evidence was too long for the model: it was cut to {plan.characters} characters")
    return [*notes, plan.picture_note] if plan.picture_note else notes


def _reply_notes(reply: Reply) -> list[str]:
    if reply.stopped:
        return ["stopped before the answer was complete"]
    if reply.finish == "length":
        return ["the answer was cut: it reached its length limit"]
    if reply.finish == "content_filter":
        return ["the server's content filter cut the answer"]
    return [] if reply.finish else ["the server broke off: the answer may be incomplete"]


def _citation(n: int, hit: Hit, answer: str) -> Citation:
    """Citation `n`, quoting what in the element comes closest to the sentences of the answer that cite it."""
    claims = [s for s in split_sentences(answer) if any(n in numbers for _, _, numbers in find_citations(s))]
    quote = closest_passage(without_citations(" ".join(claims) or answer), hit.element)
    return Citation(n, hit.element, hit.document_name, hit.score, quote)
