"""Options that several commands share, and how a command is made.

What an option means is said once, here, whichever command takes it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from svrag.settings import Settings

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Run: TypeAlias = Callable[[argparse.Namespace, Settings], int]
"""A command: from what was said and the settings to its exit status."""


def command(commands: Commands, name: str, run: Run, summary: str) -> argparse.ArgumentParser:
    """A command that takes the common options; its own are added to what comes back."""
    parser = commands.add_parser(name, parents=[common()], help=summary, description=summary)
    parser.set_defaults(run=run)
    return parser


def common(*, several_retrievers: bool = False) -> argparse.ArgumentParser:
    """The options of every command, taken before and after its name.

    What is not given leaves no value behind, so that what stands before the name is not overwritten by its absence
    after it. One parser for each use: `set_defaults` changes the options themselves.
    """
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("everywhere")
    group.add_argument("--library", metavar="DIR", help="library folder (default: .svrag)")
    if several_retrievers:
        several = "as for search; repeatable: each is measured on the same questions"
        group.add_argument("--retriever", metavar="NAME[,NAME...]", action="append", dest="retrievers", help=several)
    else:
        one = (
            "lexical (default, no model), dense (a text encoder), dpr, specter2, splade:MODEL, qwen2.5-embedding, openai, "
            "or a text, page-image or multi-vector model by its name on the Hub or its folder; several, with commas "
            "between them, are fused"
        )
        group.add_argument("--retriever", metavar="NAME[,NAME...]", help=one)
    group.add_argument("--encoder", metavar="NAME", help="text encoder of dense: a name on the Hub or a folder")
    group.add_argument(
        "--generator",
        metavar="NAME",
        help="quote (default, no model), openai[:MODEL] (any compatible server) and others: docs/answers.md",
    )
    group.add_argument("--config", metavar="FILE", type=Path, help="settings file (default: svrag.toml)")
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return common


def path_to_add(text: str) -> Path:
    """Of PATH arguments: an empty one, as of a variable that is not set, would be the whole current folder."""
    if not text:
        raise argparse.ArgumentTypeError("an empty path: name a file or a folder")
    return Path(text)


def reading_options(parser: argparse.ArgumentParser) -> None:
    """Of the commands that read files."""
    parser.add_argument("--password", help="for encrypted files")
    parser.add_argument("--workers", type=int, help="parsing processes (default: one per core)")
