"""Two of the demo documents as decks of pictures with questions, in the layout of SV-RAG's demo data.

`{deck: {image_urls: [...], question: [...], answer: [...], index_list: [[pages, 0-based], ...]}}`, see the test_retrieval
program. The pictures are small, so that a model on a laptop reads them quickly.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from PIL import Image

from demo_data.made import Made
from demo_data.questions import QUESTIONS, REPORT, SLIDES, Asked

FOLDER, FILE, PAIRS = "decks", "decks.json", "pairs.jsonl"
_DECKS = {"winter_cycling": SLIDES, "quillmere_ferries": REPORT}
_LONG_SIDE = 1000  # pixels
_COLOURS = 32
_MORE = (
    Asked(SLIDES, "How many kilometres of cycle track are cleared before six in the morning?", "12", "Int", (), ("map",)),
    Asked(SLIDES, "Which share of the members wanted bikes in winter, in percent?", "67", "Int", (), ("67%",)),
    Asked(SLIDES, "How many bicycles were there in the 20 weeks of service?", "180", "Int", (), ("what",)),
    Asked(SLIDES, "When will the council decide on the next winter?", "18 June 2024", "Str", (), ("proposal",)),
)  # fmt: skip


def decks(documents: Sequence[Made]) -> dict[str, dict[str, list[object]]]:
    """The object in `decks.json`: paths of pictures beside it, and the questions that can be answered."""
    by_name = {made.name: made for made in documents}
    return {deck: _deck(deck, by_name[name]) for deck, name in _DECKS.items()}


def pictures(documents: Sequence[Made]) -> Iterator[tuple[str, bytes]]:
    """Each picture as PNG with its path beside `decks.json`."""
    by_name = {made.name: made for made in documents}
    for deck, name in _DECKS.items():
        for page in by_name[name].pdf:
            scale = _LONG_SIDE / max(page.rect.width, page.rect.height)
            pixels = page.get_pixmap(dpi=round(72 * scale), alpha=False)
            image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
            packed = io.BytesIO()
            image.quantize(_COLOURS, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
            yield _path(deck, page.number), packed.getvalue()


def pairs(documents: Sequence[Made]) -> Iterator[dict[str, object]]:
    """The rows of `pairs.jsonl`: each question with the pictures that answer it, as training data."""
    for deck in decks(documents).values():
        for question, pages in zip(deck["question"], deck["index_list"], strict=True):
            assert isinstance(pages, list)
            yield {"query": question, "document": [deck["image_urls"][page] for page in pages]}


def _deck(deck: str, made: Made) -> dict[str, list[object]]:
    asked = [one for one in (*QUESTIONS, *_MORE) if one.document == made.name and one.answerable]
    return {
        "image_urls": [_path(deck, index) for index in range(made.pdf.page_count)],
        "question": [one.question for one in asked],
        "answer": [one.answer for one in asked],
        "index_list": [
            sorted({place.page - 1 for name in one.places for place in made.places[name]}) for one in asked
        ],
    }


def _path(deck: str, index: int) -> str:
    return f"{FOLDER}/{deck}/{index + 1:02}.png"
