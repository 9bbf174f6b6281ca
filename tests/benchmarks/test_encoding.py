"""The benchmark runs with tiny models, and its real shapes are those of the published models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.encoding import internvl2, main, phi
from svrag.retrievers.multivector.phi3.published import build


def test_tiny_models(tmp_path: Path) -> None:
    costs = main(["--tiny", "--pages", "3", "--size", "160x90", "--runs", "1", "--json", str(tmp_path / "costs.json")])
    assert [cost.model for cost in costs] == ["InternVL2", "Phi"]
    assert all(cost.seconds > 0 and cost.peak_gb > cost.weights_gb > 0 for cost in costs)
    assert [row["tokens"] for row in json.loads((tmp_path / "costs.json").read_text())] == [
        cost.tokens for cost in costs
    ]


@pytest.mark.parametrize(("make", "billions"), [(internvl2, (4.0, 4.2)), (phi, (4.0, 4.2))])
def test_real_shapes(make: object, billions: tuple[float, float]) -> None:
    model, _, _ = make(tiny=False)  # type: ignore[operator]
    weights = sum(weight.numel() for weight in build(model).parameters()) / 1e9
    assert billions[0] < weights < billions[1]
