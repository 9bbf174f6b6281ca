"""Gathers what speaks for each element and page that may bear on a question. Weighing it is the ranker's business.

Candidates are whatever holds a word of the question or another name of what it speaks of, and what the question names
("Table 3", "slide 12"), which is looked up through labels and pages, not matched.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from svrag.documents.model import Element, ElementType
from svrag.graph.mentions import find_mentions, find_page_mentions
from svrag.library import full_text
from svrag.library.full_text import IndexedElement
from svrag.library.store import Library, StoredDocument
from svrag.retrievers.lexical.analysis import analyse
from svrag.retrievers.lexical.bm25 import Collection, Parameters, idf, term_scores
from svrag.retrievers.lexical.fields import IndexedFields, in_text
from svrag.retrievers.lexical.spelling import may_be_misspelt, meant
from svrag.retrievers.lexical.thesaurus import Names
from svrag.search.ranker import ElementEvidence, PageEvidence
from svrag.search.reading import Question, read_question

Place = tuple[str, int]
"""A page: the id of its document and its number."""

# A long table is not about less than a short line: lengths count for little within a page.
ELEMENT_PARAMETERS = Parameters(weights=(1.0, 2.0, 0.5, 1.0), lengths=(0.2, 0.2, 0.3, 0.2))
PAGE_PARAMETERS = Parameters(weights=(1.0, 0.0, 0.0, 0.0))
# A caption is shown with its figure, a heading with what it heads.
_LIGHT: Mapping[ElementType, float] = {"section_header": 0.5, "caption": 0.8}
_MAX_LANGUAGES = 3
# Of a whole library so many elements and pages are looked at closely, by the database's own BM25, and more where more
# are wanted.
_LEAST_ELEMENTS = 120
_LEAST_PAGES = 60
# Of a whole library, the commonest tokens are not looked for where there are rarer ones: what they alone find hardly
# ever ranks high, and finding it takes most of the time. They count in what the others find.
_MOST_FOUND = 2000
_RARER = 3
_GAP = 2  # tokens between two that still stand near each other
_WINDOW = 80  # characters that hold so many tokens, unless they are very long
_LONG_PAGE = 1096  # words: ln(1097) is 7
_NUMBER = re.compile(r" \d")


@dataclass(slots=True)
class Found:
    """An element that may bear on the question and what speaks for it.

    Attributes:
        named: in words, what of the question names it or where it is, the most telling first.
        words: of the question, those it holds, the weightiest first.
        said: names for what the question speaks of that it holds.
    """

    id: str
    place: Place
    type: ElementType
    evidence: ElementEvidence
    named: list[str] = field(default_factory=list)
    words: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    def reasons(self) -> tuple[str, ...]:
        """Why it was found, for people."""
        words = ["words: " + ", ".join(self.words[:6])] if self.words else []
        said = ["speaks of " + ", ".join(self.said[:4])] if self.said else []
        return (*self.named, *words, *said)


@dataclass(frozen=True, slots=True)
class Gathered:
    """All candidates for a question, elements by id."""

    elements: Mapping[str, Found]
    pages: Mapping[Place, PageEvidence]

    def element_evidence(self, page_scores: Mapping[Place, float]) -> dict[str, ElementEvidence]:
        """The elements' evidence with that of their pages, which have to be weighed first."""
        return {
            id: found.evidence._replace(page=page_scores.get(found.place, 0.0)) for id, found in self.elements.items()
        }


@dataclass(frozen=True, slots=True)
class _Match:
    """How well one candidate fits the question's words. `scores`: what each token adds to its BM25."""

    element: IndexedElement
    scores: Mapping[str, float]
    words: float
    pairs: float
    things: float
    said: tuple[str, ...]


def gather(
    library: Library, text: str, documents: Sequence[StoredDocument], *, whole_library: bool, k: int = 10
) -> Gathered:
    """What speaks for the elements and pages of `documents`.

    Args:
        whole_library: these are all there are; then the best candidates come by the database's own ranking.
        k: how many elements and pages are wanted.
    """
    scope = None if whole_library else [document.id for document in documents]
    languages = [language or "en" for language in library.languages(scope)[:_MAX_LANGUAGES]] or ["en"]
    question = read_question(text, languages, _speller(library, text, languages))
    elements = _matches(library, question, scope, max(_LEAST_ELEMENTS, 2 * k), pages_only=False)
    pages = _matches(library, question, scope, max(_LEAST_PAGES, k), pages_only=True)
    found = {match.element.id: _found(match, question) for match in elements}
    named_places = _named_pages(library, text, documents)
    if len(documents) == 1:
        _add_named_page(library, named_places, found)
    named_elements = _named_elements(library, text, scope, found)
    for entry in found.values():
        if entry.place in named_places:
            entry.named.insert(0, f"on page {entry.place[1]}, which the question names")
    return Gathered(found, _page_evidence(library, question, found.values(), pages, named_elements, named_places))


