"""The scores against a second implementation: one field is plain BM25, which bm25s computes too."""

from __future__ import annotations

import math
from collections import Counter

import bm25s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.retrievers.lexical.bm25 import Collection, Parameters, idf, term_scores
from svrag.retrievers.lexical.fields import FieldTokens, IndexedFields

words = st.sampled_from(["kiln", "bowl", "clay", "salt", "fire"])
texts = st.lists(st.lists(words, min_size=1, max_size=12), min_size=2, max_size=8)
ONE_FIELD = Parameters(k1=1.2, weights=(1.0, 0.0, 0.0, 0.0), lengths=(0.75, 0.0, 0.0, 0.0))


def fields(**tokens: tuple[str, ...]) -> IndexedFields:
    return IndexedFields.of(FieldTokens(**tokens))


def collection(documents: list[list[str]]) -> Collection:
    frequencies = Counter(word for document in documents for word in set(document))
    return Collection(len(documents), frequencies, (sum(map(len, documents)) / len(documents), 0.0, 0.0, 0.0))


@given(texts, st.lists(words, min_size=1, max_size=4, unique=True))
def test_one_field_is_plain_bm25(documents: list[list[str]], question: list[str]) -> None:
    ours = [
        sum(term_scores(question, fields(body=tuple(d)), collection(documents), ONE_FIELD).values()) for d in documents
    ]
    peer = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    peer.index(documents, show_progress=False)
    known = [word for word in question if any(word in document for document in documents)]
    theirs = peer.get_scores(known) if known else [0.0] * len(documents)
    # bm25s' "lucene" leaves the constant factor k1 + 1 out, as ours does.
    assert ours == pytest.approx(list(map(float, theirs)), abs=1e-4)


def test_a_word_in_the_caption_counts_by_its_weight() -> None:
    whole = Collection(10, {"kiln": 2}, (5.0, 5.0, 5.0, 5.0))
    flat = Parameters(weights=(1.0, 2.0, 0.5, 1.0), lengths=(0.0, 0.0, 0.0, 0.0))
    scores = {
        name: term_scores(["kiln"], fields(**{name: ("kiln",)}), whole, flat)["kiln"]
        for name in ("body", "caption", "heading", "cells")
    }
    assert scores["caption"] > scores["body"] == scores["cells"] > scores["heading"] > 0
    assert scores["caption"] == pytest.approx(idf(10, 2) * 2.0 / (1.2 + 2.0))


@given(st.integers(1, 1000), st.integers(0, 1000))
def test_rarer_words_count_more(count: int, frequency: int) -> None:
    frequency = min(frequency, count)
    assert idf(count, frequency) > 0 or frequency == count
    if frequency:
        assert idf(count, frequency) < idf(count, frequency - 1)
    assert math.isfinite(idf(count, frequency))


def test_words_that_are_not_there_have_no_score() -> None:
    whole = Collection(10, {"kiln": 2}, (5.0, 0.0, 0.0, 0.0))
    assert term_scores(["salt"], fields(body=("kiln",)), whole, ONE_FIELD) == {}
