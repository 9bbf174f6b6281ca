"""`svrag train` and train_colbert.py as a user types them: what is printed, what is left on disk, exit statuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from svrag.cli import main
from svrag.console.training import training_rows
from svrag.retrievers.multivector.loading import load_multivector
from svrag.training.trainer import RetrievalTrainer
from tests.patience import PATIENCE
from tests.training.models.families import FAMILIES

Capture = pytest.CaptureFixture[str]
SCRIPT = Path(__file__).parents[2] / "scripts" / "train" / "train_colbert.py"

WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model of texts, pairs, and a recipe that trains the one on the others."""
    folder = tmp_path_factory.mktemp("prepared")
    model = FAMILIES["text"](folder)
    rows = [{"query": word, "document": f"the {word} one", "negatives": ["none of them"]} for word in WORDS]
    rows.append({"query": "", "document": "nobody asks"})
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "recipe.yaml").write_text(
        f"model: {{kind: retriever, name: {model}}}\n"
        "adapter: {rank: 4, alpha: 8, dropout: 0.0}\n"
        f"data:\n  train: {{kind: pairs, path: {folder / 'pairs.jsonl'}}}\n"
        f"  held_out: {{kind: pairs, path: {folder / 'pairs.jsonl'}, limit: 4}}\n"
        "loss: {name: infonce, score: mean, temperature: 0.1}\n"
        "optimisation: {steps: 4, batch: 3, rate: 1e-2, precision: float32}\n"
        "evaluation: {every: 2, metric: mrr}\n"
        f"output: {{folder: {folder / 'never'}, log_every: 1, tensorboard: false}}\n"
    )
    return folder


def train(prepared: Path, *options: str) -> int:
    return main(["train", str(prepared / "recipe.yaml"), *options])


def test_a_run_from_the_command_line(prepared: Path, tmp_path: Path, capsys: Capture) -> None:
    run = tmp_path / "run"
    assert train(prepared, "--set", f"output.folder={run}") == 0
    said = capsys.readouterr().out
    assert f"the model is in {run / 'model'}" in said
    assert f"--retriever {run / 'model'}" in said
    assert [line.split()[0] for line in said.splitlines() if line.startswith(("loss ", "mrr "))] == ["loss", "mrr"]
    encoder = load_multivector(str(run / "model"))
    assert encoder.questions(["alpha"])[0].vectors.any()
    assert "left out: 1 rows without" in said
    assert len(json.loads((run / "made_with.json").read_text())["data"]) == 32

    # The same again: not over it, but on with it.
    assert train(prepared, "--set", f"output.folder={run}") == 1
    assert "holds a run already" in capsys.readouterr().err
    assert main(["train", str(run / "recipe.yaml"), "--resume"]) == 0
    assert "4 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set", "optimisation.stps=1"], "unknown key optimisation.stps: did you mean optimisation.steps?"),
        (["--set", "optimisation.steps"], "write --set key=value"),
        (["--row", "h_full_method"], "has no rows to choose from"),
        (["--set", "data.train.path=nope.jsonl"], "data.train.path: there is no nope.jsonl"),
        (["--set", "data.train.query=question"], "has no column question; it has query, document, negatives"),
        (["--set", "model.name=nobody"], "no model in nobody"),
    ],
)
def test_mistakes_are_one_line(prepared: Path, tmp_path: Path, capsys: Capture, options: list[str], said: str) -> None:
    assert train(prepared, "--set", f"output.folder={tmp_path / 'run'}", *options) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("svrag: ")
    assert said in line
    assert not (tmp_path / "run").exists()


def test_a_full_gpu_is_one_line(
    prepared: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(RetrievalTrainer, "train", full)
    assert train(prepared, "--set", f"output.folder={tmp_path / 'run'}") == 1
    assert capsys.readouterr().err.startswith("svrag: the GPU's memory is full: set optimisation.chunk")


def test_only_the_first_process_says_what_all_would(
    prepared: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[str] = []
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setattr("time.sleep", lambda _: waited.append(capsys.readouterr().err))
    assert train(prepared, "--set", "optimisation.stps=1") == 1
    assert waited == [""]  # torchrun ends it here, unless it is alone with its mistake
    assert capsys.readouterr().err.startswith("svrag: process 3: ")


def test_the_script_is_the_command(prepared: Path) -> None:
    """From another folder, by SV-RAG's own name of the recipe."""
    command = [sys.executable, str(SCRIPT), "train_colInternVL2_4b_model.yaml"]
    done = subprocess.run(
        command, cwd=prepared, capture_output=True, text=True, timeout=PATIENCE, env=dict(os.environ)
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("svrag: data.train.path: there is no data/colpali_train_set; ")
    assert subprocess.run([*command, "--sett"], capture_output=True, timeout=PATIENCE).returncode == 2


def test_help_knows_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "pydantic", "yaml", "datasets", "pyarrow")
    code = (
        "import sys; from svrag.cli.program import parser; parser().format_help(); "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.strip() == "[]"


def test_the_table_says_where_a_run_was_best() -> None:
    history = [
        {"step": 1, "loss": 2.0},
        {"step": 2, "eval_mrr": 0.5, "eval_ndcg@10": 0.4},
        {"step": 3, "loss": 1.0},
        {"step": 4, "eval_mrr": 0.75, "eval_ndcg@10": 0.3},
        {"step": 5, "loss": 1.5},
        {"step": 6, "eval_mrr": 0.25, "eval_ndcg@10": 0.2},
    ]
    assert training_rows(history, "mrr") == [
        ("loss", "2.0000", "1.5000", "1.0000", "3"),
        ("mrr", "0.5000", "0.2500", "0.7500", "4"),
        ("ndcg@10", "0.4000", "0.2000", "0.4000", "2"),
    ]
    assert training_rows(history[:1], "mrr") == [("loss", "2.0000", "2.0000", "2.0000", "1")]
    assert training_rows([], "mrr") == []
