from __future__ import annotations

import pytest

from svrag.generation.asking import holds, understand


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What percentage of bowls broke?", "percentage"),
        ("How many bowls broke?", "number"),
        ("How much did the kiln cost?", "money"),
        ("When was the kiln built?", "date"),
        ("Who built the kiln?", "person"),
        ("Who bears the cost of the kiln?", "person"),
        ("Where is the headquarters?", "place"),
        ("In which city is the firm based?", "place"),
        ("How long was it fired?", "duration"),
        ("For how many years is the lease?", "duration"),
        ("Since when has the kiln stood?", "date"),
        ("Tell me when the kiln was built", "date"),
        ("What does clay do when it is fired?", "any"),
        ("When clay is fired, what does it do?", "any"),
        ("Does the kiln stand where the river bends?", "any"),
        ("How many of the people who came were paid?", "number"),
        ("Wann wurde der Ofen gebaut?", "date"),
        ("Que fait l'argile quand on la chauffe ?", "any"),
        ("Wo liegt der Sitz der Firma?", "place"),
        ("Wie viele Schalen zerbrachen?", "number"),
        ("Why did the bowls break?", "reason"),
        ("What is meant by a bisque firing?", "definition"),
        ("Which bowls broke?", "any"),
    ],
)
def test_kinds_of_answers(question: str, kind: str) -> None:
    assert understand(question).kind == kind


@pytest.mark.parametrize(
    ("question", "yes", "no"),
    [
        ("What percentage broke?", "About 12 % broke.", "About 12 broke."),
        ("When was it built?", "It was built in May 1987.", "It was built slowly."),
        ("Who built it?", "It was built by Anna Rossi.", "it was built by a potter."),
        ("Who leads Rossi Ltd?", "Rossi Ltd is led by Ann Lee.", "Rossi Ltd is led by a potter."),
        ("Where is the headquarters?", "The headquarters is in Faenza.", "The headquarters was opened in May 1987."),
        ("Where is the Faenza kiln?", "The Faenza kiln is near Bologna.", "The Faenza kiln is large."),
        ("How long was it fired?", "It was fired for 14 days.", "It was fired at 900 degrees."),
        ("Wie lange wurde gebrannt?", "Es wurde 14 Tage gebrannt.", "Es wurde bei 900 Grad gebrannt."),
        ("How many broke?", "Eleven of them did.", "Some of them did."),
        ("How much did it cost?", "It cost $ 300.", "It cost a lot."),
    ],
)
def test_what_holds_such_an_answer(question: str, yes: str, no: str) -> None:
    assert holds(understand(question), yes)
    assert not holds(understand(question), no)


def test_the_number_of_the_question_is_no_answer() -> None:
    question = understand("How many bowls broke in 2015?")
    assert not holds(question, "In 2015 some bowls broke.")
    assert holds(question, "In 2015 some 11 bowls broke.")


def test_the_form_of_the_answer_is_not_looked_for() -> None:
    plain = understand("How many bowls broke in the northern kiln?")
    told = understand("How many bowls broke in the northern kiln? Write the answer in integer format.")
    assert plain.terms == told.terms
    assert understand("What is the expense?Answer in millions.").terms == understand("What is the expense?").terms


def test_an_instruction_alone_is_still_a_question() -> None:
    assert understand("List the values in alphabetical order").terms


def test_labels_and_names() -> None:
    question = understand("In Table 2, how many bowls did the South kiln break in FY2015?")
    assert question.labels == {"Table 2"}
    assert question.numbers == {"2015"}
    assert "2015" in question.names
    assert any(name.startswith("south") for name in question.names)
    assert not any(name.startswith("bowl") for name in question.names)


def test_pages_are_not_looked_for() -> None:
    asked = understand("How many bowls are on pages 3-5, slide 7 and the 6th page?")
    assert asked.numbers == frozenset()
    assert any(term.startswith("bowl") for term in asked.terms)


def test_a_shouted_question_names_nobody() -> None:
    assert understand("WHICH KILN BROKE MOST BOWLS?").names == frozenset()


@pytest.mark.parametrize("question", ["", "   ", "?!", "…"])
def test_no_words(question: str) -> None:
    assert understand(question).terms == ()


def test_a_very_long_question_is_read_in_time() -> None:
    assert understand("? list 1A" * 50_000).terms


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("How do fog collectors work?", ("fog", "collector")),
        ("how does the kiln work", ("kiln",)),
        ("How long do potters work?", ("long", "potter", "work")),
        ("Where do potters work?", ("potter", "work")),
    ],
)
def test_how_something_works_asks_for_no_work(question: str, terms: tuple[str, ...]) -> None:
    assert understand(question).terms == terms
