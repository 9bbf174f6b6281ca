"""Two processes are started once for all tests of what they compute."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import multiprocessing

from tests.training.two_processes import compute


@pytest.fixture(scope="session")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Results of each (`tests.training.two_processes`)."""
    folder = tmp_path_factory.mktemp("two_processes")
    multiprocessing.spawn(compute, args=(str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]
