"""Ranks elements and pages for a question by their words, and by what the question names.

Two BM25s are at work, over elements (with fields) and over whole pages, both as a share of the best score possible for
the question, so that they can be added. What a question names is looked up, not matched: "Table 3" through the labels of
the graph, "slide 12" through the pages. Each lift is a term of its own in `Weights`, and each hit says why it is there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from svrag.documents.model import Element, ElementType
from svrag.graph.mentions import find_mentions, find_page_mentions
from svrag.library.store import IndexedElement, Library, StoredDocument
from svrag.retrievers.lexical.analysis import analyse, analyse_question
from svrag.retrievers.lexical.bm25 import Collection, Parameters, idf, term_scores

_MAX_LANGUAGES = 3
_PUNCTUATION = " \t.,;:!?\"'()[]{}\u201c\u201d\u2018\u2019\u00ab\u00bb\u3002\uff1f"
_FIGURE_WORDS = re.compile(
    r"\b(figures?|charts?|graphs?|plots?|diagrams?|pictures?|photos?|photographs?|images?|illustrations?|maps?|logos?|icons?|"
    r"screenshots?|bars?|colou?rs?|curves?|axis|legend)\b",
    re.IGNORECASE,
)
_TABLE_WORDS = re.compile(r"\b(tables?|rows?|columns?|cells?)\b", re.IGNORECASE)
# A caption is shown with its figure, a heading with what it heads.
_LIGHT: Mapping[ElementType, float] = {"section_header": 0.5, "caption": 0.8}


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each piece of evidence adds, next to word scores between 0 and 1.

    Attributes:
        page_elements: of a page's best element, on the page's score.
        element_page: of an element's page, on the element's score.
        named: for an element whose label the question names, and for its page.
        named_page: for a page the question names, and half of it for what stands there.
        named_section: for what stands in a section the question names.
        type_cue: for figures where the question speaks of a chart, for tables where it speaks of a table.
    """

    page_elements: float = 0.5
    element_page: float = 0.6
    named: float = 1.0
    named_page: float = 1.0
    named_section: float = 0.2
    type_cue: float = 0.15


@dataclass(frozen=True, slots=True)
class Ranked:
    """An element's id or a page with its score and the reasons for it, the strongest first."""

    score: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    element: IndexedElement | Element
    score: float
    reasons: list[str]


# A long table is not about less than a short line: lengths count for little within a page.
ELEMENT_PARAMETERS = Parameters(weights=(1.0, 2.0, 0.5, 1.0), lengths=(0.2, 0.2, 0.3, 0.2))
PAGE_PARAMETERS = Parameters(weights=(1.0, 0.0, 0.0, 0.0))


def rank(
    library: Library,
    question: str,
    documents: Sequence[StoredDocument],
    *,
    whole_library: bool,
    weights: Weights = Weights(),
) -> tuple[dict[str, Ranked], dict[tuple[str, int], Ranked]]:
    """Scores of the elements (by id) and pages (by document id and number) that bear on `question`.

    Args:
        documents: where to look.
        whole_library: these are all there are; then candidates come by the database's own ranking, else all that match.
    """
    scope = None if whole_library else [document.id for document in documents]
    tokens = _tokens(library, question, scope)
    elements = _by_words(library, tokens, scope, pages_only=False)
    pages = _by_words(library, tokens, scope, pages_only=True)
    page_scores = {(found.element.document_id, found.element.page): found for found in pages.values()}
    _lift_named_elements(library, question, scope, elements, weights)
    named_pages = _named_pages(library, question, documents)
    return (
        _element_ranking(elements, page_scores, named_pages, question, weights),
        _page_ranking(elements, page_scores, named_pages, weights),
    )


def _tokens(library: Library, question: str, scope: Sequence[str] | None) -> dict[str, str]:
    """What the question is about in each language of the documents, as their words are stemmed; with the word asked."""
    languages = [language or "en" for language in library.languages(scope)[:_MAX_LANGUAGES]] or ["en"]
    asked: dict[str, str] = {}
    for language in languages:
        words = {token: word.strip(_PUNCTUATION) for word in question.split() for token in analyse(word, language)}
        for token in analyse_question(question, language):
            asked.setdefault(token, words.get(token, token))
    return asked


