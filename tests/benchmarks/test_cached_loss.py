"""The benchmark runs, compares equal steps, and sees the memory that chunks save."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.cached_loss import main, measure


def test_points_of_processes_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "points.json"
    points = main(["--tiny", "--batch", "4", "--chunk", "2", "--runs", "1", "--times", "1", "--json", str(out)])
    assert [(point.cached, point.batch, point.chunk) for point in points] == [(False, 4, 2), (True, 4, 2)]
    assert [row["seconds"] for row in json.loads(out.read_text())] == [point.seconds for point in points]
    assert "cached MB" in capsys.readouterr().out


def test_chunks_save_memory_and_change_nothing() -> None:
    cached, plain = (
        measure(cached=cached, batch=64, chunk=4, runs=1, device="cpu", tiny=True, dropout=0.0)
        for cached in (True, False)
    )
    assert cached.loss == pytest.approx(plain.loss, rel=1e-5)
    assert plain.step_mb > cached.step_mb > 0
