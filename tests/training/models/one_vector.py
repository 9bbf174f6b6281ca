"""Tiny checkpoints of models with one vector for each text, and steps and comparisons that need no recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from svrag.training.batch import Example, Item, TokenBatch
from svrag.training.collate import Collator
from svrag.training.config import Adapter, LossPart, RetrieverModel
from svrag.training.models.opening import open_for_training
from svrag.training.models.trainable import Trainable
from svrag.training.objective import Objective
from svrag.training.vectors import chunks_of, together
from tests.training.models.families import QUESTIONS, TEXTS

ADAPTER = Adapter(rank=4, alpha=8, dropout=0.0)
EXAMPLES = [
    Example(Item(text=question), (Item(text=TEXTS[i]), Item(text=TEXTS[(i + 1) % 4])), (1.0, 0.0))
    for i, question in enumerate(QUESTIONS)
]


def opened(folder: Path, adapter: Adapter | None = ADAPTER, **options: Any) -> Trainable:
    model = RetrieverModel(name=str(folder), **options)
    return open_for_training(model, adapter, seed=0, device="cpu", dtype=torch.float32)


def loss_of(trainable: Trainable, objective: Objective) -> torch.Tensor:
    batch = Collator(trainable, chunk=None, placeless=False)(EXAMPLES)
    parts = [TokenBatch(*trainable.network(**chunk.inputs)) for chunk in chunks_of(batch)]
    return objective(batch, *together(batch, parts))


def trained(trainable: Trainable, part: LossPart, steps: int = 4, rate: float = 1e-3) -> tuple[float, float]:
    """Losses before and after some steps; every weight that is said to be trained has a gradient."""
    objective = Objective(part)
    trainable.network.eval()
    before = float(loss_of(trainable, objective).detach())
    weights = [weight for weight in trainable.network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=rate)
    trainable.network.train()
    for module in trainable.network.modules():
        if isinstance(module, torch.nn.Dropout):  # so few steps would be lost in its noise
            module.p = 0.0
    for _ in range(steps):
        optimiser.zero_grad()
        loss_of(trainable, objective).backward()
        assert all(weight.grad is not None for weight in weights)
        optimiser.step()
    trainable.network.eval()
    return before, float(loss_of(trainable, objective).detach())


def vectors_of(trainable: Trainable, texts: list[str], *, query: bool) -> np.ndarray:
    """(texts, dimension); read together, so that there is padding."""
    trainable.network.eval()
    with torch.no_grad():
        vectors, mask = trainable.network(**trainable.prepare([Item(text=text) for text in texts], query=query))
    assert vectors.shape[1] == 1
    assert mask.all()
    return vectors[:, 0].numpy()
