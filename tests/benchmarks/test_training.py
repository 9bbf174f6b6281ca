from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.training import beside, main


def test_both_trainers_do_the_same_work() -> None:
    found = beside(batch=2, steps=3, rounds=1, picture_tokens=8)
    ours, theirs = found["first_losses"]["ours"], found["first_losses"]["colpali-engine"]
    assert len(ours) == 3
    assert ours[0] == pytest.approx(theirs[0], rel=1e-3)
    assert ours == pytest.approx(theirs, rel=0.05)
    speeds = found["examples_per_second"]
    assert found["ratio"] == pytest.approx(speeds["ours"] / speeds["colpali-engine"])


def test_models_of_real_shapes_are_read_whole_and_in_chunks(tmp_path: Path) -> None:
    out = tmp_path / "costs.json"
    assert main(["--real", "--tiny", "--batch", "2", "--chunk", "1", "--steps", "2", "--json", str(out)]) == 0
    costs = json.loads(out.read_text())
    assert [(cost["model"], cost["chunk"]) for cost in costs] == [
        ("SigLIP2-base", None),
        ("SigLIP2-base", 1),
        ("ColQwen2.5-3B", None),
        ("ColQwen2.5-3B", 1),
    ]
    assert all(cost["examples_per_second"] > 0 and not cost["failed"] for cost in costs)
