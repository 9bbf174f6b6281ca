"""The journal of an experiment: a folder with the plan and a file for each run, so that it may be broken off and gone on.

A file appears under its name only when it is whole. Knows nothing of what is in it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

Run = tuple[str, Callable[[], Mapping[str, Any]]]
"""Its name, and what makes its result."""


def options(about: str, data: str) -> argparse.ArgumentParser:
    """The options of every experiment; `data` tells what --data is the folder of."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--data", type=Path, help=f"folder of {data}")
    parser.add_argument("--journal", type=Path, required=True, help="folder that keeps what is done")
    parser.add_argument(
        "--precision",
        choices=("float32", "bf16"),
        default="float32",
        help="of products in training (default: %(default)s)",
    )
    parser.add_argument("--table", action="store_true", help="only print what the journal holds")
    return parser


def begin(journal: Path, plan: object) -> None:
    """Raises SystemExit where the journal is of another plan (a dataclass)."""
    journal.mkdir(parents=True, exist_ok=True)
    file, said = journal / "plan.json", json.loads(json.dumps(asdict(plan)))  # type: ignore[call-overload]
    if not file.is_file():
        file.write_text(json.dumps(said), encoding="utf-8")
    elif json.loads(file.read_text(encoding="utf-8")) != said:
        raise SystemExit(f"{file} is of another plan: name another --journal, or the options it tells")


def go_on(journal: Path, runs: Sequence[Run]) -> None:
    """Make what is not there yet, one after another, and tell how long each took."""
    for number, (name, run) in enumerate(runs, start=1):
        file = journal / f"{name}.json"
        if file.is_file():
            continue
        began = time.perf_counter()
        written = file.with_suffix(".part")
        written.write_text(json.dumps(run()), encoding="utf-8")
        written.rename(file)
        print(f"{number}/{len(runs)} {name}: {time.perf_counter() - began:.0f} s", flush=True)


def kept(journal: Path) -> list[dict[str, Any]]:
    """All results, in the order of their names."""
    files = sorted(file for file in journal.glob("*.json") if file.name != "plan.json")
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]
