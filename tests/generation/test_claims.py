from __future__ import annotations

import pytest

from svrag.generation.claims import unsupported
from tests.generation.evidence import BOWLS, CHART, KILN, LOSSES, element

EVIDENCE = {1: KILN, 2: BOWLS, 3: LOSSES, 4: CHART}


@pytest.mark.parametrize(
    "text",
    [
        "318 grams [2].",
        "42 bowls were weighed [2].",  # forty-two there
        "Nine hours, that is 9 hours, at 1,240 degrees [1].",
        "In the South 11 of 38 broke [3].",
        "The mean is 318.0 g [2].",
        "1. 318 grams [2]\n2. 1240 degrees [1]",
        "318 grams, Figure 3 says [4].",
        "The CO2 of kiln A3 is not told [1].",
        "318 grams. [2]",
        "It weighs 318 grams. That is the mean [2].",
        "Table 2 on page 1 has it [3].",
    ],
)
def test_numbers_that_stand_there(text: str) -> None:
    assert unsupported(text, EVIDENCE, "How heavy?") == ()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("319 grams [2].", ("319",)),
        ("It took 318 hours [1].", ("318",)),  # stands elsewhere only
        ("27 more in the North [3], of 42 [3].", ("27",)),
        ("It weighs 31.8 grams [2].", ("31.8",)),
        ("1999 and 1999 again [1].", ("1999",)),
        ("300 g were expected. 318 g it was [2].", ("300",)),
        ("The answer is 77", ("77",)),
    ],
)
def test_numbers_that_do_not(text: str, numbers: tuple[str, ...]) -> None:
    assert unsupported(text, EVIDENCE, "How heavy?") == numbers


def test_numbers_of_the_question_may_be_repeated() -> None:
    assert unsupported("In 1999 it was 318 grams [2].", EVIDENCE, "How heavy was it in 1999?") == ()


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("$1.2 billion", "1200 million dollars [1]"),
        ("$1.2 billion", "$1,200,000,000 [1]"),
        ("1 234 567 Menschen", "1,234,567 people [1]"),
        ("1.234,5 Euro", "1234.5 euros [1]"),
        ("12,5 Prozent", "12.5 percent [1]"),
        ("5.0%", "5 % [1]"),
        ("3.4M users", "3.4 million users [1]"),
        ("1’234 Franken", "1234 francs [1]"),
    ],
)
def test_ways_to_write_a_number(there: str, said: str) -> None:
    assert unsupported(said, {1: element(there)}, "") == ()
