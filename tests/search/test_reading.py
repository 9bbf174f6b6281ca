"""A question as the retriever reads it."""

from __future__ import annotations

from svrag.search.reading import read_question


def test_words_and_pairs() -> None:
    question = read_question('Which colour has the "salt glaze" of the Meissen bowls in the chart?', ["en"])
    assert question.asked["glaze"] == "glaze"
    assert question.asked["bowl"] == "bowls"
    assert ("salt", "glaze") in question.pairs
    assert ("glaze", "meissen") in question.pairs
    assert question.wants_figure
    assert not question.wants_number


def test_what_kind_of_answer_is_asked_for() -> None:
    assert read_question("How many kilns were fired?", ["en"]).wants_number


def test_a_misspelt_word_is_read_as_meant_everywhere() -> None:
    question = read_question("salt Glzae of bowls", ["en"], lambda token: "glaze" if token == "glzae" else token)
    assert question.asked["glaze"] == "Glzae"
    assert ("salt", "glaze") in question.pairs


def test_each_language_of_the_documents_has_its_stems() -> None:
    question = read_question("Schalen aus Ton", ["de", "en"])
    assert {"schal", "schalen"} <= set(question.asked)
