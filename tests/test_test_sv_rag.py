"""The test_sv_rag program: what it prints and writes, its errors, and once as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("peft")
import tiny_sv_rag
from svrag.evaluation import deck_answers
from svrag.evaluation.deck_answers import main
from tests.evaluation.test_decks import write_decks

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    tiny_sv_rag.write(folder)
    return folder


def test_truth_and_answer_of_each_question(
    pair: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the demo pair, as without --model."""
    monkeypatch.setattr(deck_answers, "DEMO_PAIR", pair)
    data, out = write_decks(tmp_path / "decks"), tmp_path / "out.json"
    assert main(["--data", str(data), "--limit", "2", "--k", "3", "--json", str(out)]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "1. which is red  (colours)"
    assert lines[1] == "   truth   this"
    assert lines[2].startswith("   answer  ")
    for label in ("Top-1", "Top-5", "EM", "ANLS", "PNLS"):
        assert label in lines[3]
    assert len(lines) == 2 * 4 + 1
    assert "2 questions: retrieval" in lines[-1]
    assert "RANDOM" in said.err
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["adapter"] == str(pair / "answers")
    assert [len(one["read"]) for one in written["per_question"]] == [3, 3]
    first = [one["answer"] for one in written["per_question"]]
    assert all(first)
    base = ["--model", str(pair / "retriever"), "--data", str(data), "--limit", "2", "--k", "3", "--json", str(out)]
    assert main(base) == 0
    second = json.loads(out.read_text(encoding="utf-8"))
    assert [one["ranking"] for one in second["per_question"]] == [one["ranking"] for one in written["per_question"]]
    assert [one["answer"] for one in second["per_question"]] != first  # the base answers in place of the adapter


def test_errors_are_one_line(pair: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    data = str(write_decks(tmp_path / "decks"))
    monkeypatch.setattr(deck_answers, "DEMO_PAIR", tmp_path / "none")
    model = ["--model", str(pair / "retriever")]
    for arguments, line in (
        ([*model, "--data", str(tmp_path / "none.json")], "cannot read"),
        ([*model, "--data", data, "--k", "0"], "--k must be 1 or more"),
        ([*model, "--data", data, "--limit", "0"], "--limit must be 1 or more"),
        ([*model, "--data", data, "--json", str(tmp_path / "no" / "out.json")], "no folder"),
        ([*model, "--data", data, "--adapter", str(tmp_path / "no" / "adapter")], "no such folder"),
        (["--data", data], "tiny_sv_rag.py"),
    ):
        assert main(arguments) == 1, arguments
        *_, only = capsys.readouterr().err.splitlines()
        assert only.startswith("test_sv_rag: ")
        assert line in only


def test_the_program_with_the_demo_data(pair: Path, tmp_path: Path) -> None:
    """As a user starts it, without a network."""
    arguments = ["--model", str(pair / "retriever"), "--adapter", str(pair / "answers"), "--limit", "1"]
    run = subprocess.run(
        [sys.executable, str(ROOT / "test_sv_rag"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    assert "truth   10,240" in run.stdout
    assert "1 questions" in run.stdout
