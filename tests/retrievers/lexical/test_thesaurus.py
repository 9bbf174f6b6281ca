"""What a question speaks of, by any name."""

from __future__ import annotations

import json

import pytest

from svrag.retrievers.lexical import thesaurus
from svrag.retrievers.lexical.thesaurus import related


def things(question: str) -> list[str]:
    return [names[0].written for names in related(question)]


def test_another_name_of_the_same_thing() -> None:
    (names,) = related("How much capex was there?")
    assert names[0].written == "capex"
    assert "purchas properti equip" in {name.tokens for name in names}


def test_a_ratio_is_computed_from_lines_of_the_statements() -> None:
    assert things("What is the quick ratio?")[:2] == ["total current assets", "total current liabilities"]


def test_the_longest_name_wins() -> None:
    assert "operating cash flow" not in things("What is the operating cash flow ratio?")
    assert things("What is the operating cash flow ratio?") == ["cash from operations", "total current liabilities"]


def test_nothing_twice_though_named_twice() -> None:
    found = things("Current ratio and net working capital, current assets by current liabilities")
    assert len(found) == len(set(found)) > 0


@pytest.mark.parametrize("question", ["", "???", "Who threw the bowls?"])
def test_a_question_that_speaks_of_nothing_known(question: str) -> None:
    assert related(question) == []


def test_the_file_is_as_it_is_read() -> None:
    written = json.loads(thesaurus._FILE.read_text(encoding="utf-8"))
    assert set(written) == {"same", "from"}
    for group in written["same"]:
        assert len(group) > 1, f"{group} has nothing that is the same"
    known = {name for group in written["same"] for name in group}
    for ratio, parts in written["from"].items():
        assert parts, ratio
        assert set(parts) <= known, f"{ratio}: {set(parts) - known} have no other names"
