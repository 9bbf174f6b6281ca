from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from svrag.cli import main
from svrag.documents.model import Document
from svrag.errors import InputError
from svrag.evaluation import demo
from svrag.library.encoding import encode_missing
from svrag.library.store import Library
from svrag.library.tokens.identity import IndexSettings
from svrag.retrievers.dense.encoder import TextEncoder, load_encoder
from svrag.retrievers.dense.passages import fingerprint
from svrag.search import dense, encoding
from svrag.search.dense import rank
from svrag.search.engine import retrievers_named, search
from svrag.search.fusion import WEIGHT
from tests.library.made import add, document, filled
from tests.retrievers.dense.checkpoints import write_encoder

PAPER = "fog_collectors_paper.pdf"


class Hashing(TextEncoder):
    """Random directions in place of meanings, the same for the same text; words as tokens, five to a passage."""

    def __init__(self) -> None:
        self.name = self.fingerprint = "hashing"
        self.dimension, self.cosine = 16, True
        self.encoded: list[str] = []

    def questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._vector(text) for text in texts])

    def passages(
        self, texts: Sequence[str], on_progress: Callable[[int, int], None] = lambda done, total: None
    ) -> NDArray[np.float32]:
        self.encoded += texts
        on_progress(len(texts), len(texts))
        return np.stack([self._vector(text) for text in texts])

    def windows(self, text: str, context: str = "") -> list[str]:
        words = text.split()
        return [" ".join([context, *words[i : i + 5]]) for i in range(0, len(words), 5)]

    def _vector(self, text: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        vector = np.random.default_rng(seed).normal(size=self.dimension).astype(np.float32)
        return vector / np.linalg.norm(vector)


@pytest.fixture
def encoder() -> Hashing:
    return Hashing()


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def by_brute_force(documents: Sequence[Document], encoder: Hashing, question: str) -> dict[str, float]:
    """The greatest cosine of each element's or page's passages, by id."""
    query = encoder.questions([question])[0]
    scores = {}
    for made in documents:
        for element in [*made.elements, *made.page_elements()]:
            words = "\n".join(filter(None, (element.caption, element.text)))
            windows = encoder.windows(words, " > ".join(element.section_path))
            if windows and not (element.type == "caption" and element.target_id):
                scores[element.id] = max(float(encoder._vector(window) @ query) for window in windows)
    return scores


def ranked(
    library: Library, encoder: Hashing, question: str, documents: Sequence[str] | None = None
) -> dict[str, float]:
    """Elements and pages, by id."""
    stored = [one for one in library.documents() if documents is None or one.id in documents]
    encode_missing(library, stored, encoder)
    elements, pages = rank(library, question, stored, whole_library=documents is None, encoder=encoder)
    return {
        **{key: found.score for key, found in elements.items()},
        **{f"{key}.{number}": found.score for (key, number), found in pages.items()},
    }


@pytest.mark.parametrize("block", [3, 16384])
def test_the_ranking_is_that_of_brute_force(
    library: Library, tmp_path: Path, encoder: Hashing, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(dense, "_BLOCK", block)
    made = filled(library, tmp_path)
    for question in ("bowl", "hours", "kiln 3"):
        # Vectors are kept in half precision.
        assert ranked(library, encoder, question) == pytest.approx(by_brute_force(made, encoder, question), abs=2e-3)
        within = ranked(library, encoder, question, [made[1].id])
        assert within == pytest.approx(by_brute_force(made[1:2], encoder, question), abs=2e-3)


def test_of_a_whole_library_the_closest_come_back(
    library: Library, tmp_path: Path, encoder: Hashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense, "_CANDIDATES", 7)
    made = filled(library, tmp_path)
    everything = by_brute_force(made, encoder, "bowl")
    pages = {element.id for one in made for element in one.page_elements()}
    found = ranked(library, encoder, "bowl")
    for kind in (pages, everything.keys() - pages):
        best = sorted((everything[key] for key in kind & everything.keys()), reverse=True)[:7]
        kept = {key: score for key, score in found.items() if key in kind}
        assert sorted(kept.values(), reverse=True) == pytest.approx(best, abs=2e-3)  # which of equals is left open
        assert all(score == pytest.approx(everything[key], abs=2e-3) for key, score in kept.items())


def test_documents_come_and_go(library: Library, tmp_path: Path, encoder: Hashing) -> None:
    made = filled(library, tmp_path, count=3)
    ranked(library, encoder, "bowl")
    library.remove(made[0].id)
    new = add(library, tmp_path, document("new.pdf", "Ash is salt."))
    encoder.encoded.clear()
    assert ranked(library, encoder, "bowl") == pytest.approx(
        by_brute_force([*made[1:], new], encoder, "bowl"), abs=2e-3
    )
    assert encoder.encoded
    assert all("Ash is salt." in text or "Firing" in text or "kilns" in text for text in encoder.encoded)


def by_index(library: Library, encoder: Hashing, question: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The ranking where every library is large enough for an index."""
    with monkeypatch.context() as large:
        large.setattr(dense, "_WORTH_AN_INDEX", 1)
        return ranked(library, encoder, question)


@pytest.mark.parametrize("candidates", [3, 1000])
def test_an_index_finds_what_the_scan_finds(
    library: Library, tmp_path: Path, encoder: Hashing, monkeypatch: pytest.MonkeyPatch, candidates: int
) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr(dense, "_CANDIDATES", candidates)
    made = filled(library, tmp_path, count=12)

    def agree() -> None:
        for question in ("bowl", "hours", "kiln 3"):
            found, expected = by_index(library, encoder, question, monkeypatch), ranked(library, encoder, question)
            assert sorted(found.values()) == pytest.approx(sorted(expected.values()), abs=1e-5)
            same = found.keys() & expected.keys()  # which of equals comes is left open
            assert all(found[key] == pytest.approx(expected[key], abs=1e-5) for key in same)

    agree()
    assert (library.folder / "nearest").is_dir()
    library.remove(made[0].id)
    agree()
    assert not any(key.startswith(made[0].id) for key in by_index(library, encoder, "kiln 0", monkeypatch))
    add(library, tmp_path, document("new.pdf", "Ash is salt."))  # not in the index, and too little to make it anew
    agree()
    (best, *_) = sorted(by_index(library, encoder, "Ash is salt.", monkeypatch).items(), key=lambda one: -one[1])
    assert best[1] == pytest.approx(max(ranked(library, encoder, "Ash is salt.").values()), abs=1e-5)
    for one in made[1:9]:
        library.remove(one.id)
    agree()


def test_only_what_is_missing_is_encoded_and_what_is_done_stays(
    library: Library, tmp_path: Path, encoder: Hashing
) -> None:
    made = filled(library, tmp_path, count=3)
    stored = library.documents()
    encode_missing(library, stored[:1], encoder)
    told: list[str] = []

    def stop_at_the_third(name: str, done: int, total: int) -> None:
        told.append(name)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_missing(library, stored, encoder, stop_at_the_third)
    assert told == [stored[1].name, stored[2].name]
    assert library.encoded_by(fingerprint(encoder)) == {one.id for one in stored[:2]}
    assert len(made) == 3


def test_an_empty_library(library: Library, encoder: Hashing) -> None:
    assert rank(library, "bowl", [], whole_library=True, encoder=encoder) == ({}, {})


def test_names_of_retrievers() -> None:
    assert retrievers_named("dense, lexical") == ("lexical", "dense")
    assert retrievers_named("dense,dense") == ("dense",)
    for wrong in ("magic", "lexical,magic"):
        with pytest.raises(InputError, match=r"unknown retriever 'magic': use lexical, dense, dpr, openai"):
            retrievers_named(wrong)
    for wrong in ("", " ", "lexical,", ",lexical", "dense,,lexical"):
        with pytest.raises(InputError, match="a retriever is missing"):
            retrievers_named(wrong)


def test_what_both_find_has_the_reasons_of_both(
    library: Library, tmp_path: Path, encoder: Hashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "load_encoder", lambda name: encoder)
    filled(library, tmp_path, count=1)
    (word,) = {search(library, "bowl", retriever=name).retriever for name in ("dense,lexical", "lexical,dense")}
    assert word == "lexical,dense"
    reasons = [hit.reasons for hit in search(library, "bowl", k=20, retriever=word).hits]
    assert any("words" in said[0] and "close in meaning (" in said[-1] for said in reasons)
    hits = search(library, "zeppelin", retriever="dense").hits
    assert hits
    assert all(hit.reasons[0].startswith("close in meaning (") for hit in hits)


def test_models_with_one_vector_are_retrievers_by_their_folders(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(library, tmp_path, count=2)
    first, second = (str(write_encoder(tmp_path / name, seed=seed)) for seed, name in enumerate(("a", "b")))
    alone = search(library, "kiln", retriever=first)
    assert alone.retriever == first
    assert alone.hits
    assert [hit.score for hit in alone.hits] == [
        hit.score for hit in search(library, "kiln", retriever="dense", encoder=first).hits
    ], "the same model by another way"
    assert {library.documents()[0].id} < library.encoded_by(fingerprint(load_encoder(first)))
    both = search(library, "kiln", retriever=f"lexical,{first},{second}")
    assert sum(reason.startswith("close in meaning") for reason in both.hits[0].reasons) == 2
    command = ["search", "kiln", "--library", str(library.folder), "--retriever", f"lexical,{second}", "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["hits"]


def test_settings_of_token_vectors_are_not_of_models_with_one(library: Library, tmp_path: Path) -> None:
    folder = str(write_encoder(tmp_path / "a"))
    with pytest.raises(InputError, match="are of multi-vector models"):
        encoding.check(library, [folder], encoder="", settings=IndexSettings(), reindex=False)


def test_scores_of_no_fixed_size_are_scaled_before_they_are_added(
    library: Library, tmp_path: Path, encoder: Hashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors fifty times as long: alone the scores are 2,500 times as large, fused the words count as before."""

    class Long(Hashing):
        def _vector(self, text: str) -> NDArray[np.float32]:
            return 50 * super()._vector(text)

    filled(library, tmp_path, count=2)
    long = Long()
    long.cosine = False
    monkeypatch.setattr(encoding, "load_encoder", lambda name: long)
    alone = search(library, "bowl 3", retriever="dense", k=50)
    assert max(hit.score for hit in alone.hits) > 100
    words = search(library, "bowl 3", retriever="lexical", k=50)
    both = search(library, "bowl 3", retriever="lexical,dense", k=50)
    assert words.hits[0].score <= both.hits[0].score <= words.hits[0].score + WEIGHT
    assert both.hits[0].element.text.count("bowl 3")


# Encoding takes seconds, and minutes on a busy machine without a GPU.
slow = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def demo_library(tmp_path_factory: pytest.TempPathFactory, minilm: str) -> Path:
    """The demo paper, encoded as it was added."""
    folder = tmp_path_factory.mktemp("demo") / "library"
    paper = Path(__file__).parents[2] / "demo_data" / "documents" / PAPER
    wanted = ["--library", str(folder), "--workers", "1", "--retriever", "lexical,dense", "--encoder", minilm]
    assert main(["add", str(paper), *wanted]) == 0
    return folder


@slow
def test_questions_on_the_demo_paper(demo_library: Path, minilm: str) -> None:
    asked = [q for q in demo.load(None).questions if q.document == PAPER and q.usable_for_pages]
    with Library.open(demo_library) as library:
        (stored,) = library.documents()
        assert library.encoded_by(fingerprint(load_encoder(minilm))) == {stored.id}
        for retriever, least in (("dense", 0.8), ("lexical,dense", 0.9)):
            hits = [
                any(
                    page.page in question.evidence_pages
                    for page in search(
                        library, question.question, documents=[stored.id], retriever=retriever, encoder=minilm
                    ).pages[:3]
                )
                for question in asked
            ]
            assert sum(hits) / len(asked) >= least, (retriever, hits)


@slow
def test_no_word_in_common(demo_library: Path, minilm: str) -> None:
    question = "Was there ever an electricity outage?"
    with Library.open(demo_library) as library:
        closest = search(library, question, retriever="dense", encoder=minilm).hits[0]
    assert "the logger had lost power" in closest.element.text
    assert closest.reasons[0].startswith("close in meaning (0.")


@slow
def test_searching_from_the_command_line(demo_library: Path, minilm: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--library", str(demo_library), "--retriever", "dense,lexical", "--encoder"]
    assert main(["search", "lost power", "--json", *options, minilm]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["retriever"] == "lexical,dense"
    assert said.err == ""
    assert main(["search", "lost power", *options, str(demo_library / "nowhere")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("svrag: no encoder in ")
