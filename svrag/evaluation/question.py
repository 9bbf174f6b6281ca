"""A benchmark question with its gold evidence, and a set of them. Data: no files are read, nothing is searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from svrag.documents.blocks import to_unrotated
from svrag.documents.model import Box, Document, Page, Region


class GoldBox(NamedTuple):
    """A box that somebody drew on a page as it is shown, with the page size (points) they drew it on.

    The size matters: annotators' tools and the file do not always agree on it, and the box is relative to theirs.
    """

    page: int
    box: Box
    page_size: tuple[float, float]

    def on(self, page: Page) -> Region:
        """The box in the coordinates of `page`: scaled to its size, and turned back when the page is shown rotated."""
        width, height = page.displayed_size
        across, down = width / self.page_size[0], height / self.page_size[1]
        shown = Box(self.box.x0 * across, self.box.y0 * down, self.box.x1 * across, self.box.y1 * down)
        return Region(self.page, to_unrotated(shown, page))


@dataclass(frozen=True, slots=True)
class EvalQuestion:
    """One question of a benchmark.

    Attributes:
        id: unique within the benchmark, the same in every run.
        document: name of the document it is asked of, one of its set's: a file name where the set has files.
        answer_format: "Int", "Float", "Str", "List", "None" (not answerable); "" when no answer is to be scored.
        answerable: whether the document holds the answer.
        evidence_pages: 1-based, ascending, each once.
        gold_boxes: where on the pages the evidence is; empty when nobody drew boxes.
        slices: (name, value) pairs to report it under; a name may occur more than once.
        usable_for_pages: the page labels are right and there are some, so page metrics may count this question.
        gains: graded relevance of `evidence_pages`, in their order; empty means 1 each.
        answers: further accepted answers beside `answer`.
    """

    id: str
    document: str
    question: str
    answer: str
    answer_format: str
    answerable: bool
    evidence_pages: tuple[int, ...]
    gold_boxes: tuple[GoldBox, ...]
    slices: tuple[tuple[str, str], ...]
    usable_for_pages: bool
    gains: tuple[float, ...] = ()
    answers: tuple[str, ...] = ()

    @property
    def has_evidence(self) -> bool:
        """Whether there is anything to measure a ranking against."""
        return self.usable_for_pages or bool(self.gold_boxes)


@dataclass(frozen=True, slots=True)
class GivenDocument:
    """A document whose pages and elements the benchmark gives, so that nothing is parsed: abstracts, texts, figures.

    Attributes:
        document: its name is the one that questions ask of, its id is made from a SHA-256 of its content.
        pictures: the picture of each page, in their order; empty when there are none.
        unrelated_pages: a page has nothing to do with the next, nothing leads from one to the other.
    """

    document: Document
    pictures: tuple[Path, ...] = ()
    unrelated_pages: bool = False


@dataclass(frozen=True, slots=True)
class EvalSet:
    """The questions of a benchmark and where its documents are.

    A question's document is in `given` or in `composed` by name, or else a file in the folder `documents`.

    Attributes:
        documents: folder of the documents that the questions name.
        files: the files the questions came from, for the record of what was measured.
        notes: what a reader of the figures should know ("no annotations: no element metrics").
        given: documents that come as pages and elements.
        composed: documents that come as pictures, one a page, to be read as any scan; name -> files.
        cutoff: how many pages and elements deep rankings are taken.
    """

    name: str
    questions: tuple[EvalQuestion, ...]
    documents: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    given: tuple[GivenDocument, ...] = ()
    composed: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    cutoff: int = 10
