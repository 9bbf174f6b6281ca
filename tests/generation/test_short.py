from __future__ import annotations

import pytest

from svrag.generation.asking import understand
from svrag.generation.short import short_answer


def short(question: str, sentence: str) -> str:
    return short_answer(question, understand(question), sentence)


@pytest.mark.parametrize(
    ("question", "sentence", "words"),
    [
        ("What percentage of the bowls broke?", "In 2015, 23.5 % of the bowls broke.", "23.5 %"),
        ("What share of the kilns is gas-fired?", "Of 40 kilns, about 12 percent are gas-fired.", "about 12 percent"),
        ("What percentage of the bowls broke?", "Thirty-five percent (35 %) broke.", "Thirty-five percent (35 %)"),
        ("What is the rate of interest in percent?", "It is between 2 and 3, or 5 to 6 % for others.", "5 to 6 %"),
        ("How many bowls were fired in 2015?", "The north kiln fired 1,342 bowls in 2015.", "1,342"),
        ("How many potters work at the kiln?", "On 3 May, twelve potters worked at the kiln.", "twelve"),
        (
            "How many people live there?",
            "More than 1.4 billion people live there, see Figure 3.",
            "More than 1.4 billion",
        ),
        ("How many kilns may the firm sell?", "The firm may sell no more than two kilns.", "no more than two"),
        ("How many bowls does the potter get?", "The potter gets twenty-three (23) bowls.", "twenty-three (23)"),
        ("How many years does it last?", "It lasts five (5) years.", "five (5)"),
        ("What is the number of kilns in Fife?", "Fife has 18 kilns [4].", "18"),
        ("In which year was the kiln built?", "The kiln was built in 1907 for £3,000.", "1907"),
        ("When was the kiln opened?", "It was opened on May 12, 1907 by the mayor.", "May 12, 1907"),
        ("When does the lease end?", "The lease ends on 3 March 2021.", "3 March 2021"),
        ("How much did the kiln cost?", "The kiln cost $2.5 million and took 3 years.", "$2.5 million"),
        ("How long is the kiln heated?", "The kiln is heated for 14 days at 900 degrees.", "14 days"),
        ("What is the initial term of the lease?", "The initial term is two to 3 year(s).", "two to 3 year(s)"),
    ],
)
def test_what_is_asked_for_is_taken_as_it_stands(question: str, sentence: str, words: str) -> None:
    assert short(question, sentence) == words
    assert words in sentence


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("What percentage of the bowls broke?", "Of the bowls 23 % broke in 2015 and 31 % in 2016."),  # which?
        ("What percentage of the bowls broke?", "Of 300 bowls, 12 broke."),  # no percentage
        ("How many bowls broke in 2015?", "In 2015 the bowls broke."),  # the question's own number
        ("How many bowls broke?", "Bowls that broke are shown in Figure 3."),  # a label
        ("How many bowls broke?", "Bowls broke in 2015."),  # a year is no count
        ("How many Scots make pots?", "The three largest kilns sell most pots."),  # counts something else
        ("In which year was the kiln built?", "Built in 1907, it was enlarged in 1922."),
        ("What does clay do when it is fired?", "Clay shrinks, as Rossi found in 2014."),  # asks for no date
        ("How much did the kiln cost?", "The kiln cost more than anyone had feared in 1907."),
        ("By how much did the weight fall?", "A weight that cost $300 lasts longer."),
        ("How many kilns may the firm sell?", "The firm may not sell more than two kilns."),  # that is two at most
        ("How many people came on three ships?", "They came on three ships."),  # the question's own, in words
        ("How many potters had the kiln?", "The kiln offers its potters a 401(k) plan."),
        ("Did 12 percent of the bowls break?", "Of the bowls 12 percent broke."),  # yes
        ("How did the percentage of broken bowls change?", "In 2015, 12 percent of the bowls broke."),
        ("What percentage broke, and why?", "In 2015, 12 percent of the bowls broke."),
        ("How long is the bridge?", "The 300 metre bridge was built in 2 years."),
        ("Who built the kiln?", "The kiln was built by Ann Lee in 1907."),
        ("Why did 3 bowls break?", "Because 12 percent of the clay was wet."),
    ],
)
def test_what_is_not_clear_is_left_to_the_sentence(question: str, sentence: str) -> None:
    assert short(question, sentence) == ""
