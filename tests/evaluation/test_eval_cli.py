"""`svrag eval` and `svrag eval compare` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from svrag.cli import main
from svrag.cli.evaluating import BENCHMARKS as NAMED
from svrag.evaluation.benchmarks import BENCHMARKS
from svrag.evaluation.result import EvalResult
from svrag.evaluation.result_json import to_json, written
from tests.evaluation.results_made import record, result

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str]:
    """Two result files: the second finds every page second."""
    for name, pages in (("A", (1, 2)), ("B", (2, 1))):
        made = result(("lexical", [record(n, pages, {1}, document=f"{'ab'[n % 2]}.pdf") for n in range(6)]))
        (tmp_path / f"{name}.json").write_text(written(to_json(made)))
    return str(tmp_path / "A.json"), str(tmp_path / "B.json")


def one_line(capture: Capture) -> str:
    lines = capture.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("svrag: ")
    return lines[0]


def test_every_benchmark_can_be_asked_for() -> None:
    assert list(BENCHMARKS) == list(NAMED)


def test_a_run_prints_tables_that_fit_and_writes_file_and_report(
    demo_run: tuple[EvalResult, Path], tmp_path: Path, capsys: Capture
) -> None:
    pytest.importorskip("matplotlib")
    out, report = tmp_path / "out.json", tmp_path / "report"
    arguments = ["eval", "demo", "--library", str(demo_run[1]), "--limit", "3", "--baselines"]
    arguments += ["--json", str(out), "--report", str(report), "--resume", str(tmp_path / "run.jsonl")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "page_hit@1" in printed
    assert max(map(len, printed.splitlines())) <= 80
    told = json.loads(out.read_text())
    assert (told["benchmark"], told["retriever"], told["questions"]) == ("demo", "lexical", 3)
    assert {path.name for path in report.iterdir()} == {"report.html", "report.md"}
    assert len((tmp_path / "run.jsonl").read_text().splitlines()) == 1 + 3 * 3
    assert main(arguments) == 0  # all from the journal


def test_compare_prints_and_writes(runs: tuple[str, str], tmp_path: Path, capsys: Capture) -> None:
    assert main(["eval", "compare", "--json", str(tmp_path / "c.json"), *runs]) == 0
    printed = capsys.readouterr().out
    assert "+1.000" in printed
    assert f"first: {runs[0]}" in printed
    told = json.loads((tmp_path / "c.json").read_text())
    assert (
        told["metrics"]["page_hit@1"] | {"first": 1, "second": 0, "difference": 1, "interval": [1, 1]}
        == told["metrics"]["page_hit@1"]
    )


@pytest.mark.parametrize(
    "arguments",
    [["eval"], ["eval", "squad"], ["eval", "compare"], ["eval", "compare", "A.json"], ["eval", "demo", "x"]],
)
def test_wrong_usage(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    capsys.readouterr()


def test_bad_input_is_one_line(runs: tuple[str, str], tmp_path: Path, capsys: Capture) -> None:
    assert main(["eval", "compare", runs[0], str(tmp_path / "none.json")]) == 1
    assert "none.json" in one_line(capsys)
    (tmp_path / "other.json").write_text("[]")
    assert main(["eval", "compare", runs[0], str(tmp_path / "other.json")]) == 1
    assert "other.json is not a result" in one_line(capsys)
    assert main(["eval", "demo", "--json", str(tmp_path / "no" / "out.json")]) == 1
    assert "there is no folder" in one_line(capsys)
    assert main(["eval", "demo", "--retriever", "lexical", "--retriever", "lexical"]) == 1
    assert "named twice" in one_line(capsys)
    assert main(["eval", "mmlongbench", "--data", str(tmp_path)]) == 1
    assert "questions.json" in one_line(capsys)


def test_a_journal_that_is_something_else_is_left_alone(
    demo_run: tuple[EvalResult, Path], tmp_path: Path, capsys: Capture
) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("my notes, without a line end")
    arguments = ["eval", "demo", "--library", str(demo_run[1]), "--limit", "1", "--resume"]
    assert main([*arguments, str(other)]) == 1
    assert "is not a journal" in one_line(capsys)
    assert other.read_text() == "my notes, without a line end"
    assert main([*arguments, str(tmp_path)]) == 1
    assert "cannot write" in one_line(capsys)
