from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from svrag.errors import InputError, LibraryError
from svrag.library.indexing import index_missing, index_named, index_of, indexes_in
from svrag.library.store import Library
from svrag.library.tokens.identity import IndexSettings, UnitKind
from svrag.library.units import units_of
from svrag.search import encoding, engine
from svrag.search.engine import retrievers_named, search
from svrag.search.lexical import Ranked
from svrag.search.multivector import rank
from tests.library.made import add, document
from tests.retrievers.multivector.words import WordEncoder

QUESTION = "bowl 3 hours"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library.open(tmp_path / "library")
    for n in range(4):
        add(
            library, tmp_path, document(f"{n}.pdf", *(f"Kiln {n} fired bowl {i} for {i} hours." for i in range(6 + n)))
        )
    return library


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> WordEncoder:
    made = WordEncoder()
    monkeypatch.setattr(engine, "load_multivector", lambda name: made)
    monkeypatch.setattr(encoding, "load_multivector", lambda name: made)
    return made


def by_brute_force(library: Library, encoder: WordEncoder) -> dict[str, float]:
    """Mean MaxSim of each element and page, by id, in float64."""
    query = encoder.questions([QUESTION])[0].vectors.astype(np.float64)
    scores = {}
    for stored in library.documents():
        ids = [element.id for element in library.elements_of(stored.id)]
        for unit in units_of(library, stored, encoder, "cascade", lambda done, total: None):
            scores[ids[unit.position]] = float((query @ unit.vectors.T).max(axis=1).mean())
    return scores


def ranked(
    library: Library, encoder: WordEncoder, kind: UnitKind, documents: Sequence[str] | None = None
) -> tuple[dict[str, Ranked], dict[tuple[str, int], Ranked]]:
    stored = [one for one in library.documents() if documents is None or one.id in documents]
    index = index_of(library, encoder, IndexSettings(units=kind))
    index_missing(library, library.documents(), encoder, index)
    return rank(library, QUESTION, stored, whole_library=documents is None, encoder=encoder, index=index)


def test_scores_are_mean_maxsim(library: Library, encoder: WordEncoder) -> None:
    truth = by_brute_force(library, encoder)
    elements, pages = ranked(library, encoder, "cascade")
    for id, found in elements.items():
        assert found.score == pytest.approx(truth[id], abs=0.02)
    for (document_id, page), found in pages.items():
        assert found.score == pytest.approx(truth[f"{document_id}.{page}"], abs=0.02)
    assert len(pages) == sum(stored.pages for stored in library.documents())
    best = max(elements, key=lambda id: elements[id].score)
    assert truth[best] == pytest.approx(max(truth[id] for id in elements), abs=0.02)


def test_an_index_of_pages_ranks_no_elements_and_one_of_elements_ranks_pages(
    library: Library, encoder: WordEncoder
) -> None:
    elements, pages = ranked(library, encoder, "pages")
    assert not elements
    assert pages
    from svrag.library.tokens.index import drop

    drop(library, encoder.name)
    elements, pages = ranked(library, encoder, "elements")
    for (document_id, page), found in pages.items():
        own = [one.score for id, one in elements.items() if id.startswith(f"{document_id}.{page}.")]
        assert found.score == max(own)


def test_the_cascade_ranks_elements_of_the_best_pages_alone(
    library: Library, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("svrag.search.multivector._CASCADE_PAGES", 1)
    elements, pages = ranked(library, encoder, "cascade")
    best = max(pages, key=lambda place: pages[place].score)
    assert elements
    assert {tuple(id.rsplit(".", 2)[:2]) for id in elements} == {(best[0], str(best[1]))}


def test_only_the_documents_asked_for(library: Library, encoder: WordEncoder) -> None:
    wanted = library.documents()[1].id
    elements, pages = ranked(library, encoder, "cascade", [wanted])
    assert {id.split(".")[0] for id in elements} == {wanted} == {document_id for document_id, _ in pages}


def test_a_search_encodes_what_is_missing_once(library: Library, encoder: WordEncoder) -> None:
    told: list[str] = []
    found = search(library, QUESTION, retriever=encoder.name, on_encoding=lambda name, done, total: told.append(name))
    assert found.retriever == encoder.name
    assert "bowl 3" in found.hits[0].element.text
    assert sorted(set(told)) == sorted(one.name for one in library.documents())
    seen = len(encoder.seen)
    assert search(library, QUESTION, retriever=encoder.name).hits == found.hits
    assert len(encoder.seen) == seen


def test_fused_with_words_both_reasons_are_told(library: Library, encoder: WordEncoder) -> None:
    both = search(library, QUESTION, retriever=f"lexical,{encoder.name}")
    assert both.retriever == f"lexical,{encoder.name}"
    assert any("token by token" in reason for reason in both.hits[0].reasons)


def test_pages_alone_lift_the_elements_that_words_find(library: Library, encoder: WordEncoder) -> None:
    index_of(library, encoder, IndexSettings(units="pages"))
    alone = search(library, QUESTION, retriever=encoder.name)
    assert {hit.element.type for hit in alone.hits} == {"page"}
    both = search(library, QUESTION, retriever=f"lexical,{encoder.name}")
    assert both.hits[0].element.type == "text"
    assert any("token by token" in reason for reason in both.hits[0].reasons)


def test_other_weights_are_refused_and_can_be_indexed_anew(
    library: Library, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(library, QUESTION, retriever=encoder.name)
    other = WordEncoder(fingerprint="f1")
    monkeypatch.setattr(engine, "load_multivector", lambda name: other)
    monkeypatch.setattr(encoding, "load_multivector", lambda name: other)
    with pytest.raises(LibraryError, match="--reindex"):
        search(library, QUESTION, retriever=encoder.name)
    encoding.check(library, [other.name], encoder="", settings=None, reindex=True)
    assert search(library, QUESTION, retriever=other.name).hits
    assert [(one.identity.name, one.documents) for one in indexes_in(library)] == [(other.name, 4)]


def test_other_settings_are_refused(library: Library, encoder: WordEncoder) -> None:
    index_of(library, encoder, IndexSettings(pool_factor=2))
    assert index_of(library, encoder).identity.settings.pool_factor == 2
    with pytest.raises(LibraryError, match="--reindex"):
        index_of(library, encoder, IndexSettings(pool_factor=3))


def test_models_live_side_by_side(library: Library) -> None:
    first, second = WordEncoder("made/a"), WordEncoder("made/b", fingerprint="f9")
    for encoder in (first, second):
        index_missing(library, library.documents()[:2], encoder, index_of(library, encoder))
    library.remove(library.documents()[0].id)
    assert [(one.identity.name, one.documents) for one in indexes_in(library)] == [("made/a", 1), ("made/b", 1)]
    with pytest.raises(LibraryError, match="made/a, made/b"):
        index_named(library, "made/c")


def test_settings_of_a_model_need_a_model(library: Library) -> None:
    with pytest.raises(InputError, match="--retriever"):
        encoding.check(library, ["lexical"], encoder="", settings=IndexSettings(), reindex=False)


def test_retrievers_are_named_in_one_order() -> None:
    assert retrievers_named("vidore/colqwen2-v1.0, lexical") == ("lexical", "vidore/colqwen2-v1.0")
    with pytest.raises(InputError, match="unknown retriever 'colqwen'"):
        retrievers_named("lexical,colqwen")
