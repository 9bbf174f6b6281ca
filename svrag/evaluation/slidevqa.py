"""SlideVQA: questions on slide decks that come as pictures, with the slides of the evidence.

Two layouts. SV-RAG's demo data is one file, `slidevqa_dev.json`: deck -> `image_urls`, and beside each other
`question`, `answer` and `index_list` (slides, 0-based). The official one is `annotations/qa/<split>.jsonl`, one
question a line (`deck_name`, `image_urls`, `evidence_pages`, 1-based). The pictures lie in the folder as the official
download puts them, `images/<split>/<deck>/<file>`, or without the split, or where `image_urls` itself names files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from svrag.errors import InputError
from svrag.evaluation.loading import first_of, in_folder, in_layout, pages_slice, parsed, parsed_lines
from svrag.evaluation.question import EvalQuestion, EvalSet

_SPLITS = ("dev", "test", "train")
_NAMES = ("slidevqa_dev.json", *(f"annotations/qa/{split}.jsonl" for split in _SPLITS))
_HOW_TO_GET = (
    "download github.com/puar-playground/SV-RAG/blob/main/demo_data/slidevqa_dev.json into DIR, or annotations/qa of "
    "github.com/nttmdlab-nlp/SlideVQA as DIR/annotations/qa, and the slides (huggingface.co/datasets/NTT-hil-insight/"
    "SlideVQA) into DIR/images/DECK"
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as it was read, and the pictures of its deck."""

    question: EvalQuestion
    urls: tuple[str, ...]


def load(data: Path | None) -> EvalSet:
    """The benchmark in the folder `data`: the decks all of whose pictures are there.

    Raises:
        InputError: no folder was named, a file is missing or in another layout, or no deck has all its pictures.
    """
    path = first_of(data, _NAMES, _HOW_TO_GET)
    official = path.suffix == ".jsonl"
    folder = path.parents[2] if official else path.parent
    asked = list(_official(path) if official else _demo(path))
    decks: dict[str, tuple[Path, ...]] = {}
    missing: dict[str, str] = {}
    for one in asked:
        deck = one.question.document
        if deck in decks or deck in missing:
            continue
        places = [_places(folder, deck, url) for url in one.urls]
        found = [next((place for place in some if place.is_file()), None) for some in places]
        pictures = tuple(picture for picture in found if picture is not None)
        if len(pictures) == len(one.urls) > 0:
            decks[deck] = pictures
        else:
            first = found.index(None) if None in found else -1
            missing[deck] = (
                f"{one.urls[first]} goes to {places[first][-1]}" if one.urls else f"{deck} names no pictures"
            )
    note = ""
    if missing:
        note = (
            f"{len(missing)} of {len(missing) + len(decks)} decks lack pictures: {next(iter(missing.values()))}, ..."
        )
        if not decks:
            raise InputError(f"{note} ({in_folder(_HOW_TO_GET, folder)})")
    questions = tuple(one.question for one in asked if one.question.document in decks)
    return EvalSet("slidevqa", questions, folder, (path,), (note,) if note else (), composed=decks)


def _demo(path: Path) -> Iterator[_Asked]:
    decks = parsed(path)
    if not isinstance(decks, dict) or not decks:
        raise InputError(f"{path} is not an object of decks")
    for deck, row in decks.items():
        with in_layout(f"{path}: deck {deck}", "slidevqa_dev.json"):
            urls = _urls(row)
            rows = zip(row["question"], row["answer"], row["index_list"], strict=True)
            for n, (question, answer, slides) in enumerate(rows, start=1):
                pages = [int(slide) + 1 for slide in slides]
                yield _Asked(_question(f"{deck}#{n}", deck, question, answer, pages, len(urls), ()), urls)


def _official(path: Path) -> Iterator[_Asked]:
    for number, row in parsed_lines(path):
        with in_layout(f"{path}: line {number}", "SlideVQA"):
            urls = _urls(row)
            slices = tuple(
                (name, str(row[key]))
                for name, key in (("reasoning_type", "reasoning_type"), ("answer_type", "answer_type"))
                if row.get(key)
            )
            pages = [int(page) for page in row["evidence_pages"]]
            question = _question(
                str(row["qa_id"]), row["deck_name"], row["question"], row["answer"], pages, len(urls), slices
            )
            yield _Asked(question, urls)


def _urls(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(url) for url in row["image_urls"])


def _question(
    id: str,
    deck: str,
    question: str,
    answer: object,
    pages: Sequence[int],
    slides: int,
    slices: tuple[tuple[str, str], ...],
) -> EvalQuestion:
    evidence = tuple(sorted(set(pages)))
    if any(not 1 <= page <= slides for page in evidence):
        raise ValueError(f"evidence beyond the {slides} slides")
    return EvalQuestion(
        id=id,
        document=deck,
        question=question,
        answer=str(answer),
        answer_format="Str",
        answerable=True,
        evidence_pages=evidence,
        gold_boxes=(),
        slices=(*slices, *pages_slice(evidence)),
        usable_for_pages=bool(evidence),
    )


def _places(folder: Path, deck: str, url: str) -> list[Path]:
    """Where a picture may be; the last is where it is said to belong."""
    name = Path(urlsplit(url).path).name
    images = folder / "images"
    places = [images / split / deck / name for split in _SPLITS]
    if "://" not in url:
        places.insert(0, folder / url)
    return [*places, images / deck / name]
