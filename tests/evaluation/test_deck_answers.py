"""Pages found, pages read, answers scored: with an encoder that knows colours and a model that says what it is to."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
from PIL import Image

from svrag.errors import InputError
from svrag.evaluation.deck_answers import Answered, Totals, answer_decks
from svrag.evaluation.decks import Deck, DeckQuestion, Ranked, load_decks
from svrag.generation.model import ChatRequest, Limits, Picture, Refused, Reply, Text
from tests.evaluation.test_decks import fetcher, write_decks
from tests.retrievers.multivector.colours import COLOURS, ColourEncoder


class Says:
    """Answers in a given order; takes so many pictures."""

    name = "says"

    def __init__(self, *answers: str, pictures: int = 99) -> None:
        self._answers = list(answers)
        self._most = pictures
        self.seen: list[list[object]] = []

    def limits(self) -> Limits:
        return Limits()

    def count(self, request: ChatRequest) -> int | None:
        return None

    def chat(
        self,
        request: ChatRequest,
        *,
        on_token: Callable[[str], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Reply:
        parts = request.messages[-1].parts
        pictures = [Image.open(io.BytesIO(part.data)) for part in parts if isinstance(part, Picture)]
        if len(pictures) > self._most:
            raise Refused("pictures", f"says takes {self._most} pictures", self._most)
        self.seen.append([*(image.convert("RGB").getpixel((0, 0)) for image in pictures), parts[-1]])
        return Reply(self._answers.pop(0), "stop")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def run(folder: Path, model: Says, k: int = 2, skipped: Callable[[Deck, str], None] | None = None) -> Totals:
    told: list[int] = []
    totals = answer_decks(
        load_decks(folder / "decks.json"),
        ColourEncoder(),
        model,
        folder=folder,
        fetcher=fetcher(folder, status=404 if skipped else 200),
        k=k,
        on_answer=lambda one, so_far: told.append(len(so_far.answered)),
        on_skipped=skipped or (lambda deck, why: pytest.fail(why)),
    )
    assert told == list(range(1, len(totals.answered) + 1))
    return totals


def test_the_model_reads_the_pages_that_were_found(tmp_path: Path) -> None:
    write_decks(tmp_path)
    model = Says("This.", "thet", "something else", " there\n")
    totals = run(tmp_path, model)
    red, blue, _, fetched = totals.answered
    names = list(COLOURS)
    for one, seen in zip(totals.answered[:3], model.seen, strict=False):
        assert one.read == tuple(sorted(one.ranked.ranking[:2]))
        shown = [Image.new("RGB", (1, 1), names[page]).getpixel((0, 0)) for page in one.read]
        assert seen == [*shown, Text(f"\nQuestion: {one.ranked.question.text}")]
    assert 0 in red.read
    assert red.scores() == {"em": 1.0, "anls": 1.0, "pnls": 1.0}
    assert blue.scores()["em"] == 0.0
    assert blue.scores()["anls"] == pytest.approx(3 / 4)
    assert fetched.answer == "there"
    means = totals.means()
    assert means["em"] == 2 / 4
    assert means["top-1"] == sum(one.ranked.hit(1) for one in totals.answered) / 4
    written = totals.to_json()
    assert written["questions"] == 4
    assert written["em"] == 0.5


def test_fewer_pages_for_a_model_that_takes_fewer(tmp_path: Path) -> None:
    write_decks(tmp_path)
    totals = run(tmp_path, Says("a", "b", "c", "d", pictures=2), k=5)
    assert [len(one.read) for one in totals.answered] == [2, 2, 2, 2]
    assert all(set(one.read) == set(one.ranked.ranking[:2]) for one in totals.answered)
    with pytest.raises(InputError, match="says cannot answer from a single page: says takes 0"):
        run(tmp_path, Says(pictures=0))


def test_decks_without_their_pictures_are_skipped(tmp_path: Path) -> None:
    write_decks(tmp_path)
    skipped: list[str] = []
    totals = run(tmp_path, Says("a", "b", "c"), skipped=lambda deck, why: skipped.append(deck.name))
    assert skipped == ["fetched"] == list(totals.skipped)
    assert len(totals.answered) == 3


def test_no_questions_are_no_division_by_zero() -> None:
    assert Totals((), {}, 0.0, 0.0).means()["em"] == 0.0
    one = Answered(Ranked("deck", DeckQuestion("What?", "10,240", (0,)), (0, 1)), (0,), "10240.")
    assert one.scores()["em"] == 1.0
