"""The test_retrieval program: Top-1 and Top-5 of a retriever on decks of pictures, as the decks go by."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from svrag.errors import InputError
from svrag.evaluation.deck_program import (
    DEMO_DECKS,
    DONE,
    ROOT,
    SKIPPED,
    check,
    ended,
    options,
    tell_random,
)
from svrag.evaluation.decks import Deck, Measured, load_decks, measure
from svrag.evaluation.fetching import PictureFetcher, cache_folder
from svrag.output import write_text
from svrag.text import shortened, without_control

DEMO_MODEL = ROOT / ".svrag" / "tiny_retriever"
_PROGRAM = "test_retrieval"


def main(arguments: Sequence[str]) -> int:
    """Run the program and return its exit status."""
    given = _parser().parse_args(arguments)
    return ended(_PROGRAM, lambda: _run(given))


def _parser() -> argparse.ArgumentParser:
    about = "How often a page-image retriever finds the page of a deck that answers."
    parser = options(_PROGRAM, about, "ranking")
    parser.add_argument("--k", metavar="K", type=int, nargs="+", default=[1, 5], help="cutoffs (default: 1 5)")
    return parser


def _run(given: argparse.Namespace) -> int:
    cutoffs = sorted(set(given.k))
    if cutoffs[0] < 1:
        raise InputError(f"--k counts ranks from 1 on, not {cutoffs[0]}")
    check(given)
    data = given.data or DEMO_DECKS
    decks = load_decks(data, given.limit)
    model = given.model or _demo_model()
    from svrag.retrievers.multivector.loading import load_multivector

    encoder = load_multivector(model)
    tell_random(_PROGRAM, model, "its accuracy is that of chance")

    def progress(deck: Deck, so_far: Measured) -> None:
        if deck.name in so_far.skipped:
            reason = without_control(so_far.skipped[deck.name])
            print(f"{_PROGRAM}: skipped {_name(deck)}: {reason}", file=sys.stderr)
            return
        shares = "  ".join(f"Top-{k} {100 * so_far.top(k):5.1f}" for k in cutoffs)
        print(f"{_name(deck):<40} {len(so_far.ranked):>5} questions so far  {shares}", flush=True)

    fetcher = PictureFetcher(given.cache or cache_folder())
    result = measure(decks, encoder, folder=data.parent, fetcher=fetcher, cutoffs=cutoffs, on_deck=progress)
    shares = ", ".join(f"Top-{k} {100 * result.top(k):.1f}" for k in cutoffs)
    print(f"{result.model}: {shares} of {len(result.ranked)} questions in {result.seconds:.1f} s")
    if given.json:
        write_text(given.json, json.dumps(result.to_json(), ensure_ascii=False, indent=1) + "\n")
    return SKIPPED if result.skipped else DONE


def _demo_model() -> str:
    if not DEMO_MODEL.is_dir():
        raise InputError(
            "name a model with --model, or run `python scripts/demo_data/tiny_retriever.py` for a tiny one"
        )
    return str(DEMO_MODEL)


def _name(deck: Deck) -> str:
    return shortened(without_control(deck.name), 40)
