"""A tiny Col-InternVL2 is fine-tuned by two processes, as a user would start them, on data it can learn by heart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from svrag.retrievers.multivector.loading import load_multivector
from svrag.training.batch import Item
from svrag.training.checkpoints import load_weights, put_weights
from svrag.training.config import Recipe
from svrag.training.models.opening import open_for_training
from svrag.training.models.trainable import Trainable
from tests.patience import PATIENCE
from tests.training.models.families import FAMILIES, QUESTIONS, Stripes

ROOT = Path(__file__).parents[2]
STEPS = 40


def write_data(folder: Path) -> Path:
    rows = []
    for number, question in enumerate(QUESTIONS):
        Stripes(number).open().save(folder / f"{number}.png")
        rows.append({"query": question, "document": f"{number}.png", "negatives": [f"{(number + 1) % 4}.png"]})
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.timeout(300)
def test_two_processes_overfit_and_the_adapter_loads_to_equal_embeddings(tmp_path: Path) -> None:
    base = FAMILIES["ColInternVL2"](tmp_path)
    pairs = {"kind": "pairs", "path": str(write_data(tmp_path)), "pictures": True}
    run = tmp_path / "run"
    recipe = {
        "model": {"kind": "retriever", "name": str(base)},
        "adapter": {"rank": 8, "alpha": 16, "dropout": 0.0},
        "data": {"train": pairs, "held_out": pairs},
        "loss": {"name": "infonce", "temperature": 0.02, "score": "mean"},
        "optimisation": {"steps": STEPS, "batch": 2, "rate": 5e-3, "schedule": "cosine", "precision": "float32"},
        "evaluation": {"every": STEPS, "metric": "mrr"},
        "output": {"folder": str(run), "log_every": 1},
    }
    config = tmp_path / "recipe.yaml"
    config.write_text(yaml.safe_dump(recipe))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"]
    done = subprocess.run(
        [*command, str(ROOT / "scripts" / "train" / "train_colbert.py"), str(config)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr

    state = json.loads((run / "checkpoints" / f"checkpoint-{STEPS}" / "trainer_state.json").read_text())
    losses = [entry["loss"] for entry in state["log_history"] if "loss" in entry]
    assert losses[0] > 0.5
    assert losses[-1] < 0.01
    assert state["best_metric"] == 1.0

    # What is loaded answers as what was trained: head and all.
    parts = Recipe.model_validate(recipe)
    trained = open_for_training(parts.model, parts.adapter, seed=0, device="cpu", dtype=torch.float32)
    put_weights(trained.network, load_weights(run / "checkpoints" / f"checkpoint-{STEPS}"))
    trained.network.eval()
    encoder = load_multivector(str(run / "model"))
    pictures = []
    for number in range(4):
        (tokens,) = encoder.pictures([Stripes(number).open()])
        np.testing.assert_array_equal(tokens.vectors, vectors_of(trained, Item(picture=Stripes(number))))
        pictures.append(tokens.vectors)
    for number, question in enumerate(QUESTIONS):
        (tokens,) = encoder.questions([question])
        np.testing.assert_array_equal(tokens.vectors, vectors_of(trained, Item(question)))
        scores = [float((tokens.vectors @ vectors.T).max(axis=1).mean()) for vectors in pictures]
        assert int(np.argmax(scores)) == number


@torch.no_grad()
def vectors_of(trained: Trainable, item: Item) -> np.ndarray:
    vectors, mask = trained.network(**trained.prepare([item], query=item.picture is None))
    return vectors[0][mask[0]].numpy()
