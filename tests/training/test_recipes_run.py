"""Every recipe in configs/ is run as it is typed, on a tiny checkpoint, and what it leaves is searched with."""

from __future__ import annotations

import gc
import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import datasets
import pytest

from svrag.cli import main
from svrag.training.recipes import CONFIGS, find_recipe, load_recipe, names
from tests.training.recipes_made import CASES, ROOT, Case, library

# The Trainer collects garbage at each start: what has been imported need not be looked through every time.
gc.freeze()

Capture = pytest.CaptureFixture[str]
FEW = ("optimisation.steps=2", "optimisation.batch=2", "optimisation.workers=0", "evaluation.every=2")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library to search."""
    folder = tmp_path_factory.mktemp("documents")
    library(folder)
    return folder / "library"


def test_no_recipe_is_left_out() -> None:
    assert {find_recipe(Path(case.recipe)).stem for case in CASES} == set(names())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_recipe_runs_and_its_model_is_searched_with(
    case: Case, documents: Path, tmp_path: Path, capsys: Capture
) -> None:
    run = tmp_path / "run"
    changes = [*case.model(tmp_path), *case.data(tmp_path), *FEW, f"output.folder={run}"]
    capsys.readouterr()
    with warnings.catch_warnings(record=True) as warned:
        assert main(["train", *typed(case, changes)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert [str(one.message) for one in warned if issubclass(one.category, UserWarning | FutureWarning)] == []

    recipe = load_recipe(Path(case.recipe), changes, case.row)
    assert re.search(r"^step 2 of 2: loss \d", said.out, re.MULTILINE)
    assert re.search(rf"^{recipe.evaluation.metric} +\d\.\d+ ", said.out, re.MULTILINE), "what the best is chosen by"
    assert f"the model is in {run / 'model'}" in said.out
    assert {"model", "recipe.yaml", "made_with.json", "checkpoints"} <= {path.name for path in run.iterdir()}
    assert (run / "tensorboard").is_dir() == recipe.output.tensorboard

    assert (
        main(["search", "the north kiln", "--library", str(documents), "--retriever", str(run / "model"), "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["hits"]

    if case.row is None:
        assert main(["train", *typed(case, changes), "--resume"]) == 0
        assert f"from {run / 'checkpoints' / 'checkpoint-2'}" in capsys.readouterr().out


def typed(case: Case, changes: Sequence[str]) -> list[str]:
    row = ["--row", case.row] if case.row else []
    return [case.recipe, *row, *(word for change in changes for word in ("--set", change))]


@pytest.mark.parametrize("name", names())
def test_the_first_lines_of_a_recipe_say_how_to_get_its_data(name: str) -> None:
    """What it names and is not here is written by a command there, or in a folder that one writes."""
    head, _, said = (CONFIGS / f"{name}.yaml").read_text().partition("\nmodel:")
    named = re.findall(r"^    (?:path|graphs|elements|questions|pictures): (\S+/\S+)", said, re.MULTILINE)
    assert named or "svrag add my_documents/" in head
    for path in named:
        assert (ROOT / path).exists() or any(path.startswith(word) for word in head.split() if "/" in word), path
