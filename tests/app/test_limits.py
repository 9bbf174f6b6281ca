from __future__ import annotations

import pytest

from svrag.app import limits
from svrag.app.limits import Limits, Rate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_so_many_in_a_minute_for_each() -> None:
    clock = Clock()
    rate = Rate(3, clock)
    assert [rate.wait("anna") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert rate.wait("anna") == pytest.approx(20.0)
    assert rate.wait("ben") == 0.0
    clock.now += 19.0
    assert rate.wait("anna") == pytest.approx(1.0)
    clock.now += 1.0
    assert rate.wait("anna") == 0.0
    assert rate.wait("anna") > 0.0
    clock.now += 3600.0
    assert [rate.wait("anna") > 0 for _ in range(4)] == [False, False, False, True], "a long rest is not saved up"


def test_none_means_as_often_as_one_likes() -> None:
    rate = Rate(0)
    assert {rate.wait("anna") for _ in range(1000)} == {0.0}


def test_names_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_NAMES", 2)
    rate = Rate(1, Clock())
    for name in ("anna", "ben", "cleo"):
        rate.wait(name)
    assert rate.wait("cleo") > 0
    assert rate.wait("ben") > 0
    assert rate.wait("anna") == 0.0, "forgotten"


def test_megabytes_are_millions_of_bytes() -> None:
    assert Limits(upload_mb=2).upload_bytes == 2_000_000
