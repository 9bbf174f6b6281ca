"""SV-RAG's demo data, decks of pictures with questions, and how often a retriever finds the picture that answers.

The layout is `{deck: {image_urls: [...], question: [...], answer: [...], index_list: [[pages, 0-based], ...]}}`; a
picture is an https address or a path beside the file. Top-k is the share of questions with a page of theirs among the
first k of their own deck. `slidevqa` reads the same layout for `svrag eval`, where a page is found through the library.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svrag.errors import InputError
from svrag.evaluation.fetching import PictureFetcher, checked_picture
from svrag.evaluation.loading import in_layout, parsed

if TYPE_CHECKING:
    from PIL.Image import Image

    from svrag.retrievers.multivector.encoder import MultiVectorEncoder


@dataclass(frozen=True, slots=True)
class DeckQuestion:
    """A question; `pages`, 0-based, are those that answer it."""

    text: str
    answer: str
    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Deck:
    """Pictures, by address or path, and what is asked about them."""

    name: str
    pictures: tuple[str, ...]
    questions: tuple[DeckQuestion, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A question with the deck's pages, 0-based and best first."""

    deck: str
    question: DeckQuestion
    ranking: tuple[int, ...]

    def hit(self, k: int) -> bool:
        return any(page in self.question.pages for page in self.ranking[:k])


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of some decks.

    Attributes:
        skipped: why, by name of the deck.
        seconds: to encode and to compare, without the time that pictures took to come.
    """

    model: str
    revision: str
    cutoffs: tuple[int, ...]
    ranked: tuple[Ranked, ...]
    skipped: Mapping[str, str]
    seconds: float

    def top(self, k: int) -> float:
        """The share of questions with a hit among the first `k`; 0 without questions."""
        return sum(one.hit(k) for one in self.ranked) / max(1, len(self.ranked))

    def to_json(self) -> dict[str, object]:
        deepest = max(self.cutoffs)
        return {
            "model": self.model,
            "revision": self.revision,
            "questions": len(self.ranked),
            "top": {str(k): round(self.top(k), 6) for k in self.cutoffs},
            "seconds": round(self.seconds, 3),
            "skipped": dict(self.skipped),
            "per_question": [
                {
                    "deck": one.deck,
                    "question": one.question.text,
                    "answer": one.question.answer,
                    "index_list": list(one.question.pages),
                    "ranking": list(one.ranking[:deepest]),
                    "top": {str(k): one.hit(k) for k in self.cutoffs},
                }
                for one in self.ranked
            ],
        }


def load_decks(path: Path, limit: int | None = None) -> list[Deck]:
    """The decks in a file, with their first `limit` questions in all.

    Raises:
        InputError: the file cannot be read or is in another layout.
    """
    try:
        rows = parsed(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if not isinstance(rows, dict) or not rows:
        raise InputError(f"{path} is not an object of decks")
    decks = []
    left = limit
    for name, row in rows.items():
        with in_layout(f"{path}: deck {name}", "SV-RAG"):
            deck = Deck(str(name), tuple(map(str, row["image_urls"])), tuple(_questions(row)))
        if left is not None:
            deck = Deck(deck.name, deck.pictures, deck.questions[:left])
            left -= len(deck.questions)
        if deck.questions:
            decks.append(deck)
    if not decks:
        raise InputError(f"no questions in {path}")
    return decks


def measure(
    decks: Sequence[Deck],
    encoder: MultiVectorEncoder,
    *,
    folder: Path,
    fetcher: PictureFetcher,
    cutoffs: Sequence[int] = (1, 5),
    on_deck: Callable[[Deck, Measured], None] = lambda deck, so_far: None,
) -> Measured:
    """Rank each deck's pages for its questions by MaxSim in full precision.

    A deck with a picture that cannot be had is skipped.

    Args:
        folder: where relative paths begin.
        on_deck: told of each deck with what has come of all up to it.

    Raises:
        InputError: the encoder reads texts only, or there is no deck with all its pictures.
        ServerError: the encoder runs on a server that gives no answer.
    """
    if not encoder.reads_pictures:
        raise InputError(f"{encoder.name} reads texts only: name a model that reads pictures with --model")
    ranked: list[Ranked] = []
    skipped: dict[str, str] = {}
    seconds = 0.0
    so_far = Measured(encoder.name, encoder.revision, tuple(cutoffs), (), {}, 0.0)
    for deck in decks:
        try:
            pictures = pictures_of(deck, folder, fetcher)
        except InputError as error:
            skipped[deck.name] = str(error)
        else:
            started = time.perf_counter()
            ranked += ranked_pages(deck, pictures, encoder)
            seconds += time.perf_counter() - started
        so_far = Measured(encoder.name, encoder.revision, tuple(cutoffs), tuple(ranked), dict(skipped), seconds)
        on_deck(deck, so_far)
    if not ranked:
        name, reason = next(iter(skipped.items()))
        raise InputError(f"no deck has all its pictures; of {name}: {reason}")
    return so_far


def _questions(row: Mapping[str, Any]) -> Iterator[DeckQuestion]:
    for text, answer, pages in zip(row["question"], row["answer"], row["index_list"], strict=True):
        question = DeckQuestion(str(text), str(answer), tuple(sorted({int(page) for page in pages})))
        if not question.pages:
            raise ValueError(f"no page answers {question.text!r}")
        if not 0 <= question.pages[0] <= question.pages[-1] < len(row["image_urls"]):
            raise ValueError(f"pages {question.pages} of {len(row['image_urls'])}")
        yield question


def pictures_of(deck: Deck, folder: Path, fetcher: PictureFetcher) -> list[Image]:
    """The deck's pages.

    Raises:
        InputError: one of them cannot be had.
    """
    return [_picture(place, folder, fetcher) for place in deck.pictures]


def _picture(place: str, folder: Path, fetcher: PictureFetcher) -> Image:
    path = fetcher.fetch(place) if "://" in place else folder / place
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "no path"
        raise InputError(f"cannot read {path}: {said}") from None
    return checked_picture(data, place)


def ranked_pages(deck: Deck, pictures: Sequence[Image], encoder: MultiVectorEncoder) -> Iterator[Ranked]:
    """For each question the deck's pages by MaxSim in full precision."""
    import numpy as np

    from svrag.retrievers.maxsim.scan import exact

    pages = [tokens.vectors for tokens in encoder.pictures(pictures)]
    vectors = np.concatenate(pages)
    starts = np.cumsum([0, *map(len, pages)], dtype=np.int64)
    questions = encoder.questions([question.text for question in deck.questions])
    for question, tokens in zip(deck.questions, questions, strict=True):
        order = np.argsort(-exact(vectors, starts, tokens.vectors), kind="stable")
        yield Ranked(deck.name, question, tuple(order.tolist()))