def _by_words(
    library: Library, asked: Mapping[str, str], scope: Sequence[str] | None, *, pages_only: bool
) -> dict[str, _Found]:
    tokens = list(asked)
    candidates = library.match(tokens, documents=scope, pages_only=pages_only)
    statistics = library.statistics(scope, pages_only=pages_only)
    if scope is None:
        frequencies: Mapping[str, int] = library.token_counts(tokens, pages_only=pages_only)
    else:
        wanted = set(tokens)
        frequencies = Counter(
            token for c in candidates for token in wanted & {t for field in c.tokens.all() for t in field}
        )
    collection = Collection(statistics.count, frequencies, statistics.mean_lengths)
    parameters = PAGE_PARAMETERS if pages_only else ELEMENT_PARAMETERS
    best = sum(idf(collection.count, frequencies.get(token, 0)) for token in tokens) or 1.0
    found = {}
    for candidate in candidates:
        scores = term_scores(tokens, candidate.tokens, collection, parameters)
        words = dict.fromkeys(asked[token] for token in sorted(scores, key=lambda token: -scores[token]))
        found[candidate.id] = _Found(candidate, sum(scores.values()) / best, ["words: " + ", ".join(list(words)[:6])])
    return found


def _lift_named_elements(
    library: Library, question: str, scope: Sequence[str] | None, found: dict[str, _Found], weights: Weights
) -> None:
    """ "Table 3" in the question lifts the element of that name; "section 4.2" what stands in it, a little."""
    for mention in find_mentions(question):
        bearers = library.labelled(scope, mention.label) or library.labelled(scope, mention.parent_label)
        for element in bearers:
            if element.type == "caption" and element.target_id:
                continue  # its figure bears the same label
            entry = found.setdefault(element.id, _Found(element, 0.0, []))
            entry.score += weights.named
            entry.reasons.insert(0, f"the question names {element.label}")
            if element.type == "section_header":
                _lift_section(library, element, found, weights)


def _lift_section(library: Library, header: Element, found: dict[str, _Found], weights: Weights) -> None:
    path = (*header.section_path, header.text)
    for element in library.elements_of(header.document_id):
        if element.section_path[: len(path)] == path and element.id in found:
            found[element.id].score += weights.named_section
            found[element.id].reasons.insert(0, f"in {header.label}, which the question names")


def _named_pages(library: Library, question: str, documents: Sequence[StoredDocument]) -> dict[tuple[str, int], float]:
    """Pages that the question names, in each document; the likeliest reading first and strongest."""
    if not find_page_mentions(question, 10**6):
        return {}
    named = {}
    for document in documents:
        labels = [page.label for page in library.pages(document.id)]
        for position, number in enumerate(find_page_mentions(question, document.pages, labels)):
            named[document.id, number] = 1.0 - 0.02 * position
    return named


def _element_ranking(
    elements: dict[str, _Found],
    pages: Mapping[tuple[str, int], _Found],
    named_pages: Mapping[tuple[str, int], float],
    question: str,
    weights: Weights,
) -> dict[str, Ranked]:
    cues: dict[ElementType, bool] = {
        "figure": bool(_FIGURE_WORDS.search(question)),
        "table": bool(_TABLE_WORDS.search(question)),
    }
    ranking = {}
    for key, found in elements.items():
        element, reasons = found.element, found.reasons
        place = (element.document_id, element.page)
        score = found.score * _LIGHT.get(element.type, 1.0)
        if place in pages:
            score += weights.element_page * pages[place].score
        if place in named_pages:
            score += 0.5 * weights.named_page * named_pages[place]
            reasons = [f"on page {element.page}, which the question names", *reasons]
        if cues.get(element.type):
            score += weights.type_cue
        ranking[key] = Ranked(score, tuple(reasons))
    return ranking


def _page_ranking(
    elements: Mapping[str, _Found],
    pages: Mapping[tuple[str, int], _Found],
    named_pages: Mapping[tuple[str, int], float],
    weights: Weights,
) -> dict[tuple[str, int], Ranked]:
    best: dict[tuple[str, int], float] = {}
    for found in elements.values():
        place = (found.element.document_id, found.element.page)
        best[place] = max(best.get(place, 0.0), found.score * _LIGHT.get(found.element.type, 1.0))
    ranking = {}
    for place in {*pages, *best, *named_pages}:
        words = pages[place].score if place in pages else 0.0
        score = words + weights.page_elements * best.get(place, 0.0) + weights.named_page * named_pages.get(place, 0.0)
        ranking[place] = Ranked(score, ())
    return ranking
