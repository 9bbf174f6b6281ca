"""Recipes of text retrievers: what their sources say, and a run of each on tiny models and rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from svrag.retrievers.dense.loading import load_single
from svrag.retrievers.multivector.loading import load_multivector
from svrag.retrievers.sparse.encoder import load_sparse
from svrag.training.config import ListData, PairData, Recipe, RetrieverModel, TripletData
from svrag.training.recipes import load_recipe
from svrag.training.run import train
from tests.retrievers.dense.checkpoints import write_encoder
from tests.retrievers.dense.networks import write_dpr, write_qwen, write_specter2
from tests.training.models.families import FAMILIES, QUESTIONS, TEXTS


def named(name: str, *changes: str) -> Recipe:
    recipe = load_recipe(Path(name), changes)
    assert isinstance(recipe.model, RetrieverModel)
    return recipe


def test_the_embedding_of_a_language_model() -> None:
    recipe = named("qwen2_5_embedding")
    assert (recipe.model.name, recipe.model.pooling) == ("Qwen/Qwen2.5-0.5B-Instruct", "mean")
    assert recipe.adapter is not None
    assert recipe.adapter.targets is None
    assert isinstance(recipe.data.train, PairData)
    assert (recipe.data.train.query, recipe.data.train.document) == ("title", "abstract")
    assert (recipe.loss.name, recipe.loss.candidates, recipe.optimisation.clip) == ("infonce", "batch", 1.0)
    assert recipe.optimisation.precision == "bf16"
    assert recipe.optimisation.accumulate > 1
    assert recipe.batches is not None
    assert recipe.batches.category == "topic"
    topics = [topic for group in recipe.batches.groups for topic in group.topics]
    assert set(topics) == {
        *("gr-qc", "hep-th", "astro-ph.CO", "math-ph", "cond-mat.stat-mech"),
        *("cs.LG", "cs.AI", "stat.ML", "q-bio"),
    }
    assert sum(group.share for group in recipe.batches.groups) == pytest.approx(1)


@pytest.mark.parametrize("name", ["dpr", "specter2", "splade"])
def test_triplets_with_a_margin_and_the_best_by_validation(name: str) -> None:
    recipe = named(name)
    assert isinstance(recipe.data.train, TripletData)
    assert (recipe.loss.name, recipe.loss.candidates, recipe.adapter) == ("triplet", "pool", None)
    assert recipe.data.held_out_share > 0
    assert (recipe.sparsity is not None) == (name == "splade")


def test_learning_to_pool() -> None:
    recipe = named("learn_to_pool")
    assert isinstance(recipe.data.train, ListData)
    assert (recipe.loss.name, recipe.data.train.most) == ("kl_distillation", 16)
    assert recipe.pooling is not None
    assert (recipe.pooling.method, recipe.pooling.least, recipe.pooling.most) == ("kmeans", 1, 6)
    assert (recipe.optimisation.rate, recipe.optimisation.batch, recipe.optimisation.epochs) == (1e-5, 16, 5)
    assert recipe.data.held_out_share > 0


def rows(folder: Path) -> Path:
    topics = ["gr-qc", "hep-th", "math-ph", "cs.LG", "q-bio"]
    path = folder / "rows.jsonl"
    made: list[dict[str, Any]] = []
    for i in range(20):
        positive, negative = f"{TEXTS[i % 4]} {i % 3}", f"{TEXTS[(i + 1) % 4]} {i % 2}"
        made.append(
            {
                "query": QUESTIONS[i % 4],
                "title": QUESTIONS[i % 4],
                "abstract": positive,
                "topic": topics[i % 5],
                "positive": positive,
                "negative": negative,
                "documents": [positive, negative],
                "scores": [2.0, -1.0],
            }
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    return path


@pytest.mark.parametrize("name", ["qwen2_5_embedding", "dpr", "specter2", "splade", "learn_to_pool"])
def test_each_trains_a_tiny_model_that_is_read_back(name: str, tmp_path: Path) -> None:
    data, model = rows(tmp_path), tmp_path / "base"
    changes = [
        "optimisation.steps=2",
        "optimisation.batch=4",
        "optimisation.precision=float32",
        "output.tensorboard=false",
    ]
    if name == "qwen2_5_embedding":
        write_qwen(model)
        changes += [f"data.held_out.path={data}", "model.longest=40"]
    elif name == "learn_to_pool":
        model = FAMILIES["text"](tmp_path)
    elif name == "dpr":
        write_dpr(model / "question_encoder", "question", seed=1)
        write_dpr(model / "ctx_encoder", "ctx", seed=2)
    elif name == "specter2":
        write_specter2(model)
    else:
        write_encoder(model)
    if name in ("dpr", "specter2", "splade"):
        changes += ["model.longest=20"]
    changes += [f"model.name={model}", f"data.train.path={data}", f"output.folder={tmp_path / 'run'}"]
    result = train(named(name, *changes), tell=lambda _: None)
    assert result.steps == 2
    assert result.best is not None
    folder = str(result.folder)
    if name == "splade":
        assert len(load_sparse(folder).questions(["the kiln"])[0].ids)
    elif name == "learn_to_pool":
        assert load_multivector(folder).questions(["the kiln"])[0].vectors.shape[1] == 8
    else:
        assert load_single(folder).questions(["the kiln"]).shape == (1, 32 if name == "qwen2_5_embedding" else 16)
        assert load_single(folder).cosine == (name != "dpr")
