"""The one search that the command line, the app, the benchmarks and Python callers use."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence

from svrag.documents.model import Element
from svrag.errors import InputError
from svrag.library.encoding import Progress, silent
from svrag.library.indexing import index_of
from svrag.library.store import Library, StoredDocument
from svrag.retrievers.dense.loading import FAMILIES
from svrag.retrievers.kinds import BUILT_IN, is_retriever_name, kind_of
from svrag.retrievers.multivector.loading import load_multivector
from svrag.retrievers.sparse.encoder import load_sparse
from svrag.search import dense, lexical, multivector, sparse
from svrag.search.encoding import encode, single_vectors
from svrag.search.fusion import Rankings, fused, scaled
from svrag.search.lexical import Ranked
from svrag.search.result import Hit, PageHit, SearchResult
from svrag.settings import DEFAULT_ENCODER

_LEAST_PAGES = 10


def search(
    library: Library,
    question: str,
    *,
    k: int = 10,
    documents: Sequence[str] | None = None,
    retriever: str = "lexical",
    encoder: str = DEFAULT_ENCODER,
    on_encoding: Progress = silent,
) -> SearchResult:
    """The `k` elements and the pages (at least ten, where there are as many) that bear most on `question`.

    Hits are figures, tables, paragraphs and the like; a page is a hit only where nothing on it is. A caption is shown
    as its figure or table.

    Args:
        documents: ids to look in; None looks everywhere.
        retriever: "lexical", "dense" or models by name or folder, separated by commas; several are fused.
            Documents that a model has not encoded yet are encoded first, and the vectors kept in the library.
        encoder: of the dense retriever: a name on the Hugging Face Hub or a folder.
        on_encoding: told of what is encoded.

    Raises:
        InputError: the question has no words, a document or a retriever is unknown, a model cannot be used.
        LibraryError: the library cannot be read, or not be written to where vectors are missing, or its vectors were
            made with other weights.
        ServerError: a model runs on a server that gives no answer.
    """
    chosen = retrievers_named(retriever)
    if not any(character.isalnum() for character in question):
        raise InputError("the question has no words: ask in words")
    started = time.perf_counter()
    stored = library.documents()
    names = {document.id: document.name for document in stored}
    if documents is not None:
        for document_id in documents:
            if document_id not in names:
                raise InputError(
                    f"unknown document {document_id!r}: the list of documents shows what is in the library"
                )
        wanted = set(documents)
        stored = [document for document in stored if document.id in wanted]
    whole = len(stored) == len(names)
    encode(library, stored, chosen, encoder=encoder, on_encoding=on_encoding)
    rankings: list[Rankings] = []
    for name in chosen:
        kind = kind_of(name)
        if kind == "lexical":
            rankings.append(lexical.rank(library, question, stored, whole_library=whole, k=k))
        elif kind == "single":
            model = single_vectors(name, encoder=encoder)
            found = dense.rank(library, question, stored, whole_library=whole, encoder=model)
            rankings.append(found if model.cosine or len(chosen) == 1 else scaled(found))
        elif kind == "sparse":
            found = sparse.rank(library, question, stored, whole_library=whole, encoder=load_sparse(name))
            rankings.append(found if len(chosen) == 1 else scaled(found))
        else:
            tokens = load_multivector(name)
            index = index_of(library, tokens)
            found = multivector.rank(library, question, stored, whole_library=whole, encoder=tokens, index=index)
            rankings.append(found)
    elements, pages = functools.reduce(fused, rankings)
    page_hits = _page_hits(_filled_up(pages, stored), names, max(k, _LEAST_PAGES))
    hits = _hits(library, elements, names, k) or _pages_as_hits(
        library, [hit for hit in page_hits if hit.score], pages, k
    )
    return SearchResult(question, tuple(hits), tuple(page_hits), ",".join(chosen), time.perf_counter() - started)


def retrievers_named(text: str) -> tuple[str, ...]:
    """The retrievers in a list like "lexical,dense", each once: those of svrag first, then the models.

    Raises:
        InputError: one is unknown, or none is named.
    """
    named = list(dict.fromkeys(name.strip() for name in text.split(",")))
    if "" in named:
        raise InputError(f"a retriever is missing in {text!r}: name one, or several with commas between them")
    for name in named:
        if not is_retriever_name(name):
            raise InputError(
                f"unknown retriever {name!r}: use lexical, dense, {', '.join(FAMILIES)}, splade:MODEL, a model on the "
                "Hugging Face Hub (OWNER/NAME) or a folder with one, or several with commas between them"
            )
    return (*(name for name in BUILT_IN if name in named), *(name for name in named if name not in BUILT_IN))


def _hits(library: Library, ranking: Mapping[str, Ranked], names: Mapping[str, str], k: int) -> list[Hit]:
    ordered = sorted(ranking, key=lambda key: (-ranking[key].score, key))
    hits: list[Hit] = []
    taken: set[str] = set()
    for start in range(0, len(ordered), 2 * k):
        some = library.elements(ordered[start : start + 2 * k])
        targets = {
            e.id: e for e in library.elements([e.target_id for e in some if e.type == "caption" and e.target_id])
        }
        for element in some:
            shown = targets.get(element.target_id, element)
            if shown.id in taken:
                continue
            taken.add(shown.id)
            found = ranking[element.id]
            hits.append(Hit(len(hits) + 1, shown, names[shown.document_id], found.score, found.reasons))
            if len(hits) == k:
                return hits
    return hits


def _filled_up(
    ranking: Mapping[tuple[str, int], Ranked], documents: Sequence[StoredDocument]
) -> Mapping[tuple[str, int], Ranked]:
    """With pages that share no word with the question at score 0, from the first on, where one document is searched.

    "What is the title?" occurs on no page and is answered on the first.
    """
    if len(documents) != 1 or len(ranking) >= _LEAST_PAGES:
        return ranking
    (document,) = documents
    rest = {(document.id, number): Ranked(0.0, ()) for number in range(1, document.pages + 1)}
    return {**rest, **ranking}


def _page_hits(ranking: Mapping[tuple[str, int], Ranked], names: Mapping[str, str], count: int) -> list[PageHit]:
    ordered = sorted(ranking, key=lambda place: (-ranking[place].score, place))[:count]
    return [
        PageHit(rank, document, names[document], page, ranking[document, page].score)
        for rank, (document, page) in enumerate(ordered, start=1)
    ]


def _pages_as_hits(
    library: Library, page_hits: Sequence[PageHit], ranking: Mapping[tuple[str, int], Ranked], k: int
) -> list[Hit]:
    """The best pages as elements, for documents whose pages hold no elements or questions that only name a page."""
    found: list[tuple[Element, PageHit]] = []
    for hit in page_hits[:k]:
        found += [(element, hit) for element in library.elements([f"{hit.document_id}.{hit.page}"])]
    return [
        Hit(rank, element, hit.document_name, hit.score, ranking[hit.document_id, hit.page].reasons)
        for rank, (element, hit) in enumerate(found, start=1)
    ]
