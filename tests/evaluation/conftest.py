"""A run over real documents that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from svrag.evaluation.result import EvalResult
from svrag.evaluation.runner import run


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[EvalResult, Path]:
    """The first questions of the demo set, all of one paper, with baselines; and the library that holds it."""
    pytest.importorskip("bm25s")
    library = tmp_path_factory.mktemp("demo") / "library"
    return run("demo", library_folder=library, limit=8, baselines=True), library