def _speller(library: Library, text: str, languages: Sequence[str]) -> Callable[[str], str]:
    """What a token of `text` stands for: itself, or the one it is a misspelling of where no document has it."""
    tokens = [token for language in languages for token in analyse(text, language) if may_be_misspelt(token)]
    known = full_text.token_counts(library, tokens, pages_only=True)
    read_as = {token: meant(token, full_text.tokens_like(library, token[:2])) for token in {*tokens} - known.keys()}
    return lambda token: read_as.get(token, token)


# Words ---------------------------------------------------------------------------------------------------------------


def _matches(
    library: Library, question: Question, scope: Sequence[str] | None, limit: int, *, pages_only: bool
) -> list[_Match]:
    tokens = list(question.asked)
    other_names = list(dict.fromkeys(name.tokens for names in question.things for name in names))
    statistics = full_text.statistics(library, scope, pages_only=pages_only)
    frequencies: Mapping[str, int] = {}
    terms = list(dict.fromkeys([*tokens, *other_names]))
    if scope is None:
        frequencies = full_text.token_counts(library, terms, pages_only=pages_only)
        terms = _rarer(terms, frequencies)
    candidates = full_text.match(library, terms, documents=scope, pages_only=pages_only, limit=limit)
    texts = [candidate.fields.text for candidate in candidates]
    padded = [(token, in_text(token)) for token in tokens]
    present = [[token for token, looked_for in padded if looked_for in text] for text in texts]
    if scope is not None:
        frequencies = Counter(itertools.chain.from_iterable(present))
    collection = Collection(statistics.count, frequencies, statistics.mean_lengths)
    rarity = {token: idf(collection.count, frequencies.get(token, 0)) for token in tokens}
    parameters = PAGE_PARAMETERS if pages_only else ELEMENT_PARAMETERS
    pairs_asked = [(*pair, min(rarity[pair[0]], rarity[pair[1]]), in_text(" ".join(pair))) for pair in question.pairs]
    spoken_of = [[_name_in(text, names) for text in texts] for names in question.things]
    # What none of them speaks of says nothing, and is not missed in any.
    things = [
        (names, idf(collection.count, min(holding, collection.count)))
        for names in spoken_of
        if (holding := sum(map(bool, names)))
    ]
    best, best_pairs = sum(rarity.values()) or 1.0, sum(weight for _, _, weight, _ in pairs_asked) or 1.0
    best_things = sum(weight for _, weight in things) or 1.0
    matches = []
    for n, (candidate, held, text) in enumerate(zip(candidates, present, texts, strict=True)):
        scores = term_scores(held, candidate.fields, collection, parameters)
        pairs = 0.0
        for first, second, weight, together in pairs_asked:
            if first in held and second in held:
                pairs += weight * (1.0 if together in text else 0.5 if _near(text, first, second) else 0.0)
        matches.append(
            _Match(
                candidate,
                scores,
                words=sum(scores.values()) / best,
                pairs=pairs / best_pairs,
                things=sum(weight for names, weight in things if names[n]) / best_things,
                said=tuple(names[n] for names, _ in things if names[n]),
            )
        )
    return matches


def _rarer(terms: Sequence[str], frequencies: Mapping[str, int]) -> list[str]:
    """The rarest of `terms`, so many as together find `_MOST_FOUND`, and some at least. Phrases are never common."""
    found = 0
    common = set()
    for n, (frequency, term) in enumerate(
        sorted((frequencies[term], term) for term in set(terms) & frequencies.keys())
    ):
        found += frequency
        if n >= _RARER and found > _MOST_FOUND:
            common.add(term)
    return [term for term in terms if term not in common]


def _name_in(text: str, names: Names) -> str:
    """The first of `names`, as it is written, that stands in a text of `IndexedFields`; "" when none does."""
    return next((name.written for name in names if in_text(name.tokens) in text), "")


def _near(text: str, first: str, second: str) -> bool:
    """Whether `second` stands at most `_GAP` tokens before or after `first` in a text of `IndexedFields`."""
    looked_for = in_text(first)
    at = text.find(looked_for)
    while at >= 0:
        end = at + len(looked_for)
        after = text[end : end + _WINDOW].split(maxsplit=_GAP + 1)[: _GAP + 1]
        before = text[max(0, at - _WINDOW) : at].rsplit(maxsplit=_GAP + 1)[-_GAP - 1 :]
        if second in after or second in before:
            return True
        at = text.find(looked_for, end - 1)
    return False


# Elements ------------------------------------------------------------------------------------------------------------


