from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from svrag.cli import main
from svrag.documents.model import Document
from svrag.library.encoding import encode_missing_sparse
from svrag.library.store import Library
from svrag.retrievers.dense.passages import passages
from svrag.retrievers.sparse.encoder import SparseEncoder, Terms, load_sparse
from svrag.search import sparse
from svrag.search.engine import search
from svrag.search.fusion import WEIGHT
from svrag.search.sparse import rank
from tests.library.made import add, document, filled
from tests.retrievers.dense.networks import write_splade


class Counting(SparseEncoder):
    """Words are terms, weighed by how often they are said; five to a passage."""

    def __init__(self) -> None:
        self.name = self.fingerprint = "counting"
        self.known: dict[str, int] = {}
        self.encoded: list[str] = []

    def questions(self, texts: Sequence[str]) -> list[Terms]:
        return [self._weighed(text) for text in texts]

    def passages(self, texts: Sequence[str], on_progress: object = None) -> list[Terms]:
        self.encoded += texts
        return self.questions(texts)

    def windows(self, text: str, context: str = "") -> list[str]:
        words = text.split()
        return [" ".join([context, *words[i : i + 5]]) for i in range(0, len(words), 5)]

    def _weighed(self, text: str) -> Terms:
        ids = [self.known.setdefault(word.strip(".").lower(), len(self.known)) for word in text.split()]
        terms, counts = np.unique(np.array(ids, dtype=np.int32), return_counts=True)
        return Terms(terms, counts.astype(np.float32))


@pytest.fixture
def encoder() -> Counting:
    return Counting()


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def by_brute_force(made: Sequence[Document], encoder: Counting, question: str) -> dict[str, float]:
    """The greatest sum of products of each element's or page's passages, by id, where there is one."""
    asked = dict(zip(*map(np.ndarray.tolist, _arrays(encoder._weighed(question))), strict=True))
    best: dict[str, float] = {}
    for one in made:
        elements = [*one.elements, *one.page_elements()]
        cut = passages(elements, encoder)
        for text, position in zip(cut.texts, cut.positions, strict=True):
            terms = encoder._weighed(text)
            score = sum(asked.get(i, 0.0) * w for i, w in zip(terms.ids.tolist(), terms.weights.tolist(), strict=True))
            if score:
                best[elements[position].id] = max(best.get(elements[position].id, 0.0), score)
    return best


def _arrays(terms: Terms) -> tuple[np.ndarray, np.ndarray]:
    return terms.ids, terms.weights


def ranked(
    library: Library, encoder: Counting, question: str, documents: Sequence[str] | None = None
) -> dict[str, float]:
    """Elements and pages, by id."""
    encode_missing_sparse(library, library.documents(), encoder)
    stored = [one for one in library.documents() if documents is None or one.id in documents]
    elements, pages = rank(library, question, stored, whole_library=documents is None, encoder=encoder)
    return {
        **{key: found.score for key, found in elements.items()},
        **{f"{key}.{number}": found.score for (key, number), found in pages.items()},
    }


def test_the_ranking_is_that_of_brute_force(library: Library, tmp_path: Path, encoder: Counting) -> None:
    made = filled(library, tmp_path)
    for question in ("bowl bowl hours", "kiln 3", "zeppelin"):
        assert ranked(library, encoder, question) == pytest.approx(by_brute_force(made, encoder, question))
        within = ranked(library, encoder, question, [made[2].id, made[0].id])
        assert within == pytest.approx(by_brute_force([made[0], made[2]], encoder, question))
    assert ranked(library, encoder, "zeppelin") == {}
    assert rank(library, "bowl", [], whole_library=True, encoder=encoder) == ({}, {})


def test_of_a_whole_library_the_best_come_back(
    library: Library, tmp_path: Path, encoder: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparse, "_CANDIDATES", 5)
    made = filled(library, tmp_path)
    found, everything = ranked(library, encoder, "bowl 5"), by_brute_force(made, encoder, "bowl 5")
    pages = {element.id for one in made for element in one.page_elements()}
    for kind in (pages, everything.keys() - pages):
        best = sorted((everything[key] for key in kind & everything.keys()), reverse=True)[:5]
        assert sorted((score for key, score in found.items() if key in kind), reverse=True) == pytest.approx(best)


def test_documents_come_and_go(library: Library, tmp_path: Path, encoder: Counting) -> None:
    made = filled(library, tmp_path, count=3)
    ranked(library, encoder, "bowl")
    library.remove(made[0].id)
    new = add(library, tmp_path, document("new.pdf", "Bowl of ash."))
    encoder.encoded.clear()
    assert ranked(library, encoder, "bowl") == pytest.approx(by_brute_force([*made[1:], new], encoder, "bowl"))
    assert encoder.encoded
    assert not any("hours" in text for text in encoder.encoded)


def test_fused_with_words_and_from_the_command_line(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(library, tmp_path, count=2)
    folder = str(write_splade(tmp_path / "splade"))
    words = search(library, "kiln bowls", retriever="lexical")
    both = search(library, "kiln bowls", retriever=f"lexical,splade:{folder}")
    assert both.retriever == f"lexical,splade:{folder}"
    assert both.hits[0].score <= words.hits[0].score + WEIGHT + 1e-6
    assert any(reason.startswith("shares learnt terms (") for reason in both.hits[0].reasons)
    assert main(["search", "kiln", "--library", str(library.folder), "--retriever", folder, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hits"]
    assert main(["search", "kiln", "--library", str(library.folder), "--retriever", "splade"]) == 1
    assert "splade needs a checkpoint" in capsys.readouterr().err
    assert load_sparse(folder).name == folder
