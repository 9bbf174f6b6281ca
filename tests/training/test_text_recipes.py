"""Recipes of text retrievers: what their sources say."""

from __future__ import annotations

from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.training.config import ListData, PairData, Recipe, RetrieverModel, TripletData
from svrag.training.recipes import load_recipe


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


def test_lists_of_two_documents_teach_no_distribution() -> None:
    with pytest.raises(InputError, match="learns nothing from lists of two documents"):
        named("learn_to_pool", "data.train.most=2")
    assert named("learn_to_pool", "data.train.most=3").loss.name == "kl_distillation"
