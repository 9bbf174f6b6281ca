"""Triplet margin: torch's margin_ranking_loss for each pair."""

from __future__ import annotations

import torch
from torch.nn.functional import margin_ranking_loss

from svrag.training.batch import Scored
from svrag.training.losses.triplet import Triplet


def test_equals_torch() -> None:
    scores = torch.randn(8, 2, generator=torch.Generator().manual_seed(1))
    relevance = torch.tensor([[1.0, 0.0]]).expand(8, 2)
    theirs = margin_ranking_loss(scores[:, 0], scores[:, 1], torch.ones(8), margin=0.7, reduction="none")
    ours = Triplet(1.0, 0.7)(Scored(scores, relevance, torch.ones(8, 2, dtype=torch.bool)))
    assert torch.allclose(ours, theirs)
    assert 0 < (ours == 0).sum() < 8


def test_pairs_of_several_positives_and_negatives() -> None:
    given = Scored(
        torch.tensor([[3.0, 1.0, 2.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0, 0.0]]), torch.ones(1, 4, dtype=torch.bool)
    )
    # Pairs (3, 2), (3, 0), (1, 2), (1, 0) lack 0.5, nothing, 2.5 and 0.5 of a margin of 1.5.
    assert Triplet(1.0, 1.5)(given).tolist() == [(0.5 + 0.0 + 2.5 + 0.5) / 4]
