"""Pictures of evidence for a model: cut from their pages, a file opened once for all of its own, kept for next time.

They are JPEG of a quality at which small print stays legible: what a reader waits for before a model's first word is
drawing and encoding, and PNG takes four times as long to encode. Which evidence has a picture, and how large, a `Plan`
says; see context.py.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from svrag.documents.model import Box, Element
from svrag.errors import SvragError
from svrag.generation.context import Plan
from svrag.search.result import Hit

_PICTURED = ("figure", "table", "equation", "page")
_DPI = 150.0
_KEPT_BYTES = 16_000_000  # some 200 pictures


@dataclass(frozen=True, slots=True)
class _Cut:
    """What decides how a picture looks; `changed` and `size` are the file's, should another take its place."""

    source: Path
    changed: int
    size: int
    page: int
    box: Box
    dpi: int


class _Kept:
    """The pictures drawn last, up to so many bytes, for all questions of this process."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._pictures: OrderedDict[_Cut, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, cut: _Cut) -> bytes | None:
        with self._lock:
            if cut in self._pictures:
                self._pictures.move_to_end(cut)
            return self._pictures.get(cut)

    def put(self, cut: _Cut, picture: bytes) -> None:
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

    def possible(self, plan: Plan) -> int:
        """How many pictures `plan` has, should all that it may show be drawn."""
        return min(plan.pictures, len(self._pictured(plan)))

    def of(self, plan: Plan) -> dict[int, bytes]:
        """JPEG by the numbers of `plan.in_order()`; the best pieces have theirs first."""
        while missing := [hit for hit in self._best(plan) if (hit.element.id, plan.side) not in self._drawn]:
            self._draw(missing, plan.side)  # each is drawn or fails for good, and the next best takes its place
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

    def _draw(self, hits: Sequence[Hit], side: int) -> None:
        def place(hit: Hit) -> tuple[str, int]:
            return hit.element.document_id, hit.element.page

        for document, group in groupby(sorted(hits, key=place), key=lambda hit: hit.element.document_id):
            self._draw_from(self.sources[document], list(group), side)

    def _draw_from(self, source: Path, hits: Sequence[Hit], side: int) -> None:
        from svrag.documents.rendering import cutting

        cuts = [(hit, _cut(source, hit.element, side)) for hit in hits]
        known = {hit.element.id: picture for hit, cut in cuts if (picture := kept.get(cut))}
        self._drawn.update({(name, side): picture for name, picture in known.items()})
        left = [(hit, cut) for hit, cut in cuts if hit.element.id not in known]
        if not left:
            return
        try:
            with cutting(source) as cutter:
                for hit, cut in left:
                    try:
                        picture = cutter.jpeg(cut.page, cut.box, dpi=cut.dpi)
                    except SvragError as error:
                        self._failed(hit, error)
                    else:
                        kept.put(cut, picture)
                        self._drawn[hit.element.id, side] = picture
        except SvragError as error:  # the file cannot be opened
            for hit, _ in left:
                self._failed(hit, error)

    def _failed(self, hit: Hit, error: Exception) -> None:
        what = hit.element.label or f"the {hit.element.type} on page {hit.element.page} of {hit.document_name}"
        self._failures.setdefault(hit.element.id, f"no picture of {what}: {error}")


def _cut(source: Path, element: Element, side: int) -> _Cut:
    """The picture of `element` whose longer side has at most `side` pixels."""
    try:
        stamp = source.stat()
        changed, size = stamp.st_mtime_ns, stamp.st_size
    except OSError:
        changed, size = 0, 0  # drawing tells what is wrong with it
    longest = max(element.box.width, element.box.height, 1.0)
    return _Cut(source, changed, size, element.page, element.box, max(1, int(min(_DPI, side * 72 / longest))))
