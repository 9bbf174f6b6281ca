"""Decks with questions: the layout, what counts as found, and decks whose pictures are not to be had."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from PIL import Image

from svrag.errors import InputError
from svrag.evaluation.decks import Deck, Measured, load_decks, measure
from svrag.evaluation.fetching import PictureFetcher
from tests.retrievers.multivector.colours import COLOURS, ColourEncoder

DEMO = Path(__file__).parents[2] / "demo_data"


def write_decks(folder: Path, **changes: object) -> Path:
    """Two decks: one of a page for each colour, one of two pages at an address."""
    folder.mkdir(parents=True, exist_ok=True)
    for colour in COLOURS:
        Image.new("RGB", (40, 30), colour).save(folder / f"{colour}.png")
    decks = {
        "colours": {
            "image_urls": [f"{colour}.png" for colour in COLOURS],
            "question": ["which is red", "which is blue", "which is nothing"],
            "answer": ["this", "that", "none"],
            "index_list": [[0], [4, 2], [5]],
            **changes,
        },
        "fetched": {
            "image_urls": ["https://pictures.example/lime.png", "https://pictures.example/red.png"],
            "question": ["where is red"],
            "answer": ["there"],
            "index_list": [[1]],
        },
    }
    path = folder / "decks.json"
    path.write_text(json.dumps(decks), encoding="utf-8")
    return path


def fetcher(folder: Path, status: int = 200) -> PictureFetcher:
    def reply(request: httpx.Request) -> httpx.Response:
        encoded = io.BytesIO()
        Image.new("RGB", (40, 30), request.url.path.strip("/").removesuffix(".png")).save(encoded, "PNG")
        return httpx.Response(status, content=iter([encoded.getvalue()]))

    return PictureFetcher(
        folder / "cache", resolve=lambda host, port: ["93.184.215.14"], transport=httpx.MockTransport(reply)
    )


def test_pages_are_ranked_within_their_deck(tmp_path: Path) -> None:
    path = write_decks(tmp_path)
    seen: list[tuple[str, int]] = []
    result = measure(
        load_decks(path),
        ColourEncoder(),
        folder=tmp_path,
        fetcher=fetcher(tmp_path),
        cutoffs=(1, 5, 6),
        on_deck=lambda deck, so_far: seen.append((deck.name, len(so_far.ranked))),
    )
    assert seen == [("colours", 3), ("fetched", 4)]
    red, blue, nothing, fetched = result.ranked
    assert red.ranking[0] == 0
    assert blue.ranking[0] == 2
    assert fetched.ranking == (1, 0)
    assert sorted(nothing.ranking) == list(range(6))
    assert nothing.hit(6)
    hits = [one.hit(1) for one in result.ranked]
    assert hits[:2] + hits[3:] == [True, True, True]
    assert result.top(1) == sum(hits) / 4
    assert result.top(6) == 1
    made = result.to_json()
    assert made["questions"] == 4
    assert made["top"] == {"1": result.top(1), "5": result.top(5), "6": 1}
    assert (made["model"], made["revision"]) == ("tests/colours", "r1")
    assert json.loads(json.dumps(made))["per_question"][1] == {
        "deck": "colours",
        "question": "which is blue",
        "answer": "that",
        "index_list": [2, 4],
        "ranking": list(blue.ranking),
        "top": {"1": True, "5": True, "6": True},
    }


def test_a_deck_whose_pictures_fail_is_skipped_and_named(tmp_path: Path) -> None:
    path = write_decks(tmp_path)
    told: list[Measured] = []

    def run(**where: object) -> Measured:
        arguments: dict[str, object] = {"folder": tmp_path, "fetcher": fetcher(tmp_path), **where}
        return measure(load_decks(path), ColourEncoder(), on_deck=lambda _, far: told.append(far), **arguments)  # type: ignore[arg-type]

    result = run(fetcher=fetcher(tmp_path, status=403))
    assert len(result.ranked) == 3
    assert "lime.png: the server says 403" in result.skipped["fetched"]
    assert told[-1].skipped == result.skipped
    (tmp_path / "blue.png").write_bytes(b"no picture")
    assert "blue.png is no picture" in run().skipped["colours"]
    (tmp_path / "blue.png").unlink()
    assert "cannot read" in run().skipped["colours"]
    with pytest.raises(InputError, match="no deck has all its pictures; of colours: cannot read"):
        run(fetcher=fetcher(tmp_path / "other", status=403))


def test_a_model_of_texts_is_refused(tmp_path: Path) -> None:
    blind = replace(ColourEncoder(), reads_pictures=False)
    with pytest.raises(InputError, match="reads texts only"):
        measure(load_decks(write_decks(tmp_path)), blind, folder=tmp_path, fetcher=fetcher(tmp_path))


@pytest.mark.parametrize(("limit", "expected"), [(1, [1]), (3, [3]), (4, [3, 1]), (None, [3, 1])])
def test_a_limit_counts_questions(limit: int | None, expected: list[int], tmp_path: Path) -> None:
    assert [len(deck.questions) for deck in load_decks(write_decks(tmp_path), limit)] == expected


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"index_list": [[0], [1]]}, "deck colours is not in SV-RAG's layout"),
        ({"index_list": [[0], [], [1]]}, "no page answers 'which is blue'"),
        ({"index_list": [[0], [1], [6]]}, "6,.* of 6"),
        ({"index_list": [[0], [1], [-1]]}, "-1,.* of 6"),
        ({"index_list": [[0], [1], ["x"]]}, "not in SV-RAG's layout"),
        ({"question": []}, "not in SV-RAG's layout"),
        ({"image_urls": None}, "not in SV-RAG's layout"),
    ],
)
def test_another_layout_is_one_line(changes: dict[str, object], line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=line) as error:
        load_decks(write_decks(tmp_path, **changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("text", "line"), [("[]", "not an object of decks"), ("{", "not valid JSON"),
                                            ('{"a": {"image_urls": [], "question": [], "answer": [], "index_list": []}}',
                                             "no questions")])  # fmt: skip
def test_a_file_of_something_else_is_one_line(text: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "decks.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=line):
        load_decks(path)
    with pytest.raises(InputError, match="cannot read"):
        load_decks(tmp_path / "none.json")


def test_the_demo_decks_are_whole(tmp_path: Path) -> None:
    decks = load_decks(DEMO / "decks.json")
    assert [deck.name for deck in decks] == ["winter_cycling", "quillmere_ferries"]
    assert sum(len(deck.questions) for deck in decks) >= 12
    few = Deck(decks[0].name, decks[0].pictures, decks[0].questions[:2])
    result = measure([few], ColourEncoder(), folder=DEMO, fetcher=fetcher(tmp_path))
    assert [len(one.ranking) for one in result.ranked] == [11, 11]
    for deck in decks:
        for path in deck.pictures:
            with Image.open(DEMO / path) as image:
                assert 990 <= max(image.size) <= 1010
