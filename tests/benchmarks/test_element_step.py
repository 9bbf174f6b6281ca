from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import element_step
from svrag.library.store import Library
from tests.library.made import add, document
from tests.retrievers.elements.tiny import write_bert


def test_both_ways_have_the_same_gradients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Library.open(tmp_path / "library") as library:
        for name in ("kilns", "bowls"):
            add(library, tmp_path, document(f"{name}.pdf", f"As Table 1 shows, {name} are hot.", "It was long ago."))
    tower = write_bert(tmp_path / "bert")
    arguments = ["--library", str(tmp_path / "library"), "--text", str(tower), "--batch", "6", "--repeats", "1"]
    assert element_step.main(arguments) == 0, "the gradients differ"
    printed = capsys.readouterr().out
    candidates, distinct = (int(part.split()[0]) for part in printed.split(":")[0].split(","))
    assert candidates > distinct > 0, "pools share elements"
    assert float(printed.split("ratio ")[1].split(";")[0]) > 2
    together, one_by_one = (
        int(part.split()[0]) for part in printed.split("tokens read ")[1].split(";")[0].split(" and ")
    )
    assert 0 < together < one_by_one, "elements that pools share are read once"
