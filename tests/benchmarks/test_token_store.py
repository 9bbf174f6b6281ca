from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import token_recall, token_store
from svrag.evaluation.question import EvalQuestion
from svrag.library.store import Library
from svrag.library.tokens import coarse
from tests.library.made import add, document


def words(texts: Sequence[str]) -> list[NDArray[np.float32]]:
    """One vector for each word, always the same."""

    def vector(word: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
        made = np.random.default_rng(seed).normal(size=token_recall.DIMENSION)
        return (made / np.linalg.norm(made)).astype(np.float32)

    return [np.stack([vector(word) for word in text.split()] or [vector("")]) for text in texts]


def test_recall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(token_recall, "token_vectors", words)
    monkeypatch.setattr(token_recall, "FACTORS", (4,))
    with Library.open(tmp_path / "library") as library:
        for number in range(4):
            sentences = [f"Kiln {number} of page holds {i} bowls for {i * number} hours." for i in range(5)]
            add(library, tmp_path, document(f"{number}.pdf", *sentences))
    questions = [
        EvalQuestion(str(i), f"{i}.pdf", f"Kiln {i} of page holds", "", "", True, (1,), (), (), True) for i in range(3)
    ]
    rows = token_recall.recall(tmp_path / "library", questions)
    by_name = {(row.units, row.kept): row for row in rows}
    exact = by_name["pages", "float32"]
    assert (exact.part, exact.recall, exact.page_at_5) == (1, 1, 1)
    for kind in ("pages", "elements"):
        assert by_name[kind, "int8"].part == pytest.approx(1 / 4, abs=0.01)
        assert by_name[kind, "binary"].part == pytest.approx(1 / 32, abs=0.01)
        assert by_name[kind, "int8"].recall >= 0.9
    assert by_name["pages", "int8, pooled by 4 (kmeans)"].part < 1 / 15
    assert by_name["elements", "int8, pooled by 4 (kmeans)"].recall == by_name["elements", "int8"].recall
    short = by_name["elements", "int8, short ones too pooled by 4 (hierarchical)"]
    assert short.part < by_name["elements", "int8"].part / 3
    assert all(0 <= row.recall <= 1 for row in rows)
    assert capsys.readouterr().out.count("\n| ") == len(rows) + 1


def test_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_store, "TIMES", 3)
    rows = token_store.changes(tmp_path, [4, 2])
    assert [row.documents for row in rows] == [2, 4]
    assert all(row.add > 0 and row.remove > 0 and row.search_again > 0 for row in rows)
    with Library.open(tmp_path / "library") as library:
        assert len(library.documents()) == 4  # what was added to be timed was removed


def test_coarse_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_store, "QUESTIONS", 5)
    monkeypatch.setattr(coarse, "SHARES", (0.16, 0.2))
    rows = token_store.coarse_stage(tmp_path, [300])
    assert [row.candidates for row in rows] == [0, 48, 60]
    assert [row.forced for row in rows] == [False, True, True]
    assert rows[0].recall >= 0.95
    assert 0.1 < rows[1].recall <= rows[2].recall <= rows[0].recall
