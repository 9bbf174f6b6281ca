"""The test_retrieval program: what it prints and writes, its exit status, and once as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from svrag.evaluation import deck_retrieval
from svrag.evaluation.deck_program import RANDOM_MARK
from svrag.evaluation.deck_retrieval import main
from svrag.retrievers.multivector import loading
from tests.evaluation.test_decks import write_decks
from tests.retrievers.multivector.colours import ColourEncoder

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[1]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder that stands for a model which knows colours."""
    monkeypatch.setattr(loading, "load_multivector", lambda name: ColourEncoder(name=name))
    folder = tmp_path / "model"
    folder.mkdir()
    return str(folder)


def test_top_1_and_top_5_as_the_decks_go_by(model: str, tmp_path: Path, capsys: Capture) -> None:
    data = write_decks(tmp_path / "decks")
    arguments = ["--model", model, "--data", str(data), "--limit", "3", "--json", str(tmp_path / "out.json")]
    assert main(arguments) == 0
    said = capsys.readouterr()
    line, last = said.out.splitlines()
    assert line.split()[:5] == ["colours", "3", "questions", "so", "far"]
    assert "Top-1  66.7  Top-5 " in line
    assert last.startswith(f"{model}: Top-1 66.7, Top-5 ")
    assert said.err == ""
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["top"]["1"] == pytest.approx(2 / 3, abs=1e-6)
    assert len(written["per_question"]) == written["questions"] == 3
    assert main([*arguments, "--k", "2"]) == 0
    assert "Top-2 " in capsys.readouterr().out


def test_random_weights_and_skipped_decks_are_said(
    model: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(model) / RANDOM_MARK).touch()
    data = write_decks(tmp_path / "decks")
    text = data.read_text(encoding="utf-8").replace("https://pictures.example", "http://pictures.example")
    data.write_text(text, encoding="utf-8")
    assert main(["--model", model, "--data", str(data), "--cache", str(tmp_path / "cache")]) == 3
    random, skipped = capsys.readouterr().err.splitlines()
    assert "RANDOM" in random
    assert "chance" in random
    assert "skipped fetched: cannot fetch http://pictures.example/lime.png" in skipped
    assert "only https" in skipped


def test_errors_are_one_line(model: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    data = str(write_decks(tmp_path / "decks"))
    monkeypatch.setattr(deck_retrieval, "DEMO_MODEL", tmp_path / "none")
    for arguments, line in (
        (["--data", str(tmp_path / "none.json"), "--model", model], "cannot read"),
        (["--data", data, "--model", model, "--k", "0"], "from 1 on"),
        (["--data", data, "--model", model, "--limit", "0"], "1 or more"),
        (["--data", data, "--model", model, "--json", str(tmp_path / "no" / "out.json")], "no folder"),
        (["--data", data], "tiny_retriever.py"),
    ):
        assert main(arguments) == 1
        said = capsys.readouterr()
        assert said.out == ""
        (only,) = said.err.splitlines()
        assert only.startswith("test_retrieval: ")
        assert line in only


def test_the_program_with_a_tiny_model(tmp_path: Path) -> None:
    """The script's checkpoint and the demo decks in the layout of the seed, as a user starts them."""
    pytest.importorskip("transformers")
    from demo_data import tiny_retriever

    folder = tmp_path / "tiny"
    tiny_retriever.write(folder)
    image = tmp_path / "page.png"
    Image.new("RGB", (80, 60), "teal").save(image)
    deck = {"image_urls": ["page.png"] * 2, "question": ["What is teal?"], "answer": ["It"], "index_list": [[0, 1]]}
    (tmp_path / "decks.json").write_text(json.dumps({"one": deck}), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(ROOT / "test_retrieval"), "--model", str(folder), "--data", str(tmp_path / "decks.json")],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    assert "Top-1 100.0, Top-5 100.0 of 1 questions" in run.stdout
    assert "RANDOM" in run.stderr
