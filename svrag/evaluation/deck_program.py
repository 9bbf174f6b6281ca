"""What the programs over decks of pictures share: their options, what they refuse, how they end. Knows no model.

Exit status: 0 done, 1 failed (one line on stderr), 2 wrong usage, 3 some decks were skipped (named on stderr).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from svrag.errors import InputError, SvragError
from svrag.output import check_folder_of

ROOT = Path(__file__).resolve().parents[2]
DEMO_DECKS = ROOT / "demo_data" / "decks.json"
RANDOM_MARK = "RANDOM_WEIGHTS"
"""A file of this name in a model's folder says that its weights are random."""

DONE, FAILED, SKIPPED, STOPPED = 0, 1, 3, 130


def ended(program: str, run: Callable[[], int]) -> int:
    """The exit status of `run`; what goes wrong is one line."""
    try:
        return run()
    except SvragError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"{program}: stopped", file=sys.stderr)
        return STOPPED


def options(program: str, about: str, kept: str) -> argparse.ArgumentParser:
    """The options of each; `kept` is what --json writes of every question."""
    parser = argparse.ArgumentParser(prog=program, description=about)
    add = parser.add_argument
    models = "InternVL2, Phi, a name on the Hugging Face Hub or a folder (default: a tiny one of random weights)"
    add("--model", metavar="NAME", help=models)
    add("--data", metavar="FILE", type=Path, help="decks in SV-RAG's layout (default: demo_data/decks.json)")
    add("--limit", metavar="N", type=int, help="only the first N questions")
    add("--json", metavar="OUT", type=Path, help=f"write the result with every question's {kept}")
    add("--cache", metavar="DIR", type=Path, help="where fetched pictures are kept (default: the user's cache)")
    return parser


def check(given: argparse.Namespace) -> None:
    """Before anything that takes long.

    Raises:
        InputError: --limit is no count, or there is no folder to write --json in.
    """
    if given.limit is not None and given.limit < 1:
        raise InputError(f"--limit must be 1 or more, not {given.limit}")
    if given.json:
        check_folder_of(given.json)


def tell_random(program: str, model: str, so: str) -> None:
    """Say on stderr that the weights of `model` are random, if they are, and what follows."""
    if (Path(model).expanduser() / RANDOM_MARK).is_file():
        print(f"{program}: THE WEIGHTS OF {model} ARE RANDOM: {so}", file=sys.stderr)