def _found(match: _Match, question: Question) -> Found:
    element = match.element
    kind = element.type
    heavy = sorted(match.scores, key=match.scores.__getitem__, reverse=True)
    return Found(
        element.id,
        (element.document_id, element.page),
        kind,
        ElementEvidence(
            words=match.words * _LIGHT.get(kind, 1.0),
            pairs=match.pairs,
            things=match.things,
            area=min(1.0, element.area),
            figure=float(kind == "figure"),
            table=float(kind == "table"),
            figure_wanted=float(kind == "figure" and question.wants_figure),
            table_of_numbers=float(kind == "table" and question.wants_number),
        ),
        words=tuple(dict.fromkeys([question.asked[token] for token in heavy])),
        said=match.said,
    )


def _named_elements(library: Library, text: str, scope: Sequence[str] | None, found: dict[str, Found]) -> set[Place]:
    """Marks the elements of the names in `text`, and what stands in sections it names; returns where those are."""
    places: set[Place] = set()
    for mention in find_mentions(text):
        bearers = library.labelled(scope, mention.label) or library.labelled(scope, mention.parent_label)
        for element in bearers:
            if _shown_with_another(element):
                continue
            entry = found.setdefault(element.id, _unmatched(element))
            entry.evidence = entry.evidence._replace(named=1.0)
            entry.named.insert(0, f"the question names {element.label}")
            places.add(entry.place)
            if element.type == "section_header":
                _mark_section(library, element, found)
    return places


def _add_named_page(library: Library, places: Mapping[Place, float], found: dict[str, Found]) -> None:
    """Where no element of the page that is named most likely was found, all are: "Summarise page 12"."""
    if not places:
        return
    place = max(places, key=places.__getitem__)
    if any(entry.place == place for entry in found.values()):
        return
    for element in library.elements_of(place[0]):
        if element.page == place[1] and element.type != "page" and not _shown_with_another(element):
            found[element.id] = _unmatched(element)


def _shown_with_another(element: Element) -> bool:
    """A caption, whose figure or table bears the same label."""
    return element.type == "caption" and bool(element.target_id)


def _unmatched(element: Element) -> Found:
    """An element without a word of the question."""
    figure, table = float(element.type == "figure"), float(element.type == "table")
    evidence = ElementEvidence(figure=figure, table=table)
    return Found(element.id, (element.document_id, element.page), element.type, evidence)


def _mark_section(library: Library, header: Element, found: Mapping[str, Found]) -> None:
    path = (*header.section_path, header.text)
    for element in library.elements_of(header.document_id):
        if element.section_path[: len(path)] == path and (entry := found.get(element.id)):
            entry.evidence = entry.evidence._replace(named_section=1.0)
            entry.named.insert(0, f"in {header.label}, which the question names")


# Pages ---------------------------------------------------------------------------------------------------------------


def _named_pages(library: Library, text: str, documents: Sequence[StoredDocument]) -> dict[Place, float]:
    """Pages that the question names, in each document; the likeliest reading first and strongest."""
    if not find_page_mentions(text, 10**6):
        return {}
    named = {}
    for document in documents:
        labels = library.page_labels(document.id)
        for position, number in enumerate(find_page_mentions(text, document.pages, labels)):
            named[document.id, number] = max(0.0, 1.0 - 0.02 * position)
    return named


def _page_evidence(
    library: Library,
    question: Question,
    elements: Iterable[Found],
    pages: Iterable[_Match],
    named_elements: set[Place],
    named_pages: Mapping[Place, float],
) -> dict[Place, PageEvidence]:
    matched = {(match.element.document_id, match.element.page): match for match in pages}
    best: dict[Place, float] = {}
    for entry in elements:
        best[entry.place] = max(best.get(entry.place, 0.0), entry.evidence.words)
    places = {*matched, *best, *named_pages}
    figures = library.pages_with("figure", places) if question.wants_figure else set()
    found = {}
    for place in places:
        here = matched.get(place)
        length, numbers = _length_and_numbers(here.element.fields, question) if here else (_LONG_PAGE, 0.0)
        found[place] = PageEvidence(
            words=here.words if here else 0.0,
            best_element=best.get(place, 0.0),
            pairs=here.pairs if here else 0.0,
            things=here.things if here else 0.0,
            named_element=float(place in named_elements),
            named_page=named_pages.get(place, 0.0),
            figure=float(place in figures),
            figures=min(1.0, 3.0 * numbers),
            brevity=max(0.0, 1.0 - math.log1p(length) / math.log1p(_LONG_PAGE)),
        )
    return found


def _length_and_numbers(fields: IndexedFields, question: Question) -> tuple[int, float]:
    """How many tokens there are and, where the question asks for a number, the share of numbers among them."""
    length = fields.length
    return length, len(_NUMBER.findall(fields.text)) / max(1, length) if question.wants_number else 0.0
