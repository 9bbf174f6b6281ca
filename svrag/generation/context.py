"""Which evidence a model sees, and how much of it: chosen by rank, ordered by place, shrunk until it fits.

A `Plan` says what to send; each refusal, and each count above the model's limit, makes a smaller plan. What was left
out is told in `Plan.notes`. Pictures are drawn in crops.py, wording is in prompt.py, talking to the model in generator.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from svrag.search.result import Hit

PIECE_CHARACTERS = 6000
_SMALLEST_PIECE = 500
LARGE_SIDE = 1568  # pixels: what the large services scale down to, and enough to read a dense table
SMALL_SIDE = 784  # a quarter of the tokens; the words of a chart can still be read


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send.

    Attributes:
        hits: the evidence, best first.
        pictures: at most so many.
        side: of a picture at most, in pixels.
        characters: of a piece of evidence at most.
        left_out: how many pieces there were no room for.
        picture_note: why there are fewer pictures than there could be.
    """

    hits: tuple[Hit, ...]
    pictures: int
    side: int = LARGE_SIDE
    characters: int = PIECE_CHARACTERS
    left_out: int = 0
    picture_note: str = ""

    def in_order(self) -> tuple[Hit, ...]:
        """The evidence as it is numbered: document after document, the best first, each from front to back."""
        first: dict[str, int] = {}
        for hit in self.hits:
            first.setdefault(hit.element.document_id, len(first))
        return tuple(sorted(self.hits, key=lambda hit: (first[hit.element.document_id], _place(hit))))

    def notes(self) -> tuple[str, ...]:
        """What a reader should know about what the model did not see."""
        seen, all_pieces = len(self.hits), len(self.hits) + self.left_out
        notes = [
            f"the evidence was too long for the model: it saw {seen} of {all_pieces} pieces" if self.left_out else "",
            f"the evidence was too long for the model: each piece was cut to {self.characters} characters"
            if self.characters < PIECE_CHARACTERS
            else "",
            self.picture_note,
        ]
        return tuple(filter(None, notes))

    def shorter(self, pictured: int, share: float = 0.5) -> Plan | None:
        """A plan with fewer tokens; None when nothing is left to leave out.

        Args:
            pictured: pictures that the request has now.
            share: of its tokens that fit; guessed when nobody counted.
        """
        if pictured and self.side > SMALL_SIDE:
            return replace(self, side=SMALL_SIDE)
        if len(self.hits) > 1:
            kept = max(1, min(len(self.hits) - 1, int(len(self.hits) * share)))
            return replace(self, hits=self.hits[:kept], left_out=self.left_out + len(self.hits) - kept)
        if pictured:
            return replace(self, pictures=0, picture_note="the pictures did not fit the model: asked with text alone")
        if self.characters > _SMALLEST_PIECE:
            return replace(self, characters=self.characters // 2)
        return None

    def fewer_pictures(self, pictured: int, most: int | None) -> Plan | None:
        """A plan with at most `most` pictures and less than `pictured`; None when there are none to leave out."""
        if not pictured:
            return None
        kept = min(most, pictured - 1) if most else 0
        told = f"only {kept} picture(s)" if kept else "no pictures"
        return replace(self, pictures=kept, picture_note=f"the model takes {told}: asked with text for the rest")


def first_plan(hits: Sequence[Hit], pictures: int) -> Plan:
    """All of `hits` (best first), each once, with at most so many pictures."""
    return Plan(tuple(each_once(hits)), pictures)


def each_once(hits: Sequence[Hit]) -> list[Hit]:
    """Without elements that come twice, captions of what is there too, and text that another piece has already."""
    ids = {hit.element.id for hit in hits}
    kept: dict[tuple[str, str], Hit] = {}
    for hit in hits:
        element = hit.element
        if element.type == "caption" and element.target_id in ids:
            continue
        words = " ".join(f"{element.caption} {element.text}".split())
        kept.setdefault((element.document_id, words or element.id), hit)
    return list(kept.values())


def _place(hit: Hit) -> tuple[int, int, float]:
    """Page, then reading order; a whole page comes before what is on it."""
    n = hit.element.id.rpartition(".")[2]
    return hit.element.page, int(n) if hit.element.type != "page" and n.isdigit() else -1, -hit.score
