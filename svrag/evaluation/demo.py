"""The demo documents of this repository as a benchmark: the same files and the same loader as MMLongBench-Doc."""

from __future__ import annotations

from pathlib import Path

from svrag.errors import InputError
from svrag.evaluation.mmlongbench import load_folder
from svrag.evaluation.question import EvalSet

FOLDER = Path(__file__).resolve().parents[2] / "demo_data"


def load(data: Path | None) -> EvalSet:
    """The questions in `data`, by default in the repository's `demo_data`.

    Raises:
        InputError: the folder is not there, or its files are not in MMLongBench-Doc's layout.
    """
    folder = data or FOLDER
    if not (folder / "questions.json").is_file():
        raise InputError(f"no questions.json in {folder}: name the demo_data folder of the repository with --data DIR")
    return load_folder("demo", folder, ("annotations.jsonl",))
