from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import element_step
from svrag.graph.build import build_graph
from svrag.library.store import Library
from tests.library.made import document
from tests.retrievers.elements.tiny import write_bert

PAGES = next((Path(__file__).parents[2] / "demo_data").rglob("*.pdf"))
"""What tables are cut out of: whatever is on it."""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    with Library.open(tmp_path / "library") as library:
        for name in ("kilns", "bowls"):
            made = document(f"{name}.pdf", f"As Table 1 shows, {name} are hot.", "It was long ago.", pages=1)
            library.add(made, build_graph(made), PAGES)
    return tmp_path / "library"


def run(capsys: pytest.CaptureFixture[str], library: Path, *more: str) -> tuple[list[int], dict[str, list[int]]]:
    """Candidates, distinct ones and pictures; passes and tokens of each way."""
    arguments = ["--library", str(library), "--batch", "6", "--repeats", "1", *more]
    assert element_step.main(arguments) == 0, "the gradients differ"
    first, *lines = capsys.readouterr().out.splitlines()
    ways = {line.split(":")[0]: [int(n) for n in re.findall(r"(\d+) (?:passes|tokens)", line)] for line in lines}
    return [int(n) for n in re.findall(r"\d+", first)][1:], ways


def test_all_ways_have_the_same_gradients(tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (candidates, distinct, seen), ways = run(capsys, library, "--text", str(write_bert(tmp_path / "bert")))
    assert candidates > distinct > 0 == seen, "pools share elements"
    passes, tokens = zip(*(ways[name] for name in ("as the original", "without its padding", "together")), strict=True)
    assert passes[0] == passes[1] > candidates, "anchors and candidates one by one"
    assert passes[2] == 3, "anchors, documents, and anchors without their places"
    assert tokens[0] == 64 * passes[0] > tokens[1] > tokens[2] > 0, "elements that pools share are read once"


def test_pictures_are_seen_once(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (candidates, distinct, seen), ways = run(capsys, library, "--tiny")
    assert candidates > distinct > seen > 0
    assert ways["together"][0] == 4, "texts and pictures of the documents apart"


def test_anchors_that_draw_together_leave_less_to_read(
    tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = str(write_bert(tmp_path / "bert"))
    (candidates, distinct, _), _ = run(capsys, library, "--text", text, "--pool", "6")
    (grouped, fewer, _), _ = run(capsys, library, "--text", text, "--pool", "6", "--group", "6")
    assert grouped / fewer > candidates / distinct
