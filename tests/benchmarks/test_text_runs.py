from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import text_runs
from svrag.training.batch import Item
from svrag.training.config import RetrieverModel
from svrag.training.models.opening import open_for_training
from tests.retrievers.dense.checkpoints import write_encoder


@pytest.mark.parametrize("family", ["dense", "sparse", "text"])
def test_the_base_reads_so_many_tokens_without_dropout(tmp_path: Path, family: str) -> None:
    base = text_runs.base_in(tmp_path / "base", write_encoder(tmp_path / "tiny"), 7)
    model = RetrieverModel(name=str(base), family=family)
    opened = open_for_training(model, None, seed=0, device="cpu", dtype=torch.float32)
    assert opened.prepare([Item(text="bowls weigh " * 20)], query=False)["input_ids"].shape == (1, 7)
    assert {one.p for one in opened.network.modules() if isinstance(one, torch.nn.Dropout)} == {0.0}


@pytest.mark.parametrize(("layers", "learning"), [(None, {"1"}), (1, {"1"}), (2, {"0", "1"})])
def test_lora_is_on_the_uppermost_layers(tmp_path: Path, layers: int | None, learning: set[str]) -> None:
    base = text_runs.base_in(tmp_path / "base", write_encoder(tmp_path / "tiny"), 16)
    parts = {
        "model": {"family": "dense"},
        "data": {"train": {"kind": "pairs", "path": tmp_path / "none.jsonl"}},
        "loss": {"name": "infonce"},
        "optimisation": {"steps": 20, "batch": 2, "rate": 1e-3},
    }
    recipe = text_runs.recipe_of(base, tmp_path / "run", 3, parts, layers=layers)
    assert (recipe.optimisation.seed, recipe.optimisation.warmup) == (3, 2)
    opened = open_for_training(recipe.model, recipe.adapter, seed=3, device="cpu", dtype=torch.float32)
    learnt = [name for name, weight in opened.network.named_parameters() if weight.requires_grad]
    assert all("lora_" in name for name in learnt)
    assert {name.partition("encoder.layer.")[2][0] for name in learnt} == learning


def test_tables_are_paired_and_tell_the_spread() -> None:
    def one(value: float) -> dict[str, dict[str, float]]:
        return {f"q{n}": {"mrr": value} for n in range(9)}

    rows = {"base": [one(0.25)], "tuned": [one(0.5), one(0.75)]}
    assert "| tuned | 2 | 0.625 (0.625-0.625) ±0.177 |" in text_runs.means(rows, ["mrr"])
    told = text_runs.differences(rows, "base", ["mrr"])
    assert "| tuned | +0.375 (+0.375 to +0.375) p 0.001 |" in told
    assert "| base |" not in told
