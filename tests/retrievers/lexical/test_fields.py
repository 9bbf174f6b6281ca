"""Looking for substrings finds what comparing tokens finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from svrag.retrievers.lexical.fields import FieldTokens, IndexedFields, in_text

tokens = st.lists(st.sampled_from(["a", "ab", "b", "kiln", "kilns", "1200", "|"]), max_size=8).map(tuple)
documents = st.builds(FieldTokens, tokens, tokens, tokens, tokens)


@given(documents, st.sampled_from(["a", "ab", "b", "kiln", "1200", "salt"]))
def test_counts_are_those_of_the_tokens(document: FieldTokens, token: str) -> None:
    counts = IndexedFields.of(document).counts(token)
    assert (counts or (0, 0, 0, 0)) == tuple(field.count(token) for field in document.all())
    assert (counts is None) == all(token not in field for field in document.all())


@given(documents)
def test_lengths_are_those_of_the_tokens(document: FieldTokens) -> None:
    assert IndexedFields.of(document).lengths == document.lengths()


@given(documents, st.lists(st.sampled_from(["a", "ab", "b", "kiln"]), min_size=1, max_size=3))
def test_phrases_stand_together_in_one_field(document: FieldTokens, phrase: list[str]) -> None:
    together = any(list(field[i : i + len(phrase)]) == phrase for field in document.all() for i in range(len(field)))
    assert (in_text(" ".join(phrase)) in IndexedFields.of(document).text) == together
