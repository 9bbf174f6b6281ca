"""The test_sv_rag program: one model finds the pages of a deck that answer a question, and answers from them.

SV-RAG's demonstration (arXiv 2411.01106): the model retrieves with one adapter and answers with another, or with none.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from svrag.errors import InputError
from svrag.evaluation.deck_program import (
    DEMO_DECKS,
    DONE,
    ROOT,
    SKIPPED,
    check,
    ended,
    options,
    tell_random,
)
from svrag.evaluation.decks import Deck, Ranked, load_decks, pictures_of, ranked_pages
from svrag.evaluation.fetching import PictureFetcher, cache_folder
from svrag.evaluation.levenshtein import anls, check_installed, pnls
from svrag.evaluation.squad import exact_match
from svrag.generation.model import ChatModel, ChatRequest, Message, Picture, Refused, Text
from svrag.output import write_text
from svrag.text import shortened, without_control

if TYPE_CHECKING:
    from PIL.Image import Image

    from svrag.retrievers.multivector.encoder import MultiVectorEncoder

DEMO_PAIR = ROOT / ".svrag" / "tiny_sv_rag"
"""Folder of the tiny pair of random weights: "retriever" and "answers" over "base"."""

_TOP = (1, 5)
_LONGEST = 64  # tokens of an answer
_RULES = "Answer the question from the pages. Reply with the answer alone: a number, a name, a list or a few words."
_PROGRAM = "test_sv_rag"


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with the pages that were found, and the answer.

    Attributes:
        read: the pages that the model was shown, 0-based.
        answer: what it wrote.
    """

    ranked: Ranked
    read: tuple[int, ...]
    answer: str

    def scores(self) -> dict[str, float]:
        """Exact match, ANLS and PNLS against the true answer, in [0, 1]."""
        truth = self.ranked.question.answer
        said = self.answer.strip().removesuffix(".")
        return {"em": exact_match(said, truth), "anls": anls(said, truth), "pnls": pnls(said, truth)}


@dataclass(frozen=True, slots=True)
class Totals:
    """What came of the questions so far, and of decks that could not be had.

    Attributes:
        skipped: why, by name of the deck.
        retrieving, answering: seconds.
    """

    answered: tuple[Answered, ...]
    skipped: Mapping[str, str]
    retrieving: float
    answering: float

    def means(self) -> dict[str, float]:
        """Top-1, Top-5 and the mean of each score, in [0, 1]; 0 without questions."""
        count = max(1, len(self.answered))
        top = {f"top-{k}": sum(one.ranked.hit(k) for one in self.answered) / count for k in _TOP}
        scores = [one.scores() for one in self.answered]
        return top | {name: sum(score[name] for score in scores) / count for name in ("em", "anls", "pnls")}

    def to_json(self) -> dict[str, object]:
        return {
            "questions": len(self.answered),
            **{name: round(value, 6) for name, value in self.means().items()},
            "seconds": {"retrieve": round(self.retrieving, 3), "answer": round(self.answering, 3)},
            "skipped": dict(self.skipped),
            "per_question": [
                {
                    "deck": one.ranked.deck,
                    "question": one.ranked.question.text,
                    "truth": one.ranked.question.answer,
                    "index_list": list(one.ranked.question.pages),
                    "ranking": list(one.ranked.ranking[: max(_TOP)]),
                    "read": list(one.read),
                    "answer": one.answer,
                    **one.scores(),
                }
                for one in self.answered
            ],
        }


def answer_decks(
    decks: Sequence[Deck],
    encoder: MultiVectorEncoder,
    model: ChatModel,
    *,
    folder: Path,
    fetcher: PictureFetcher,
    k: int,
    on_answer: Callable[[Answered, Totals], None],
    on_skipped: Callable[[Deck, str], None],
) -> Totals:
    """Rank each deck's pages for its questions and let the model answer from the first `k`.

    Args:
        folder: where relative paths of pictures begin.
        on_answer: told of each answer with what has come of all up to it.
        on_skipped: told of each deck with a picture that cannot be had, and why.

    Raises:
        InputError: no deck has all its pictures, or the model cannot take even one page.
    """
    so_far = Totals((), {}, 0.0, 0.0)
    for deck in decks:
        try:
            pictures = pictures_of(deck, folder, fetcher)
        except InputError as error:
            so_far = Totals(so_far.answered, {**so_far.skipped, deck.name: str(error)}, *_seconds(so_far))
            on_skipped(deck, str(error))
            continue
        started = time.perf_counter()
        rankings = list(ranked_pages(deck, pictures, encoder))
        retrieving = so_far.retrieving + time.perf_counter() - started
        for ranked in rankings:
            started = time.perf_counter()
            one = _answered(ranked, pictures, model, k)
            answering = so_far.answering + time.perf_counter() - started
            so_far = Totals((*so_far.answered, one), so_far.skipped, retrieving, answering)
            on_answer(one, so_far)
    if not so_far.answered:
        name, reason = next(iter(so_far.skipped.items()))
        raise InputError(f"no deck has all its pictures; of {name}: {reason}")
    return so_far


