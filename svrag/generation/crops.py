"""Pictures of evidence for a model: cut from their pages, and kept for next time.

They are JPEG of a quality at which small print stays legible: what a reader waits for before a model's first word is
drawing and encoding, and PNG takes four times as long to encode. Which evidence has a picture, and how large, a `Plan`
says; see context.py.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from svrag.documents.drawers import Cut, begin
from svrag.documents.model import Element
from svrag.errors import InputError
from svrag.generation.context import Plan
from svrag.search.result import Hit

_PICTURED = ("figure", "table", "equation", "page")
_DPI = 150.0
_PAD = 5.0  # points around the box
_ROUNDED = 2  # pixels: one that a box cuts through is drawn whole, on either side
_KEPT_BYTES = 16_000_000  # some 200 pictures


class _Kept:
    """The pictures drawn last, up to so many bytes, for all questions of this process."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._pictures: OrderedDict[Cut, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, cut: Cut) -> bytes | None:
        with self._lock:
            if cut in self._pictures:
                self._pictures.move_to_end(cut)
            return self._pictures.get(cut)

    def put(self, cut: Cut, picture: bytes) -> None:
        with self._lock:
            self._bytes += len(picture) - len(self._pictures.pop(cut, b""))
            self._pictures[cut] = picture
            while self._bytes > self._most:
                _, oldest = self._pictures.popitem(last=False)
                self._bytes -= len(oldest)

    def clear(self) -> None:
        with self._lock:
            self._pictures.clear()
            self._bytes = 0


kept = _Kept(_KEPT_BYTES)


@dataclass
class Crops:
    """The pictures of one question's evidence.

    Attributes:
        sources: the file of each document by its id.
    """

    sources: Mapping[str, Path]
    _failures: dict[str, str] = field(default_factory=dict)
    _drawn: dict[tuple[str, int], bytes] = field(default_factory=dict)
    _begun: Callable[[], None] | None = None

    def possible(self, plan: Plan) -> int:
        """How many pictures `plan` has, should all that it may show be drawn."""
        return min(plan.pictures, len(self._pictured(plan)))

    def begin(self, plan: Plan) -> None:
        """Let the pictures of `plan` be drawn while there is something else to do, where other processes draw."""
        self._begun = self._drawing(self._best(plan), plan.side)

    def of(self, plan: Plan) -> dict[int, bytes]:
        """JPEG by the numbers of `plan.in_order()`; the best pieces have theirs first."""
        while missing := [hit for hit in self._best(plan) if (hit.element.id, plan.side) not in self._drawn]:
            finish, self._begun = self._begun or self._drawing(missing, plan.side), None
            finish()  # each is drawn or fails for good, and the next best takes its place
        shown = {hit.element.id for hit in self._best(plan)}
        return {
            n: self._drawn[hit.element.id, plan.side]
            for n, hit in enumerate(plan.in_order(), start=1)
            if hit.element.id in shown
        }

    def notes(self) -> tuple[str, ...]:
        """Which pictures could not be drawn, and why."""
        return tuple(self._failures.values())

    def _pictured(self, plan: Plan) -> list[Hit]:
        return [
            hit
            for hit in plan.hits
            if hit.element.type in _PICTURED
            and hit.element.document_id in self.sources
            and hit.element.id not in self._failures
        ]

    def _best(self, plan: Plan) -> list[Hit]:
        return self._pictured(plan)[: plan.pictures]

    def _drawing(self, hits: Sequence[Hit], side: int) -> Callable[[], None]:
        """Begin to draw; the call is there for the end of it."""

        def place(hit: Hit) -> tuple[str, int]:
            return hit.element.document_id, hit.element.page

        left = []
        for hit in sorted(hits, key=place):
            cut = _cut(self.sources[hit.element.document_id], hit.element, side)
            if picture := kept.get(cut):
                self._drawn[hit.element.id, side] = picture
            else:
                left.append((hit, cut))
        pictures = begin([cut for _, cut in left])

        def finish() -> None:
            for (hit, cut), drawn in zip(left, pictures(), strict=True):
                if isinstance(drawn, InputError):
                    self._failed(hit, drawn)
                else:
                    kept.put(cut, drawn)
                    self._drawn[hit.element.id, side] = drawn

        return finish

    def _failed(self, hit: Hit, error: Exception) -> None:
        what = hit.element.label or f"the {hit.element.type} on page {hit.element.page} of {hit.document_name}"
        self._failures.setdefault(hit.element.id, f"no picture of {what}: {error}")


def _cut(source: Path, element: Element, side: int) -> Cut:
    """The picture of `element` whose longer side has at most `side` pixels."""
    try:
        stamp = source.stat()
        changed, size = stamp.st_mtime_ns, stamp.st_size
    except OSError:
        changed, size = 0, 0  # drawing tells what is wrong with it
    shown = element.box if element.type == "page" else element.box.padded(_PAD)
    longest = max(shown.width, shown.height, 1.0)
    dpi = max(1, int(min(_DPI, (side - _ROUNDED) * 72 / longest)))
    return Cut(source, changed, size, element.page, element.box, _PAD, dpi)
