"""The learnt ranker: a weight for each piece of evidence, and the sum of evidence times weight as the score.

The evidence of a page and of an element is a tuple of figures between 0 and about 1, none negative; weights are a tuple
of the same kind, so each can be read and each score taken apart. `ranker.json` holds the weights and what they were
fitted on; `scripts/train/train_ranker.py` fits them.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from svrag.errors import InputError

FILE = Path(__file__).with_name("ranker.json")


class PageEvidence(NamedTuple):
    """What speaks for a page. Shares are of the best possible for the question, by weight of its words.

    Attributes:
        words: BM25 of the page.
        best_element: BM25F of the element on it that fits best.
        pairs: words that stand together in the question and here.
        things: what the question speaks of, by any name in the thesaurus.
        named_element: it holds an element that the question names ("Table 3").
        named_page: the question names the page.
        figure: the question asks for a figure and here is one.
        figures: share of numbers among its words, where the question asks for a number.
        brevity: 1 for an empty page down to 0 for one of over a thousand words.
    """

    words: float = 0.0
    best_element: float = 0.0
    pairs: float = 0.0
    things: float = 0.0
    named_element: float = 0.0
    named_page: float = 0.0
    figure: float = 0.0
    figures: float = 0.0
    brevity: float = 0.0


class ElementEvidence(NamedTuple):
    """What speaks for an element. Shares are of the best possible for the question, by weight of its words.

    Attributes:
        words: BM25F of the element.
        pairs: words that stand together in the question and here.
        things: what the question speaks of, by any name in the thesaurus.
        page: the score of its page.
        named: the question names it.
        named_section: the question names the section it is in.
        area: share of the page it covers.
        figure, table: it is one.
        figure_wanted: it is a figure and the question asks for one.
        table_of_numbers: it is a table and the question asks for a number.
    """

    words: float = 0.0
    pairs: float = 0.0
    things: float = 0.0
    page: float = 0.0
    named: float = 0.0
    named_section: float = 0.0
    area: float = 0.0
    figure: float = 0.0
    table: float = 0.0
    figure_wanted: float = 0.0
    table_of_numbers: float = 0.0


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each piece of evidence adds."""

    pages: PageEvidence
    elements: ElementEvidence

    def page_score(self, evidence: PageEvidence) -> float:
        return sum(weight * value for weight, value in zip(self.pages, evidence, strict=True))

    def element_score(self, evidence: ElementEvidence) -> float:
        return sum(weight * value for weight, value in zip(self.elements, evidence, strict=True))


@functools.cache
def learnt_weights(file: Path = FILE) -> Weights:
    """The weights in `file`, by default those that svrag was released with.

    Raises:
        InputError: not a file of weights, or one of another version, whose evidence has other names.
    """
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        pages = {name: float(value) for name, value in written["pages"].items()}
        elements = {name: float(value) for name, value in written["elements"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(
            f"{file} holds no weights of the ranker ({error!r}): see scripts/train/train_ranker.py"
        ) from None
    for kind, found, expected in (("pages", pages, PageEvidence), ("elements", elements, ElementEvidence)):
        if set(found) != set(expected._fields):
            differing = ", ".join(sorted(set(found) ^ set(expected._fields)))
            raise InputError(
                f"{file}: weights of {kind} do not fit this version ({differing}): train the ranker again"
            )
    return Weights(PageEvidence(**pages), ElementEvidence(**elements))
