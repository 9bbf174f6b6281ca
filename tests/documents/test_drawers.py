from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from svrag.documents import drawers as module
from svrag.documents.drawers import Cut, begin, drawers
from svrag.documents.model import Box
from svrag.errors import InputError
from tests.documents_made import write_paper
from tests.killing import killed
from tests.patience import until

BOX = Box(60, 70, 400, 200)


def cut(source: Path, page: int = 1, box: Box = BOX) -> Cut:
    return Cut(source, 0, 0, page, box, 5.0, 72)


def processes() -> list[BaseProcess]:
    return [process for process in multiprocessing.active_children() if process.name == "svrag-drawer"]


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    return write_paper(tmp_path / "paper.pdf", pages=3)


@pytest.fixture
def two() -> Iterator[None]:
    with drawers(2):
        yield


def test_processes_draw_what_this_one_draws_and_tell_what_it_tells(paper: Path, tmp_path: Path) -> None:
    cuts = [cut(paper), cut(paper, box=Box(60, 300, 500, 400)), cut(paper, page=9), cut(paper, page=3)]
    cuts += [cut(paper, page=3, box=Box(900, 900, 950, 950)), cut(tmp_path / "gone.pdf")]
    here = begin(cuts)()
    with drawers(2):
        there = begin(cuts)()
    assert [isinstance(drawn, bytes) for drawn in here] == [True, True, False, True, False, False]
    assert [str(drawn) if isinstance(drawn, InputError) else drawn for drawn in there] == [
        str(drawn) if isinstance(drawn, InputError) else drawn for drawn in here
    ]


def test_they_end_with_the_block_and_with_the_program(paper: Path, two: None) -> None:
    with drawers(1):
        assert len(processes()) == 3
    assert len(processes()) == 2
    program = """
import time
from svrag.documents.drawers import drawers
with drawers(1):
    print("ready", flush=True)
    time.sleep(1000)
"""
    assert (
        killed(program, after=0.0) == ""
    )  # all that was printed comes when the last process that could print is gone


def test_one_that_died_idle_is_replaced(paper: Path, two: None) -> None:
    first = begin([cut(paper)])()
    for process in processes():
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: not processes())
    assert begin([cut(paper)])() == first


def test_a_picture_that_crashes_its_process_costs_only_itself(paper: Path, two: None) -> None:
    crashing = replace(cut(paper), dpi="none")  # type: ignore[arg-type]  # no error that drawing knows
    drawn = begin([cut(paper), crashing, cut(paper)])()
    assert [isinstance(one, bytes) for one in drawn] == [True, False, True]
    assert str(drawn[1]) == "drawing from page 1 of paper.pdf crashed"
    assert drawn[0] == begin([cut(paper)])()[0]


def test_one_that_never_ends_is_ended(paper: Path, two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.0)  # nothing is drawn that soon
    (drawn,) = begin([cut(paper)])()
    assert str(drawn) == "drawing from page 1 of paper.pdf took longer than 0 s"
    monkeypatch.undo()
    assert isinstance(begin([cut(paper)])()[0], bytes)
