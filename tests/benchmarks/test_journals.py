from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import journals


@dataclass(frozen=True)
class Plan:
    steps: int
    factors: tuple[int, ...] = (1, 2)


def test_a_journal_keeps_whole_results_of_one_plan(tmp_path: Path) -> None:
    journals.begin(tmp_path, Plan(2))
    journals.begin(tmp_path, Plan(2))
    journals.go_on(tmp_path, [("dense-1", lambda: {"arm": "dense"})])
    assert journals.kept(tmp_path) == [{"arm": "dense"}]
    assert json.loads((tmp_path / "plan.json").read_text())["steps"] == 2
    with pytest.raises(SystemExit, match="another plan"):
        journals.begin(tmp_path, Plan(3))


def test_it_goes_on_after_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made: list[str] = []

    def broken() -> dict[str, str]:
        made.append("b")
        raise KeyboardInterrupt

    def run(name: str) -> dict[str, str]:
        made.append(name)
        return {"name": name}

    with pytest.raises(KeyboardInterrupt):
        journals.go_on(tmp_path, [("a", lambda: run("a")), ("b", broken)])
    assert journals.kept(tmp_path) == [{"name": "a"}]
    journals.go_on(tmp_path, [("a", lambda: run("a")), ("b", lambda: run("b"))])
    assert made == ["a", "b", "b"]
    assert journals.kept(tmp_path) == [{"name": "a"}, {"name": "b"}]
    assert capsys.readouterr().out.splitlines() == ["1/2 a: 0 s", "2/2 b: 0 s"]
