"""Sets of short texts with judged queries, whichever layout they come in: each is one document, a text a page of it.

So the search of users ranks the texts, and page metrics are the usual metrics of documents. A page's label is its
text's id. Reading the files is done elsewhere (beir.py, litsearch.py, nanobeir.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from svrag.evaluation.given import GivenPage, Part, given_document
from svrag.evaluation.question import EvalQuestion, GivenDocument

DEPTH = 100
"""How deep rankings of texts are taken."""

QUERY_SET, SPECIFICITY = "query_set", "specificity"
"""Names of slices, where a set tells them (LitSearch)."""

SET = "set"
"""Name of the slice, where there are several (NanoBEIR)."""

Judgements = Mapping[str, Mapping[str, float]]
"""By query the grade of each judged text, above 0 where it is relevant."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be found."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question to a set, and the (name, value) pairs of slices to report it under."""

    id: str
    text: str
    slices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TextSet:
    """A set as the evaluation takes it.

    Attributes:
        questions: the queries that have a relevant text, in their order.
        notes: what was left out.
    """

    document: GivenDocument
    questions: tuple[EvalQuestion, ...]
    notes: tuple[str, ...]


def text_set(name: str, texts: Iterable[Text], queries: Iterable[Query], judgements: Judgements) -> TextSet:
    """The set called `name`.

    Raises:
        ValueError: two texts with one id.
    """
    pages: list[GivenPage] = []
    numbers: dict[str, int] = {}
    for one in texts:
        if one.id in numbers:
            raise ValueError(f"the id {one.id!r} twice")
        parts = [Part("section_header", one.title, level=1)] if one.title.strip() else []
        parts += [Part("text", one.text)] if one.text.strip() else []
        pages.append(GivenPage(tuple(parts), label=one.id))
        numbers[one.id] = len(pages)
    relevant: dict[str, dict[int, float]] = {}
    unknown = 0
    for query, graded in judgements.items():
        for text, gain in graded.items():
            if gain > 0 and text in numbers:
                relevant.setdefault(query, {})[numbers[text]] = gain
            elif gain > 0:
                unknown += 1
    questions = [_question(query, name, gold) for query in queries if (gold := relevant.pop(query.id, {}))]
    notes = []
    if unknown:
        notes.append(f"{unknown} judgements are of texts that the corpus does not hold: left out")
    if relevant:
        notes.append(f"{len(relevant)} judged queries are not among the queries: left out")
    return TextSet(given_document(name, pages, unrelated_pages=True), tuple(questions), tuple(notes))


def told_slices(row: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """The query set ("inline", "manual") and the specificity that a query's row tells, as slices.

    LitSearch names its sets after where they come from, too: "inline_acl", "manual_iclr".
    """
    slices = []
    if row.get(QUERY_SET):
        slices.append((QUERY_SET, str(row[QUERY_SET]).partition("_")[0]))
    if row.get(SPECIFICITY) is not None:
        slices.append((SPECIFICITY, str(row[SPECIFICITY])))
    return tuple(slices)


def _question(query: Query, document: str, gold: Mapping[int, float]) -> EvalQuestion:
    numbers = tuple(sorted(gold))
    return EvalQuestion(
        id=query.id,
        document=document,
        question=query.text,
        answer="",
        answer_format="",
        answerable=True,
        evidence_pages=numbers,
        gold_boxes=(),
        slices=(*query.slices, ("relevant", "one text" if len(numbers) == 1 else "several texts")),
        usable_for_pages=True,
        gains=tuple(gold[number] for number in numbers),
    )
