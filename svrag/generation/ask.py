"""A question to a library: retrieve, then answer. The one call behind `svrag ask`, the app and the benchmarks.

How long each stage took is in `SearchResult.seconds` and `Answer.seconds`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from svrag.errors import InputError
from svrag.generation.answer import Answer, Generator
from svrag.generation.background import background
from svrag.generation.conversation import Turn
from svrag.library.encoding import Progress, silent
from svrag.library.store import Library
from svrag.search.engine import search
from svrag.search.result import SearchResult
from svrag.settings import DEFAULT_ENCODER


def ask(
    library: Library,
    question: str,
    *,
    k: int = 5,
    documents: Sequence[str] | None = None,
    retriever: str = "lexical",
    encoder: str = DEFAULT_ENCODER,
    generator: Generator,
    history: Sequence[Turn] = (),
    on_result: Callable[[SearchResult], None] | None = None,
    on_token: Callable[[str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_encoding: Progress = silent,
) -> tuple[SearchResult, Answer]:
    """Find `k` pieces of evidence for `question` and let `generator` answer from them.

    Args:
        documents: ids to restrict the search to; None means the whole library.
        history: of the conversation, oldest first; what `question` leaves unsaid is taken from it. The question that
            was searched for is `SearchResult.question`, and in the answer's notes where it differs.
        on_result: gets the evidence before the answer is written, so that it can be shown whatever happens next.
        on_token: see `Generator.answer`.
        should_stop: see `Generator.answer`.
        encoder, on_encoding: see `search`.

    Raises:
        InputError: the question has no words, an unknown retriever or document, or an encoder that cannot be used.
        LibraryError: the library cannot be read.
        ServerError: the generator's server gave no answer.
    """
    meant = generator.standalone(question, history) if history and any(map(str.isalnum, question)) else question
    result = search(
        library, meant, k=k, documents=documents, retriever=retriever, encoder=encoder, on_encoding=on_encoding
    )
    if on_result is not None:
        on_result(result)
    beside = background(library, result, documents)
    found = {hit.element.document_id for hit in (*result.hits, *beside.pages)}
    sources = {}
    for document_id in found:
        with suppress(InputError):  # it was removed a moment ago
            sources[document_id] = library.stored(document_id).source
    answer = generator.answer(
        meant, result.hits, sources=sources, background=beside, on_token=on_token, should_stop=should_stop
    )
    if meant != question:
        answer = replace(answer, question=question, notes=(f"understood as: {meant}", *answer.notes))
    return result, answer