def _seconds(totals: Totals) -> tuple[float, float]:
    return totals.retrieving, totals.answering


def _answered(ranked: Ranked, pictures: Sequence[Image], model: ChatModel, k: int) -> Answered:
    """From the first `k` pages, in the deck's order; from fewer of them where the model takes no more."""
    for count in range(min(k, len(pictures)), 0, -1):
        read = tuple(sorted(ranked.ranking[:count]))
        parts = [part for page in read for part in (Text(f"Page {page + 1}: "), png_of(pictures[page]))]
        question = Text(f"\nQuestion: {ranked.question.text}")
        request = ChatRequest((Message("system", (Text(_RULES),)), Message("user", (*parts, question))), _LONGEST)
        try:
            return Answered(ranked, read, model.chat(request).text.strip())
        except Refused as refused:
            why = str(refused)
    raise InputError(f"{model.name} cannot answer from a single page: {why}")


def png_of(image: Image) -> Picture:
    """A picture for a chat model."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return Picture(file.getvalue())


def main(arguments: Sequence[str]) -> int:
    """Run the program and return its exit status."""
    given = _parser().parse_args(arguments)
    return ended(_PROGRAM, lambda: _run(given))


def _parser() -> argparse.ArgumentParser:
    about = "One model finds the pages of a deck that answer a question, and answers."
    parser = options(_PROGRAM, about, "pages and answer")
    add = parser.add_argument
    add("--adapter", metavar="FOLDER", help="LoRA weights for answering (default: the model's base answers)")
    add("--k", metavar="K", type=int, default=5, help="pages to answer from (default: 5)")
    return parser


def _run(given: argparse.Namespace) -> int:
    if given.k < 1:
        raise InputError(f"--k must be 1 or more, not {given.k}")
    check(given)
    check_installed()
    data = given.data or DEMO_DECKS
    decks = load_decks(data, given.limit)
    retriever, adapter = _pair(given.model, given.adapter)
    from svrag.generation.sv_rag import SvRagChat
    from svrag.retrievers.multivector.loading import load_multivector

    encoder = load_multivector(retriever)
    tell_random(_PROGRAM, retriever, "its answers are gibberish")
    fetcher = PictureFetcher(given.cache or cache_folder())
    with SvRagChat(retriever, adapter) as model:
        totals = answer_decks(
            decks,
            encoder,
            model,
            folder=data.parent,
            fetcher=fetcher,
            k=given.k,
            on_answer=_tell,
            on_skipped=_tell_skipped,
        )
    last = f"{len(totals.answered)} questions: retrieval {totals.retrieving:.1f} s, answers {totals.answering:.1f} s"
    print(f"{encoder.name}, {last}")
    if given.json:
        settings = {"model": encoder.name, "revision": encoder.revision, "adapter": adapter, "k": given.k}
        write_text(given.json, json.dumps(settings | totals.to_json(), ensure_ascii=False, indent=1) + "\n")
    return SKIPPED if totals.skipped else DONE


def _pair(model: str | None, adapter: str | None) -> tuple[str, str]:
    """The retriever's name, and the adapter's for answering or ""."""
    if model is not None:
        return model, adapter or ""
    if not DEMO_PAIR.is_dir():
        raise InputError("name a model with --model, or run `python scripts/tiny_sv_rag.py` for a tiny one")
    return str(DEMO_PAIR / "retriever"), adapter or str(DEMO_PAIR / "answers")


def _tell(one: Answered, so_far: Totals) -> None:
    for line in _lines(one, so_far):
        print(line, flush=True)


def _lines(one: Answered, so_far: Totals) -> Iterator[str]:
    question = one.ranked.question
    yield f"{len(so_far.answered)}. {_one_line(question.text)}  ({_one_line(one.ranked.deck)})"
    yield f"   truth   {_one_line(question.answer)}"
    yield f"   answer  {_one_line(one.answer)}"
    named = {"top-1": "Top-1", "top-5": "Top-5", "em": "EM", "anls": "ANLS", "pnls": "PNLS"}
    means = so_far.means()
    yield "   so far  " + "  ".join(f"{label} {100 * means[name]:.1f}" for name, label in named.items())


def _tell_skipped(deck: Deck, why: str) -> None:
    print(f"{_PROGRAM}: skipped {_one_line(deck.name)}: {without_control(why)}", file=sys.stderr)


def _one_line(text: str) -> str:
    return shortened(" ".join(without_control(text).split()), 200)
