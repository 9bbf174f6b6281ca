from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from svrag.retrievers.multivector.loading import load_multivector
from svrag.training.batch import Example, TokenBatch
from svrag.training.collate import Collator
from svrag.training.config import Adapter, LossPart, RetrieverModel
from svrag.training.models.opening import open_for_training
from svrag.training.models.trainable import Trainable
from svrag.training.objective import Objective
from svrag.training.vectors import chunks_of, together
from tests.training.models.families import FAMILIES, examples

HEADS = {"ColIdefics3": "linear"}
ADAPTER = Adapter(rank=4, alpha=8, dropout=0.0)
OBJECTIVE = Objective(LossPart(name="infonce", temperature=0.1, score="mean"))


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            made[family] = FAMILIES[family](tmp_path_factory.mktemp(family))
        return made[family]

    return folder


def opened(folder: Path, adapter: Adapter | None = ADAPTER, *, seed: int = 0, **options: Any) -> Trainable:
    model = RetrieverModel(kind="retriever", name=str(folder), **options)
    return open_for_training(model, adapter, seed=seed, device="cpu", dtype=torch.float32)


def loss_of(trainable: Trainable, data: list[Example]) -> torch.Tensor:
    batch = Collator(trainable, chunk=None, placeless=False)(data)
    parts = [TokenBatch(*trainable.network(**chunk.inputs)) for chunk in chunks_of(batch)]
    return OBJECTIVE(batch, *together(batch, parts))


def train(trainable: Trainable, data: list[Example], steps: int = 4) -> tuple[float, float]:
    """Losses before and after, without the dropout that some families have."""
    before = float(loss_of(trainable, data))
    trainable.network.train()
    weights = [weight for weight in trainable.network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=1e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        loss_of(trainable, data).backward()
        optimiser.step()
    trainable.network.eval()
    return before, float(loss_of(trainable, data))


def vectors_of(trainable: Trainable, data: list[Example]) -> list[np.ndarray]:
    """Of questions, then of first documents, without padding."""
    trainable.network.eval()
    found = []
    for items, query in (([one.query for one in data], True), ([one.documents[0] for one in data], False)):
        with torch.no_grad():
            for item in items:
                vectors, mask = trainable.network(**trainable.prepare([item], query=query))
                found.append(vectors[0][mask[0]].numpy())
    return found


def answers_of(folder: Path, data: list[Example]) -> list[np.ndarray]:
    """One at a time: some families round differently beside longer ones."""
    encoder = load_multivector(str(folder))
    found = [encoder.questions([one.query.text])[0].vectors for one in data]
    for item in (one.documents[0] for one in data):
        read = encoder.pictures([item.picture.open()]) if item.picture else encoder.passages([item.text])
        found.append(read[0].vectors)
    return found


def assert_equal(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_steps_lower_the_loss_by_adapter_and_head_alone_and_what_is_saved_loads_to_equal_vectors(
    family: str, folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    trainable, data = opened(folder_of(family)), examples(family)
    head = HEADS.get(family, "linear" if family == "text" else "custom_text_proj")
    before = {name: weight.clone() for name, weight in trainable.network.state_dict().items()}
    untouched = vectors_of(trainable, data)
    assert_equal(untouched, answers_of(folder_of(family), data))
    first, last = train(trainable, data)
    assert last < first - 0.01

    changed = {name for name, now in trainable.network.state_dict().items() if not torch.equal(before[name], now)}
    adapted = {name for name in changed if ".lora_" in name}
    assert adapted
    assert all(f"{head}." in name for name in changed - adapted), changed - adapted
    assert changed - adapted
    trained = {name for name, weight in trainable.network.named_parameters() if weight.requires_grad}
    assert trained == changed  # none was left without a gradient

    trainable.save(tmp_path / "saved")
    now = vectors_of(trainable, data)
    assert max(np.abs(a - b).max() for a, b in zip(now, untouched, strict=True)) > 0.01
    assert_equal(now, answers_of(tmp_path / "saved", data))
