"""Looking for substrings finds what comparing tokens finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from svrag.retrievers.lexical.fields import FieldTokens, IndexedFields, in_text

tokens = st.lists(st.sampled_from(["a", "ab", "b", "kiln", "kilns", "1200", "|"]), max_size=8).map(tuple)
documents = st.builds(FieldTokens, tokens, tokens, tokens, tokens)


@given(documents, st.sampled_from(["a", "ab", "b", "kiln", "1200", "salt"]))
def test_counts_are_those_of_the_tokens(document: FieldTokens, token: str) -> None:
    indexed = {n: text for n, text, _ in IndexedFields.of(document).fields}
    for n, field in enumerate(document.all()):
        assert indexed.get(n, "").count(in_text(token)) == field.count(token)


@given(documents)
def test_lengths_are_those_of_the_tokens(document: FieldTokens) -> None:
    indexed = IndexedFields.of(document)
    assert {n: length for n, _, length in indexed.fields} == {n: k for n, k in enumerate(document.lengths()) if k}
    assert indexed.length == sum(document.lengths())


@given(documents, st.lists(st.sampled_from(["a", "ab", "b", "kiln"]), min_size=1, max_size=3))
def test_phrases_stand_together_in_one_field(document: FieldTokens, phrase: list[str]) -> None:
    together = any(list(field[i : i + len(phrase)]) == phrase for field in document.all() for i in range(len(field)))
    assert (in_text(" ".join(phrase)) in IndexedFields.of(document).text) == together
