"""Answers by a chat model, wherever it runs: evidence out, text in, citations and numbers checked.

The evidence goes out as delimited text and, for figures and tables, as pictures, as much as the model takes; the answer
streams in. What a model will not take is left out, said in the notes, and the question asked again; all else that goes
wrong is an error of one line. What is sent is decided in context.py, what the prompt says in prompt.py.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from svrag.errors import InputError, ServerError
from svrag.generation import prompt
from svrag.generation.answer import NOT_FOUND, Answer, Citation
from svrag.generation.background import NOTHING_ELSE, Background
from svrag.generation.citations import check_citations, find_citations, without_citations
from svrag.generation.claims import unsupported
from svrag.generation.context import Plan, first_plan
from svrag.generation.conversation import Turn, rewriting, rewritten
from svrag.generation.crops import Crops
from svrag.generation.model import ChatModel, ChatRequest, Limits, Refused, Reply, Text
from svrag.generation.passages import closest_passage
from svrag.generation.sentences import split_sentences
from svrag.generation.structured import Telling, schema_for, text_of, written
from svrag.search.result import Hit

PICTURES = 6
_PICTURE_TOKENS = 3400  # the most that a picture of LARGE_SIDE is known to cost: 13 tiles of 256 tokens, and marks
_LEAST_REPLY = 128  # tokens


@dataclass(frozen=True)
class ModelGenerator:
    """Lets a chat model answer.

    Attributes:
        model: opens the model for one answer; it may give the same one every time.
        name: what `--generator` calls it.
        pictures: how many figures, tables and pages to send as pictures; 0 for none.
        max_tokens: the longest answer.
    """

    model: Callable[[], AbstractContextManager[ChatModel]] = field(repr=False)  # it may hold a key
    name: str
    pictures: int = PICTURES
    max_tokens: int = 1024

    def answer(
        self,
        question: str,
        hits: Sequence[Hit],
        *,
        sources: Mapping[str, Path],
        background: Background = NOTHING_ELSE,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Answer:
        """See `Generator`. Evidence is numbered document after document, each from front to back; the pages and
        paragraphs of `background` are evidence, too, and the first to go where there is no room.

        Raises:
            InputError: the question is empty, or the model cannot be loaded.
            ServerError: no answer came of it; one line says why.
        """
        started = time.perf_counter()
        if not question.strip():
            raise InputError("the question is empty: ask something")
        if not hits and not background.pages:
            seconds = time.perf_counter() - started
            return Answer(question, NOT_FOUND, False, (), self.name, 0, seconds, ("nothing was found to answer from",))
        crops = Crops(sources)
        plan = first_plan([*hits, *background.pages, *background.related], self.pictures)
        crops.begin(plan)
        with self.model() as model:
            limits = model.limits()
            if limits.pictures is not None and (possible := crops.possible(plan)) > limits.pictures:
                plan = plan.fewer_pictures(possible, limits.pictures) or plan
            structured = limits.structured
            while True:
                request = self._request(question, plan, crops, limits, structured)
                pictured = request.pictures
                share = _share_that_fits(model, limits, request)
                if share < 1 and (smaller := plan.shorter(pictured, share)):
                    plan = smaller
                    continue
                telling = Telling(on_token).feed if structured and on_token is not None else on_token
                try:
                    reply = model.chat(request, on_token=telling, should_stop=should_stop)
                    break
                except Refused as refused:
                    if refused.what == "schema" and structured:
                        structured = False
                    elif smaller := _smaller(plan, pictured, refused):
                        plan = smaller
                    else:
                        least = f"{model.name} cannot take the question even with the least evidence"
                        raise ServerError(f"{least}: {refused}") from None
        text, notes = _read(reply, structured)
        answer = self._checked(question, text, plan, [*crops.notes(), *plan.notes(), *notes], started)
        return answer if answer.answerable else replace(answer, notes=(*answer.notes, *background.notes()))

    def standalone(self, question: str, history: Sequence[Turn]) -> str:
        """`question` with what it takes from `history` put in, by the model, or carried over where it makes none.

        Raises:
            InputError: the model cannot be loaded.
            ServerError: the server is away.
        """
        with self.model() as model:
            try:
                reply = model.chat(rewriting(question, history)).text
            except Refused:
                reply = ""
        return rewritten(reply, question, history)

    def _request(self, question: str, plan: Plan, crops: Crops, limits: Limits, structured: bool) -> ChatRequest:
        messages = prompt.messages(
            question,
            plan.in_order(),
            pictures=crops.of(plan),
            characters=plan.characters,
            rules=prompt.RULES_OF_FORM if structured else prompt.RULES,
        )
        most = self.max_tokens
        if limits.tokens is not None:  # a small model must have room left for evidence
            most = max(_LEAST_REPLY, min(most, limits.tokens // 3))
        return ChatRequest(messages, most, schema_for(len(plan.hits)) if structured else None)

    def _checked(self, question: str, text: str, plan: Plan, notes: list[str], started: float) -> Answer:
        pieces = plan.in_order()
        checked = check_citations(text, range(1, len(pieces) + 1))
        text = checked.text.strip()
        plain = re.sub(r"^\W+", "", text).lower()  # some models write it in bold or in quotes
        answerable = bool(plain) and not plain.startswith(NOT_FOUND.lower().rstrip("."))
        numbers: Sequence[int] = sorted(checked.cited)
        if checked.removed:
            notes.append(f"{checked.removed} citation(s) of evidence that was not given were removed")
        if answerable and not numbers:
            numbers = range(1, len(pieces) + 1)
            notes.append("the answer cites nothing; all evidence it was given is listed")
        cited = {n: pieces[n - 1].element for n in numbers}
        flagged = unsupported(text, cited, question) if answerable else ()
        if flagged:
            where = "what is listed" if not checked.cited else "what it cites"
            notes.append(f"not in the words of {where}, so look there: {', '.join(flagged)}")
        return Answer(
            question=question,
            text=text,
            answerable=answerable,
            citations=tuple(_citation(n, pieces[n - 1], text) for n in numbers),
            generator=self.name,
            removed_citations=checked.removed,
            unsupported=flagged,
            seconds=time.perf_counter() - started,
            notes=tuple(notes),
        )


def _share_that_fits(model: ChatModel, limits: Limits, request: ChatRequest) -> float:
    """Of the request's tokens, the share that the model has room for; 1 or more when all fit or nobody knows.

    Counting may ask a server: it is only done where the request could be too long at all.
    """
    if limits.tokens is None:
        return 1.0
    room = max(1, limits.tokens - request.max_tokens)
    texts = [part.text for message in request.messages for part in message.parts if isinstance(part, Text)]
    most = sum(len(text.encode()) for text in texts) + _PICTURE_TOKENS * request.pictures
    if most <= room:  # no token is shorter than a byte
        return 1.0
    count = model.count(request)
    return 1.0 if count is None else room / max(1, count)


def _smaller(plan: Plan, pictured: int, refused: Refused) -> Plan | None:
    match refused.what:
        case "length":
            return plan.shorter(pictured)
        case "pictures":
            return plan.fewer_pictures(pictured, refused.most)
        case "schema":
            return None


def _read(reply: Reply, structured: bool) -> tuple[str, list[str]]:
    """The answer's text and what a reader should know about how it came.

    Raises:
        ServerError: the model wrote nothing.
    """
    text, notes = reply.text, []
    if structured:
        whole = text_of(reply.text)
        text = whole or written(reply.text) or reply.text
        if whole is None and reply.finish not in ("length", "") and not reply.stopped:
            notes.append("the model did not keep to the form asked for: its words are shown as they came")
    if not text.strip() and not reply.stopped:
        raise ServerError("the model answered nothing: ask again or use another model")
    if reply.stopped:
        notes.append("stopped before the answer was complete")
    elif reply.finish == "length":
        notes.append("the answer was cut: it reached its length limit")
    elif reply.finish == "content_filter":
        notes.append("a content filter cut the answer")
    elif not reply.finish:
        notes.append("the model broke off: the answer may be incomplete")
    return text, notes


def _citation(n: int, hit: Hit, answer: str) -> Citation:
    """Citation `n`, quoting what in the element comes closest to the sentences of the answer that cite it."""
    claims = [s for s in split_sentences(answer) if any(n in numbers for _, _, numbers in find_citations(s))]
    quote = closest_passage(without_citations(" ".join(claims) or answer), hit.element)
    return Citation(n, hit.element, hit.document_name, hit.score, quote)
