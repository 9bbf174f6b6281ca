"""The test_retrieval program: Top-1 and Top-5 of a retriever on decks of pictures, as the decks go by.

Exit status: 0 done, 1 failed (one line on stderr), 2 wrong usage, 3 some decks were skipped (named on stderr).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from svrag.errors import InputError, SvragError
from svrag.evaluation.decks import Deck, Measured, load_decks, measure
from svrag.evaluation.fetching import PictureFetcher, cache_folder
from svrag.text import shortened, without_control

ROOT = Path(__file__).resolve().parents[2]
DEMO_DECKS = ROOT / "demo_data" / "decks.json"
DEMO_MODEL = ROOT / ".svrag" / "tiny_retriever"
RANDOM_MARK = "RANDOM_WEIGHTS"
"""A file of this name in a model's folder says that its weights are random."""

_DONE, _FAILED, _SKIPPED, _STOPPED = 0, 1, 3, 130


def main(arguments: Sequence[str]) -> int:
    """Run the program and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except SvragError as error:
        print(f"test_retrieval: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("test_retrieval: stopped", file=sys.stderr)
        return _STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="test_retrieval", description="How often a page-image retriever finds the page of a deck that answers."
    )
    add = parser.add_argument
    models = "InternVL2, Phi, a name on the Hugging Face Hub or a folder (default: a tiny one of random weights)"
    add("--model", metavar="NAME", help=models)
    add("--data", metavar="FILE", type=Path, help="decks in SV-RAG's layout (default: demo_data/decks.json)")
    add("--k", metavar="K", type=int, nargs="+", default=[1, 5], help="cutoffs (default: 1 5)")
    add("--limit", metavar="N", type=int, help="only the first N questions")
    add("--json", metavar="OUT", type=Path, help="write the result with every question's ranking")
    add("--cache", metavar="DIR", type=Path, help="where fetched pictures are kept (default: the user's cache)")
    return parser


def _run(options: argparse.Namespace) -> int:
    cutoffs = sorted(set(options.k))
    if cutoffs[0] < 1:
        raise InputError(f"--k counts ranks from 1 on, not {cutoffs[0]}")
    if options.limit is not None and options.limit < 1:
        raise InputError(f"--limit must be 1 or more, not {options.limit}")
    if options.json and not options.json.absolute().parent.is_dir():
        raise InputError(f"cannot write {options.json}: there is no folder {options.json.parent}")
    data = options.data or DEMO_DECKS
    decks = load_decks(data, options.limit)
    model = options.model or _demo_model()
    from svrag.retrievers.multivector.loading import load_multivector

    encoder = load_multivector(model)
    if (Path(model).expanduser() / RANDOM_MARK).is_file():
        print(f"test_retrieval: THE WEIGHTS OF {model} ARE RANDOM: its accuracy is that of chance", file=sys.stderr)

    def progress(deck: Deck, so_far: Measured) -> None:
        if deck.name in so_far.skipped:
            reason = without_control(so_far.skipped[deck.name])
            print(f"test_retrieval: skipped {_name(deck)}: {reason}", file=sys.stderr)
            return
        shares = "  ".join(f"Top-{k} {100 * so_far.top(k):5.1f}" for k in cutoffs)
        print(f"{_name(deck):<40} {len(so_far.ranked):>5} questions so far  {shares}", flush=True)

    fetcher = PictureFetcher(options.cache or cache_folder())
    result = measure(decks, encoder, folder=data.parent, fetcher=fetcher, cutoffs=cutoffs, on_deck=progress)
    shares = ", ".join(f"Top-{k} {100 * result.top(k):.1f}" for k in cutoffs)
    print(f"{result.model}: {shares} of {len(result.ranked)} questions in {result.seconds:.1f} s")
    if options.json:
        write_text(options.json, json.dumps(result.to_json(), ensure_ascii=False, indent=1) + "\n")
    return _SKIPPED if result.skipped else _DONE


def _demo_model() -> str:
    if not DEMO_MODEL.is_dir():
        raise InputError(
            "name a model with --model, or run `python scripts/demo_data/tiny_retriever.py` for a tiny one"
        )
    return str(DEMO_MODEL)


def _name(deck: Deck) -> str:
    return shortened(without_control(deck.name), 40)


def write_text(path: Path, text: str) -> None:
    """Raises:
    InputError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
