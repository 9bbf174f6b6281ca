"""What the original classes of SV-RAG made of tiny weights; lies beside the real documents, not in the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

CLOSE = {"atol": 1e-4, "rtol": 0.0}


def golden(model: str) -> Path:
    """Its folder; skips the test where there is none."""
    folder = Path(os.environ.get("SVRAG_DATA") or "../shared/data").parent / "golden" / model
    if not folder.is_dir():
        pytest.skip(f"no golden files in {folder}; set SVRAG_DATA to the folder beside theirs")
    return folder


class Cases:
    """Inputs and outputs, by the name of the case."""

    def __init__(self, folder: Path) -> None:
        self.values = load_file(folder / "cases.safetensors")
        adapted = load_file(folder / "adapter" / "cases_with_adapter.safetensors")
        self.adapted = {key.split(".")[0]: value for key, value in adapted.items()}
        self.names = sorted({key.split(".")[0] for key in self.values} - {"maxsim"})

    def inputs(self, name: str) -> dict[str, Tensor]:
        start = f"{name}.in."
        some = {key.removeprefix(start): value for key, value in self.values.items() if key.startswith(start)}
        return {key: value.float() if value.is_floating_point() else value for key, value in some.items()}

    def real(self, name: str) -> Tensor:
        """(batch, tokens): where no padding is."""
        ids = self.values[f"{name}.in.input_ids"]
        return self.values.get(f"{name}.in.attention_mask", torch.ones_like(ids)).bool()


def assert_close(made: Tensor, expected: Tensor, real: Tensor) -> None:
    torch.testing.assert_close(made[real], expected[real], **CLOSE)


def maxsim(questions: list[Tensor], pages: list[Tensor]) -> Tensor:
    """(questions, pages)."""
    return torch.stack([torch.stack([(q @ p.T).amax(1).sum() for p in pages]) for q in questions])
