from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import maxsim
from benchmarks.maxsim import made, measured, table
from benchmarks.maxsim_engines import Data, InMemory, Search, SvragIndex, SvragScan, TorchProduct
from svrag.retrievers.maxsim.scan import kernels


class Absent(InMemory):
    name = "engine of nowhere"
    needs = "no_such_module"

    def open(self, data: Data, folder: Path, stack: object) -> Search:
        raise AssertionError


class Backwards(InMemory):
    """Finds the worst."""

    name = "backwards"
    needs = "svrag"

    def open(self, data: Data, folder: Path, stack: object) -> Search:
        def search(query: np.ndarray) -> list[int]:
            scores = [float((own @ query.T).max(axis=0).sum()) for own in data.documents]
            return np.argsort(scores)[:10].tolist()

        return search


def test_documents_and_questions_are_the_same_every_time() -> None:
    data, questions = made(30, 2, 9, questions=3)
    again, questions_again = made(30, 2, 9, questions=3)
    assert (data.vectors == again.vectors).all()
    assert all((a == b).all() for a, b in zip(questions, questions_again, strict=True))
    np.testing.assert_allclose(np.linalg.norm(np.concatenate([data.vectors, *questions]), axis=1), 1, rtol=1e-5)
    lengths = [len(document) for document in data.documents]
    assert len(lengths) == 30
    assert min(lengths) >= 2
    assert max(lengths) <= 9
    assert data.length is None
    assert made(30, 4, 4, questions=1)[0].length == 4


@pytest.mark.parametrize("most", [5, 12])
def test_every_engine_gets_a_row_and_finds_what_it_should(most: int) -> None:
    data, questions = made(220, 5, most, questions=4)
    ours = [*(SvragScan(using) for using in kernels()), SvragIndex("int8"), SvragIndex("float16")]
    chosen = [TorchProduct(), *ours, Backwards(), Absent()]
    rows = measured("tiny", data, questions, chosen, seconds=60)
    assert [row.engine for row in rows] == [engine.name for engine in chosen]
    by_name = {row.engine: row for row in rows}
    for engine in (TorchProduct(), *ours):
        row = by_name[engine.name]
        assert row.queries == 3
        assert row.recall is not None
        assert row.recall >= 0.9
        assert row.bytes_each is not None
        assert row.bytes_each >= 128 * 5
        assert (row.build is not None) == engine.stores
    assert by_name["backwards"].recall == 0
    assert by_name["engine of nowhere"].median is None

    lines = table(rows).splitlines()
    assert len(lines) == 2 + len(chosen)
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert "no_such_module is not installed" in lines[-1]


def test_an_engine_that_used_up_its_time_gets_no_more_questions() -> None:
    data, questions = made(50, 5, 5, questions=6)
    (row,) = measured("tiny", data, questions, [SvragScan("numpy")], seconds=1e-9)
    assert row.queries == 1
    assert row.quartiles == (row.median, row.median)


def test_speed_is_that_of_score_multi_vector_by_the_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maxsim, "BASELINE", "backwards")
    data, questions = made(300, 30, 30, questions=4)
    slow, fast = measured("tiny", data, questions, [Backwards(), SvragScan(kernels()[0])], seconds=60)
    assert slow.speed == 1
    assert slow.median is not None
    assert fast.median is not None
    assert fast.speed == pytest.approx(slow.median / fast.median)
