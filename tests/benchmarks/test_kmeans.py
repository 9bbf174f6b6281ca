from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.kmeans import main


def test_rows_compare_time_and_inertia(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.json"
    rows = main(
        ["--documents=6", "--tokens=60", "--dimensions=16", "--factors", "2", "4", "--runs=1", f"--json={out}"]
    )
    assert [(row.dimension, row.factor) for row in rows] == [(16, 2), (16, 4)]
    assert all(row.inertia == pytest.approx(1, abs=0.05) and row.ours > 0 < row.theirs for row in rows)
    assert [row["inertia"] for row in json.loads(out.read_text())] == [row.inertia for row in rows]
    assert "sklearn ms" in capsys.readouterr().out
